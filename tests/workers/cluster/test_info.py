"""What a worker tells about its cluster."""

from penstock_workers.cluster.info import AwayWorker, ClusterInfo, WorkerInfo, cluster_info
from penstock_workers.cluster.members import Member, View
from penstock_workers.status import TaskId
from penstock_workers.store.assignments import Assignment, Place

STAYS, KEPT, MOVES = (TaskId("c", number) for number in range(3))
HERE, AWAY = Place("here", 3), Place("away", 2)


def test_who_is_there_and_who_will_be_back() -> None:
    decision = Assignment(3, "here", 1, "", {STAYS: HERE, KEPT: AWAY}, {MOVES: HERE}, {"away": 70, "here": 60})
    here = WorkerInfo("here", "http://here", True, False, [STAYS], [MOVES])
    there = View.of(1, "here", [Member("here", "http://here")])
    assert cluster_info(there, decision) == ClusterInfo("here", 3, [here], [AwayWorker("away", [KEPT])])


def test_who_has_not_joined_knows_nobody() -> None:
    assert cluster_info(None, Assignment(3, away={"away": 70})) == ClusterInfo("", 3, [], [])
