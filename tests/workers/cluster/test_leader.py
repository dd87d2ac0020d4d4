"""The leader's decisions against every order of joins, leaves, freezes, configurations and leaders.

A model of the cluster around the pure `decide`: workers read the assignments one by one, at their own pace, stop and
start what these say, and acknowledge by statuses. At no time may two workers that have the right to run be running one
task, or tasks of two divisions of one work; once all have caught up, every task runs exactly once.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from itertools import count as counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from penstock_workers.cluster.leader import (
    Wanted,
    WantedTask,
    abandoned,
    acknowledged,
    decide,
    is_made_for,
    next_deadline_ms,
    taken_over,
)
from penstock_workers.cluster.members import Member, View
from penstock_workers.status import TaskId
from penstock_workers.store.assignments import Assignment, AssignmentTable, Place, assignment_record

NAMES = ("a", "b", "c")
AWAY_MS = 3
CONNECTORS = ("x", "y")
names = st.sampled_from(NAMES)


def view(*workers: str, generation: int = 1, draining: tuple[str, ...] = ()) -> View:
    return View.of(generation, "a", [Member(name, f"http://{name}", name in draining) for name in workers])


def tasks(
    connector: str, count: int, weight: float = 1.0, task_set: str = "", workers: Collection[str] = NAMES
) -> Wanted:
    return {TaskId(connector, number): WantedTask(weight, task_set, frozenset(workers)) for number in range(count)}


@dataclass
class Worker:
    """One process of a worker."""

    member_id: str
    joined: int
    """At how many views: it runs nothing before it has read an assignment that was made for a later one."""
    read: int
    """How many assignments it has read."""
    may_run: bool = False
    draining: bool = False
    away: bool = False
    running: dict[TaskId, Place] = field(default_factory=dict)
    stopping: set[TaskId] = field(default_factory=set)


class ClusterMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.log: list[Assignment] = [Assignment()]
        self.stops: dict[str, dict[TaskId, int]] = {}
        self.installed = {connector: set(NAMES) for connector in CONNECTORS}
        """By connector: the workers that have its class."""
        self.now_ms = 0
        self.wanted: dict[TaskId, WantedTask] = {}
        self.workers: dict[str, Worker] = {}
        self.member_ids = map(str, counter())
        self.generation = 0
        self.views: list[View] = []
        """All so far. A leader that is late decides by an old one until it is fenced."""
        self.led = 0
        """The last of them by which one has decided."""
        self.join("a")
        self.join("b")
        self.configure("x", 3, "")
        self.lead(1)
        self.catch_up(set(), 2)

    def regroup(self) -> None:
        self.generation += 1
        members = [
            Member(name, "", worker.draining, AWAY_MS if worker.away else 0, member_id=worker.member_id)
            for name, worker in self.workers.items()
        ]
        if members:
            self.views.append(View.of(self.generation, members[0].worker_id, members))

    @rule(name=names)
    def join(self, name: str) -> None:
        if name not in self.workers:
            self.workers[name] = self.started()
            self.regroup()

    def started(self, *, draining: bool = False) -> Worker:
        return Worker(next(self.member_ids), len(self.views), len(self.log), draining=draining)

    @rule(name=names)
    def die(self, name: str) -> None:
        """Killed, or frozen until its session ended: what it runs writes nothing any more."""
        if self.workers.pop(name, None):
            self.regroup()

    @rule(name=names)
    def restart_in_place(self, name: str) -> None:
        """Killed and started again before anybody noticed: it keeps its place in the group."""
        if worker := self.workers.get(name):
            self.workers[name] = self.started(draining=worker.draining)
            self.regroup()

    @rule()
    def start_all_again(self) -> None:
        """After a while, in which the group was forgotten as Kafka forgets empty ones: it counts generations anew."""
        names = [*self.workers]
        self.workers.clear()
        self.generation = 0
        for name in names:
            self.join(name)

    @rule(name=names)
    def go_away(self, name: str) -> None:
        """Say that it is about to be restarted."""
        if worker := self.workers.get(name):
            worker.away = True
            self.regroup()

    @rule(name=names)
    def leave(self, name: str) -> None:
        """All tasks have stopped; it may be back, or not."""
        worker = self.workers.get(name)
        if worker and worker.away:
            del self.workers[name]
            self.regroup()

    @rule()
    def time_passes(self) -> None:
        self.now_ms += 2

    @rule(name=names, connectors=st.sets(st.sampled_from(CONNECTORS)))
    def restart_with_other_plugins(self, name: str, connectors: set[str]) -> None:
        for connector, workers in self.installed.items():
            (workers.add if connector in connectors else workers.discard)(name)
        self.restart_in_place(name)
        self.wanted = {
            task: replace(each, workers=frozenset(self.installed[task.connector])) for task, each in self.wanted.items()
        }

    @rule(name=names)
    def drain(self, name: str) -> None:
        if worker := self.workers.get(name):
            worker.draining = True
            self.regroup()

    @rule(connector=st.sampled_from(CONNECTORS), count=st.integers(0, 4), division=st.sampled_from(["", "p", "q"]))
    def configure(self, connector: str, count: int, division: str) -> None:
        self.wanted = {task: each for task, each in self.wanted.items() if task.connector != connector}
        self.wanted |= tasks(connector, count, task_set=division, workers=self.installed[connector])

    @precondition(lambda self: self.views)
    @rule(late=st.integers(1, 3))
    def lead(self, late: int) -> None:
        """A leader of this generation, or of one before, until a later one has written."""
        number = len(self.views) - min(late, len(self.views))
        if number >= self.led:
            self.led, seen = number, self.views[number]
            done = acknowledged(self.log[-1], self.stops)
            decided = decide(self.log[-1], seen, self.wanted, done, self.now_ms)
            if decided is not self.log[-1]:
                self.log.append(decided)
            for task, where in decided.tasks.items():
                may_run = where.worker in self.wanted[task].workers or where.worker in decided.away
                assert may_run, "it has no such class"

    @rule(behind=st.sets(names, max_size=2), count=st.integers(1, 4))
    def catch_up(self, behind: set[str], count: int) -> None:
        for name in self.workers.keys() - behind:
            for _ in range(count):
                self.read(name)

    @precondition(lambda self: self.views)
    @rule(late=st.integers(1, 2), behind=st.sets(names, max_size=2), slow=st.sets(names, max_size=2))
    def go_on(self, late: int, behind: set[str], slow: set[str]) -> None:
        """What happens most."""
        self.lead(late)
        self.catch_up(behind, 2)
        self.finish_stops(slow)
        self.lead(late)

    @rule(slow=st.sets(names, max_size=2))
    def finish_stops(self, slow: set[str]) -> None:
        for name in self.workers.keys() - slow:
            self.stop(name)

    def read(self, name: str) -> None:
        worker = self.workers[name]
        worker.read = min(worker.read + 1, len(self.log))
        seen = self.log[worker.read - 1]
        worker.may_run = worker.may_run or any(is_made_for(seen, view) for view in self.views[worker.joined :])
        mine = {task: where for task, where in seen.tasks.items() if where.worker == name} if worker.may_run else {}
        worker.stopping |= {task for task, where in worker.running.items() if mine.get(task) != where}
        for task, where in mine.items():
            wanted = self.wanted.get(task)
            if task not in worker.running and wanted is not None and wanted.task_set == where.task_set:
                worker.running[task] = where

    def stop(self, name: str) -> None:
        """Everything that was to stop has, and this is said of what is being revoked."""
        worker = self.workers[name]
        if not worker.may_run:
            return
        for task in worker.stopping:
            del worker.running[task]
        worker.stopping.clear()
        self.stops[name] = {
            task: where.epoch
            for task, where in self.log[worker.read - 1].revoking.items()
            if where.worker == name and task not in worker.running
        }

    @invariant()
    def nothing_runs_twice(self) -> None:
        running = [(task, where) for worker in self.workers.values() for task, where in worker.running.items()]
        assert len({task for task, _ in running}) == len(running), running
        for task, where in running:
            divisions = {other.task_set for each, other in running if each.connector == task.connector}
            assert divisions == {where.task_set}, running

    @invariant()
    def no_worker_has_what_another_stops(self) -> None:
        assert not self.log[-1].tasks.keys() & self.log[-1].revoking.keys()

    def teardown(self) -> None:
        """Once things are quiet every task runs once, if there is a worker that can run it."""
        for name in [name for name, worker in self.workers.items() if worker.away]:
            self.leave(name)
        self.now_ms += AWAY_MS
        if not self.workers:
            self.join("a")
        for _ in range(12):
            self.lead(1)
            for name in self.workers:
                for _ in range(len(self.log)):
                    self.read(name)
                self.stop(name)
                self.read(name)
        running = [task for worker in self.workers.values() for task in worker.running]
        takers = {name for name, worker in self.workers.items() if not worker.draining} or self.workers.keys()
        can_run = [task for task, each in self.wanted.items() if each.workers & takers]
        assert sorted(running) == sorted(can_run), (running, self.log[-1])
        self.lead(1)
        last = self.log[-1]
        assert not last.revoking
        assert decide(last, self.views[-1], self.wanted, (), self.now_ms) is last, "nothing moves without a reason"


TestCluster = pytest.mark.filterwarnings("ignore")(ClusterMachine.TestCase)
TestCluster.settings = settings(max_examples=300, stateful_step_count=20)


def settled(current: Assignment, group: View, wanted: Wanted) -> Assignment:
    """After all revocations have been carried out."""
    while True:
        decided = decide(current, group, wanted, current.revoking)
        if decided is current:
            return current
        current = decided


def moved(before: Assignment, after: Assignment) -> set[TaskId]:
    return {task for task, where in before.tasks.items() if after.tasks.get(task) != where}


def loads(assignment: Assignment) -> list[int]:
    found = [where.worker for where in assignment.tasks.values()]
    return sorted(found.count(name) for name in set(found))


def test_a_task_that_moves_is_given_on_when_its_worker_has_stopped_it() -> None:
    wanted = tasks("x", 2)
    before = settled(Assignment(), view("a"), wanted)
    group = view("a", "b", generation=2)
    revoking = decide(before, group, wanted, ())
    ((task, where),) = revoking.revoking.items()
    assert (where.worker, where.epoch) == ("a", revoking.epoch)
    assert decide(revoking, group, wanted, ()) is revoking
    assert acknowledged(revoking, {"a": {task: revoking.epoch - 1}}) == set(), "this is of an earlier place"
    assert acknowledged(revoking, {"b": {task: revoking.epoch}}) == set(), "this is of another worker"
    done = acknowledged(revoking, {"a": {task: revoking.epoch}})
    assert decide(revoking, group, wanted, done).tasks[task].worker == "b"


def test_of_a_dead_worker_nobody_waits_for_an_answer() -> None:
    wanted = tasks("x", 4)
    before = settled(Assignment(), view("a", "b"), wanted)
    after = decide(before, view("a", generation=2), wanted, ())
    assert {where.worker for where in after.tasks.values()} == {"a"}
    assert not after.revoking
    assert len(moved(before, after)) == 2


def test_a_newcomer_is_given_its_share_and_no_more() -> None:
    wanted = tasks("x", 90)
    before = settled(Assignment(), view("a", "b"), wanted)
    after = settled(before, view("a", "b", "c", generation=2), wanted)
    assert loads(before) == [45, 45]
    assert max(loads(after)) - min(loads(after)) <= 3
    assert 28 <= len(moved(before, after)) <= 30


def test_drained_each_task_moves_once_and_what_comes_back_takes_the_same_ones() -> None:
    wanted = tasks("x", 30)
    before = settled(Assignment(), view("a", "b", "c"), wanted)
    drained = settled(before, view("a", "b", "c", generation=2, draining=("c",)), wanted)
    assert len(moved(before, drained)) == 10
    left = settled(drained, view("a", "b", generation=3), wanted)
    assert not moved(drained, left)
    back = settled(left, view("a", "b", "c", generation=4), wanted)
    assert moved(left, back) <= moved(before, drained), "who stayed through the drain stays"


def test_small_changes_move_nothing() -> None:
    wanted = tasks("x", 80)
    before = settled(Assignment(), view("a", "b"), wanted)
    more = settled(before, view("a", "b"), {**wanted, **tasks("y", 3)})
    assert not moved(before, more)
    fewer = {task: each for task, each in wanted.items() if before.tasks[task].worker == "a" or task.task > 5}
    assert len(wanted) - len(fewer) == 3
    assert moved(before, settled(before, view("a", "b"), fewer)) == wanted.keys() - fewer.keys()


def test_weights_count_and_not_numbers() -> None:
    wanted = {**tasks("heavy", 1, weight=10), **tasks("light", 10)}
    after = settled(Assignment(), view("a", "b"), wanted)
    heavy = after.tasks[TaskId("heavy", 0)].worker
    assert all(where.worker != heavy for task, where in after.tasks.items() if task.connector == "light")


def test_weights_of_what_has_its_place_count_for_what_comes() -> None:
    group, heavy, light = view("a", "b"), tasks("heavy", 1, weight=10), tasks("light", 10)
    before = settled(Assignment(), group, heavy)
    after = decide(before, group, {**heavy, **light}, ())
    assert not {after.tasks[task].worker for task in light} & {where.worker for where in before.tasks.values()}


def test_the_heaviest_and_those_with_the_least_choice_find_their_place_first() -> None:
    heavy, light = tasks("z", 1, weight=4), tasks("a", 4)
    after = decide(Assignment(), view("a", "b"), {**heavy, **light}, ())
    assert loads(after) == [1, 4], "the heavy one alone"
    choosy, others = tasks("z", 3, workers=["c"]), tasks("a", 6)
    assert loads(decide(Assignment(), view("a", "b", "c"), {**choosy, **others}, ())) == [3, 3, 3]


def test_a_new_division_starts_when_all_of_the_old_has_stopped() -> None:
    before = settled(Assignment(), view("a", "b"), tasks("x", 2, task_set="two"))
    wanted = tasks("x", 3, task_set="three")
    first = decide(before, view("a", "b"), wanted, ())
    assert not first.tasks
    half = decide(first, view("a", "b"), wanted, {TaskId("x", 0)})
    assert not half.tasks
    assert len(decide(half, view("a", "b"), wanted, {TaskId("x", 1)}).tasks) == 3


def test_whoever_had_a_part_of_a_division_and_died_is_fenced_unless_a_successor_does() -> None:
    wanted = tasks("x", 2, task_set="two")
    before = settled(Assignment(), view("a", "b"), wanted)
    (of_b,) = [task for task, where in before.tasks.items() if where.worker == "b"]
    alone = view("a", generation=2)
    same = decide(before, alone, wanted, ())
    assert abandoned(before, same, alone) == set()
    three = tasks("x", 3, task_set="three")
    other = decide(before, alone, three, ())
    assert abandoned(before, other, alone) == {of_b}
    revoking = decide(before, view("a", "b"), three, ())
    assert abandoned(revoking, decide(revoking, alone, three, ()), alone) == {of_b}, "it had been asked to stop"
    undivided = settled(Assignment(), view("a", "b"), tasks("x", 2))
    assert abandoned(undivided, decide(undivided, alone, {}, ()), alone) == set(), "nobody reads the same"


def away_view(*workers: str, away: str, generation: int) -> View:
    return View.of(generation, "a", [Member(name, "", False, 60_000 if name == away else 0) for name in workers])


def test_what_is_restarted_keeps_its_tasks_for_its_time_and_takes_no_new_ones() -> None:
    wanted = tasks("x", 9)
    before = settled(Assignment(), view("a", "b", "c"), wanted)
    going = decide(before, away_view("a", "b", "c", away="c", generation=2), wanted, (), 1000)
    gone = decide(going, view("a", "b", generation=3), {**wanted, **tasks("y", 4)}, (), 5000)
    assert gone.away == {"c": 61_000}
    assert next_deadline_ms(gone, 5000) == 61_000
    assert not moved(before, gone)
    assert {gone.tasks[task].worker for task in tasks("y", 4)} == {"a", "b"}
    back = decide(gone, view("a", "b", "c", generation=4), wanted, (), 60_999)
    assert not moved(before, back)
    assert not back.away


def test_the_time_of_whoever_is_about_to_go_begins_once() -> None:
    wanted = tasks("x", 2)
    before = settled(Assignment(), view("a", "b"), wanted)
    going = decide(before, away_view("a", "b", away="b", generation=2), wanted, (), 1000)
    still_going = decide(going, away_view("a", "b", away="b", generation=3), wanted, (), 5000)
    assert going.away == still_going.away == {"b": 61_000}


def test_what_does_not_come_back_in_time_is_taken_over_and_comes_back_once() -> None:
    wanted = tasks("x", 9)
    before = settled(Assignment(), view("a", "b", "c"), wanted)
    going = decide(before, away_view("a", "b", "c", away="c", generation=2), wanted, (), 1000)
    gone = decide(going, view("a", "b", generation=3), wanted, (), 5000)
    late = decide(gone, view("a", "b", generation=3), wanted, (), 61_000)
    assert {where.worker for where in late.tasks.values()} == {"a", "b"}
    assert len(moved(before, late)) == 3
    back = settled(late, view("a", "b", "c", generation=4), wanted)
    assert moved(late, back) == moved(before, late), "nothing else has to move"
    assert loads(back) == [3, 3, 3]


@pytest.mark.parametrize("now_ms", [0, 10**12])
def test_the_time_of_who_is_away_is_counted_by_the_clock_of_the_leader_alone(now_ms: int) -> None:
    """The next leader's machine may have been started later, or earlier, and its time of day be set to anything."""
    wanted, table = tasks("x", 9), AssignmentTable()
    before = settled(Assignment(), view("a", "b", "c"), wanted)
    going = decide(before, away_view("a", "b", "c", away="c", generation=2), wanted, (), 10**9)
    decided = decide(going, view("a", "b", generation=3), wanted, (), 10**9 + 10_000)
    table.apply(assignment_record(decided, 10**9 + 10_000))
    gone = taken_over(table.current, now_ms)
    assert next_deadline_ms(gone, now_ms) == now_ms + 50_000
    assert not moved(before, decide(gone, view("a", "b", generation=4), wanted, (), now_ms + 49_999))
    late = decide(gone, view("a", "b", generation=4), wanted, (), now_ms + 50_000)
    assert {where.worker for where in late.tasks.values()} == {"a", "b"}


