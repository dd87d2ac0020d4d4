"""Why a worker can be no member of its cluster: errors that no retry helps against."""

from __future__ import annotations

from penstock import PenstockError
from penstock_workers.cluster.members import Member
from penstock_workers.config import TOPIC_OPTIONS, WorkerConfig

INCONSISTENT_PROTOCOL = 23
FENCED_INSTANCE = 82


def check_code(config: WorkerConfig, error_code: int) -> None:
    """Raises PenstockError where the coordinator's answer says so."""
    if error_code == FENCED_INSTANCE:
        raise PenstockError(
            "another process has joined the cluster under this worker's id",
            code="worker-id-in-use",
            where=f"worker.id={config.id}",
            hint="stop one of the two, or give it a worker.id of its own",
        )
    if error_code == INCONSISTENT_PROTOCOL:
        raise PenstockError(
            "the group of this name is not a cluster of Penstock's workers",
            code="foreign-group",
            where=f"group.id={config.group_id}",
            hint="stop its members (Kafka Connect's workers, or consumers), or choose another group.id",
        )


def check_same_topics(config: WorkerConfig, leader: Member) -> None:
    """Raises PenstockError where the leader's cluster keeps what it knows elsewhere: two clusters then share a name."""
    for option, mine, theirs in zip(TOPIC_OPTIONS, config.internal_topics, leader.topics, strict=True):
        if mine != theirs:
            raise PenstockError(
                f"the cluster of this name has other internal topics: its {option} is {theirs}, not {mine}",
                code="another-cluster",
                where=f"group.id={config.group_id}",
                hint=f"set {option}={theirs} to join it, or choose another group.id for a cluster of its own",
            )
