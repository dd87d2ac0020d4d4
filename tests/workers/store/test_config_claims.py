"""Changes that several workers make of one connector at the same time: every reader finds the same ones lost, however
much of the log was compacted before it came, and no change that counts is undone by one that did not know of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from penstock_workers.status import TargetState
from penstock_workers.store.config_claims import claimed
from penstock_workers.store.configs import (
    ConfigTable,
    connector_record,
    connector_records,
    deletion_records,
    written_once_more,
)
from penstock_workers.store.records import TableRecord

NAME = "c"
Change = list[TableRecord]


def table_of(*changes: Change) -> ConfigTable:
    table = ConfigTable()
    for change in changes:
        for record in change:
            table.apply(record)
    return table


def changed(value: str, claim: str, based_on: str = "", state: TargetState = TargetState.RUNNING) -> Change:
    config = {"x": value}
    return list(claimed(connector_records(NAME, config, state, [config]), claim, [based_on]))


def deleted(claim: str, *based_on: str) -> Change:
    return list(claimed(deletion_records(NAME), claim, based_on))


def wanted(table: ConfigTable) -> tuple[object, ...]:
    return table.configs, table.tasks(NAME), table.target_state(NAME)


def test_of_two_creations_of_one_name_the_first_counts() -> None:
    first, second = changed("1", "first"), changed("2", "second")
    for changes in ((first, second), (first, first, second), (first, second, first)):
        table = table_of(*changes)
        assert wanted(table) == ({NAME: {"x": "1"}}, [{"x": "1"}], TargetState.RUNNING)
        assert (table.claims.has_lost("first"), table.claims.has_lost("second")) == (False, True)
        assert table.claims.contested == {NAME: {"second"}}


def test_of_two_changes_of_one_version_the_first_counts() -> None:
    first, paused = changed("1", "a"), changed("1", "b", "a", TargetState.PAUSED)
    table = table_of(first, paused, changed("2", "c", "a"), changed("3", "d", "b", TargetState.PAUSED))
    assert wanted(table) == ({NAME: {"x": "3"}}, [{"x": "3"}], TargetState.PAUSED)
    assert [table.claims.has_lost(claim) for claim in "abcd"] == [False, False, True, False]


def test_a_change_does_not_bring_back_what_was_deleted_and_a_creation_does() -> None:
    before = changed("1", "a"), deleted("d", "a")
    table = table_of(*before, changed("2", "b", "a"), changed("1", "a"))
    assert not table.configs
    assert table.claims.contested == {NAME: {"a", "b"}}
    assert table_of(*before, changed("2", "b", "d")).configs == {NAME: {"x": "2"}}


def test_a_deletion_does_not_take_what_was_created_after_its_author_looked() -> None:
    """As the leader writes one once more, because a change lost against it, when the connector is made anew."""
    before = changed("1", "a"), deleted("d", "a"), changed("2", "lost", "a"), changed("3", "new", "d")
    table = table_of(*before, deleted("again", "d", "lost"))
    assert wanted(table) == ({NAME: {"x": "3"}}, [{"x": "3"}], TargetState.RUNNING)
    assert table.claims.has_lost("again")
    assert "again" in table.claims.contested[NAME]
    assert not table_of(*before, deleted("again", "new")).configs


def test_a_deletion_by_another_program_counts_and_lets_a_creation_through() -> None:
    tombstones = [record for record in deletion_records(NAME) if record.value is None]
    before = changed("1", "a", state=TargetState.PAUSED), tombstones
    assert wanted(table_of(*before)) == ({}, (), TargetState.RUNNING)
    assert not table_of(*before, changed("2", "b", "a")).configs
    assert table_of(*before, changed("2", "b")).configs == {NAME: {"x": "2"}}


def test_what_another_program_writes_counts_and_later_changes_have_to_know_of_it() -> None:
    foreign = [connector_record(NAME, {"x": "2"})]
    table = table_of(changed("1", "a"), foreign, changed("3", "b", "a"))
    assert table.configs == {NAME: {"x": "2"}}
    version = table.claims.version(NAME)
    assert table_of(changed("1", "a"), foreign, changed("4", "c", version)).configs == {NAME: {"x": "4"}}


class Step(NamedTuple):
    """One change by a worker that has read the log but for so many changes, or what the leader writes then."""

    kind: str
    behind: int


kinds = st.sampled_from(["set", "set", "pause", "create", "delete", "leader", "leader"])
steps = st.lists(st.builds(Step, kinds, st.integers(0, 3)), min_size=1, max_size=12)


@given(steps, st.integers(0, 100), st.booleans())
def test_readers_of_a_compacted_log_and_of_a_whole_one_agree(
    steps: Sequence[Step], cut_percent: int, tombstones_stay: bool
) -> None:
    log = log_of(steps)
    while again := written_again(table_of(*log), f"at the end {len(log)}"):
        log.append(again)
    cut = len(log) * cut_percent // 100
    whole = table_of(*log)
    assert wanted(table_of(kept(log[:cut]), *log[cut:])) == wanted(whole)
    if not tombstones_stay:
        log = [[record for record in kept(log) if record.value is not None]]
    assert wanted(table_of(kept(log))) == wanted(whole)


@given(steps)
def test_what_the_leader_writes_once_more_changes_nothing(steps: Sequence[Step]) -> None:
    log: list[Change] = []
    for number, step in enumerate(steps):
        before = wanted(table_of(*log))
        log.append(one_change(step, table_of(*log[: len(log) - step.behind]), str(number)))
        assert step.kind != "leader" or wanted(table_of(*log)) == before


@given(steps)
def test_each_change_that_counts_is_based_on_the_one_before(steps: Sequence[Step]) -> None:
    """As a counter shows that each worker adds one to: no addition is lost."""
    log: list[Change] = []
    additions = 0
    for number, step in enumerate(steps):
        seen = table_of(*log[: len(log) - step.behind])
        value = int(seen.configs.get(NAME, {}).get("x", "0")) + 1
        log.append(changed(str(value), str(number), seen.claims.version(NAME)))
        additions += not table_of(*log).claims.has_lost(str(number))
    assert table_of(*log).configs == {NAME: {"x": str(additions)}}


def one_change(step: Step, seen: ConfigTable, claim: str) -> Change:
    version, config = seen.claims.version(NAME), seen.configs.get(NAME)
    match step.kind:
        case "leader":
            return written_again(seen, claim)
        case "create":
            return [] if config else changed(claim, claim, version)
        case _ if config is None:
            return []
        case "delete":
            return deleted(claim, version)
        case "pause":
            return changed(config["x"], claim, version, TargetState.PAUSED)
        case _:
            return changed(claim, claim, version, seen.target_state(NAME))


def log_of(steps: Sequence[Step]) -> list[Change]:
    log: list[Change] = []
    for number, step in enumerate(steps):
        log.append(one_change(step, table_of(*log[: len(log) - step.behind]), str(number)))
    return log


def written_again(table: ConfigTable, claim: str) -> Change:
    """As the leader does."""
    return list(written_once_more(table, NAME, claim)) if NAME in table.claims.contested else []


def kept(changes: Sequence[Change]) -> Change:
    """What compaction leaves of them: the last record of each key. Deletions stay for a while."""
    records = [record for change in changes for record in change]
    last = {record.key: number for number, record in enumerate(records)}
    return [record for number, record in enumerate(records) if last[record.key] == number]