def test_whoever_is_still_there_when_its_time_is_up_gives_its_tasks_away_at_that_moment() -> None:
    wanted = tasks("x", 2)
    before = settled(Assignment(), view("a", "b"), wanted)
    group = away_view("a", "b", away="b", generation=2)
    going = decide(before, group, wanted, (), 1000)
    assert not going.revoking
    assert next_deadline_ms(going, 1000) == 61_000
    assert {where.worker for where in decide(going, group, wanted, (), 61_000).revoking.values()} == {"b"}


def test_of_whoever_is_away_nobody_waits_to_hear_that_a_deleted_task_has_stopped() -> None:
    wanted = tasks("x", 2)
    before = settled(Assignment(), view("a", "b"), wanted)
    going = decide(before, away_view("a", "b", away="b", generation=2), wanted, (), 1000)
    gone = decide(going, view("a", generation=3), {}, (), 2000)
    assert {where.worker for where in gone.revoking.values()} == {"a"}


def test_which_classes_a_worker_has_is_asked_when_it_is_back() -> None:
    before = settled(Assignment(), view("a", "b"), tasks("x", 2))
    without = tasks("x", 2, workers=["a"])
    going = decide(before, away_view("a", "b", away="b", generation=2), without, (), 1000)
    gone = decide(going, view("a", generation=3), without, (), 2000)
    assert not moved(before, gone)
    back = settled(gone, view("a", "b", generation=4), without)
    assert {where.worker for where in back.tasks.values()} == {"a"}


def test_a_task_goes_only_where_its_class_is() -> None:
    old, new = tasks("old", 6), tasks("new", 3, workers=["c"])
    group = view("a", "b", "c")
    after = settled(Assignment(), group, {**old, **new})
    assert {after.tasks[task].worker for task in new} == {"c"}
    assert loads(after) == [3, 3, 3]
    nowhere = settled(after, view("a", "b", generation=2), {**old, **new})
    assert nowhere.tasks.keys() == old.keys()


def test_a_rolling_upgrade_moves_a_task_only_when_its_worker_lacks_the_class() -> None:
    group, wanted = view("a", "b", "c"), tasks("x", 9)
    before = settled(Assignment(), group, wanted)
    without = tasks("x", 9, workers=["a", "b"])
    after = settled(before, group, without)
    assert moved(before, after) == {task for task, where in before.tasks.items() if where.worker == "c"}
    assert moved(after, settled(after, group, tasks("x", 9))) == moved(before, after)


def test_where_all_drain_the_tasks_stay() -> None:
    before = settled(Assignment(), view("a"), tasks("x", 2))
    after = settled(before, view("a", generation=2, draining=("a",)), tasks("x", 2))
    assert replace(after, generation=1, epoch=before.epoch) == before


def test_where_all_go_those_that_drain_take_what_comes_and_not_those_that_are_restarted() -> None:
    group = View.of(1, "a", [Member("a", "", draining=True), Member("b", "", away_ms=60_000)])
    after = decide(Assignment(), group, tasks("x", 2), (), 1000)
    assert {where.worker for where in after.tasks.values()} == {"a"}


def test_an_assignment_of_another_day_is_made_for_no_generation_of_today() -> None:
    """Kafka forgets a group that was empty for some minutes, and counts its generations anew."""
    wanted = tasks("x", 2)
    first, second = (
        View.of(2, "a", [Member(name, "", member_id=f"{name}-{day}") for name in ("a", "b")]) for day in (1, 2)
    )
    of_first = settled(Assignment(), first, wanted)
    assert is_made_for(of_first, first)
    assert not is_made_for(of_first, second)
    of_second = settled(of_first, second, wanted)
    assert is_made_for(of_second, second), "whoever waits to be admitted is told, though nothing moves"
    assert of_second.tasks == of_first.tasks


def test_a_process_that_has_died_is_taken_out_of_a_view_and_its_successor_is_not() -> None:
    group = View.of(1, "a", [Member("a", "", member_id="a-1"), Member("b", "", member_id="b-2")])
    assert group.without(Member("b", "", member_id="b-2")).members.keys() == {"a"}
    assert group.without(Member("b", "", member_id="b-1")) == group


def test_an_assignment_comes_through_the_log_unchanged() -> None:
    before = settled(Assignment(), view("a", "b"), tasks("x-1", 3, task_set="s"))
    revoking = decide(before, view("a", "b", generation=2, draining=("b",)), tasks("x-1", 3, task_set="s"), ())
    table = AssignmentTable()
    table.apply(assignment_record(revoking))
    assert table.current == revoking
