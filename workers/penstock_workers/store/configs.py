"""`connect-configs` as a table: what people want to run.

    connector-NAME          {"properties": {...}}; a tombstone deletes the connector
    target-state-NAME       {"state": "STARTED" | "PAUSED", "state.v2": "STARTED" | "PAUSED" | "STOPPED"}
    task-NAME-N             {"properties": {...}}; counts only with the commit record that follows
    commit-NAME             {"tasks": COUNT}; {"tasks": 0, "deletes": [KEY, ...]} deletes the connector too, and is
                            followed by the tombstones of these keys
    restart-connector-NAME  {"include-tasks": BOOL, "only-failed": BOOL}, and "task": N where only that one is meant

Two further fields, "claim" and "based-on", keep changes that are made at the same time apart: see `config_claims`. A
tombstone has no fields: the commit before it has them, which Kafka Connect's own reader takes for one of no tasks.

One partition, so the order of the records is the order of events. Keys that other programs own (session-key,
tasks-fencing-NAME, logger-cluster-NAME) are passed over. Pure: no I/O.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from penstock_workers.status import TargetState, TaskId
from penstock_workers.store.config_claims import DELETES, ConfigClaims, claimed
from penstock_workers.store.records import TableRecord, UnreadableRecord, parse_object

CONNECTOR = "connector-"
TARGET_STATE = "target-state-"
TASK = "task-"
COMMIT = "commit-"
RESTART = "restart-connector-"

# Kafka Connect's names of the target states, and the older field "state", which knows no STOPPED.
SPELLINGS = {TargetState.RUNNING: "STARTED", TargetState.PAUSED: "PAUSED", TargetState.STOPPED: "STOPPED"}
TARGET_STATES = {spelling: state for state, spelling in SPELLINGS.items()}

StringMap = Mapping[str, str]


class RestartRequest(NamedTuple):
    """An event rather than a state: it means something to those who are running when it is written."""

    connector: str
    include_tasks: bool = False
    only_failed: bool = False
    task: int | None = None
    """This one and nothing else."""

    def means(self, task: TaskId) -> bool:
        if task.connector != self.connector:
            return False
        return self.include_tasks if self.task is None else self.task == task.task


class ConfigTable:
    def __init__(self) -> None:
        self.configs: dict[str, StringMap] = {}
        self._target_states: dict[str, TargetState] = {}
        self._tasks: dict[str, Sequence[StringMap]] = {}
        self._uncommitted: dict[str, dict[int, StringMap]] = {}
        self.claims = ConfigClaims()

    def target_state(self, name: str) -> TargetState:
        return self._target_states.get(name, TargetState.RUNNING)

    def tasks(self, name: str) -> Sequence[StringMap]:
        """The configurations of the tasks, by number, as last committed."""
        return self._tasks.get(name, ())

    def apply(self, record: TableRecord) -> RestartRequest | None:
        """Take in a record; answers the restart that it asks for, if it does. Raises UnreadableRecord."""
        key = record.key.decode(errors="replace")
        if name := _suffix(key, RESTART):
            return _restart_request(name, record.value, key)
        if not self.claims.lets_through(record, key, _suffix(key, CONNECTOR) or _suffix(key, COMMIT)):
            return None
        if name := _suffix(key, CONNECTOR):
            self._apply_connector(name, record.value, key)
        elif name := _suffix(key, TARGET_STATE):
            self._apply_target_state(name, record.value, key)
        elif name := _suffix(key, TASK):
            self._apply_task(name, record.value, key)
        elif name := _suffix(key, COMMIT):
            self._apply_commit(name, record.value, key)
        return None

    def _apply_connector(self, name: str, value: bytes | None, key: str) -> None:
        if value is None:
            self.claims.gone(name, existed=name in self.configs)
            self._delete(name)
        else:
            self.configs[name] = _properties(value, key)
            self.claims.written(name, value)

    def _delete(self, name: str) -> None:
        self.configs.pop(name, None)
        self._target_states.pop(name, None)
        self._tasks.pop(name, None)
        self._uncommitted.pop(name, None)

    def _apply_target_state(self, name: str, value: bytes | None, key: str) -> None:
        if value is None:
            self._target_states.pop(name, None)
            return
        content = parse_object(value, key)
        spelling = content.get("state.v2") or content.get("state")
        if not isinstance(spelling, str) or spelling not in TARGET_STATES:
            raise UnreadableRecord(f"names no target state: {spelling!r}", where=key)
        self._target_states[name] = TARGET_STATES[spelling]
        if name in self.configs:
            self.claims.written(name, value)

    def _apply_task(self, suffix: str, value: bytes | None, key: str) -> None:
        name, _, number = suffix.rpartition("-")
        if not name or not number.isdecimal():
            raise UnreadableRecord("names no task", where=key)
        if value is not None:
            self._uncommitted.setdefault(name, {})[int(number)] = _properties(value, key)

    def _apply_commit(self, name: str, value: bytes | None, key: str) -> None:
        """Compaction may have left fewer tasks than the commit counts: then none count, and they are planned anew."""
        if value is None:
            self._tasks.pop(name, None)
            return
        content = parse_object(value, key)
        if DELETES in content:
            self._delete(name)
            return
        count = content.get("tasks")
        if not isinstance(count, int):
            raise UnreadableRecord(f"counts no tasks: {count!r}", where=key)
        written = self._uncommitted.pop(name, {})
        complete = all(number in written for number in range(count))
        self._tasks[name] = [written[number] for number in range(count)] if complete else []


def connector_record(name: str, config: StringMap) -> TableRecord:
    return TableRecord(f"{CONNECTOR}{name}".encode(), orjson.dumps({"properties": dict(config)}))


def connector_records(
    name: str, config: StringMap, state: TargetState, tasks: Sequence[StringMap]
) -> Iterator[TableRecord]:
    """All that there is of it."""
    yield connector_record(name, config)
    yield target_state_record(name, state)
    yield from task_records(name, tasks)


def target_state_record(name: str, state: TargetState) -> TableRecord:
    older = TargetState.PAUSED if state is TargetState.STOPPED else state
    content = {"state": SPELLINGS[older], "state.v2": SPELLINGS[state]}
    return TableRecord(f"{TARGET_STATE}{name}".encode(), orjson.dumps(content))


def task_records(name: str, configs: Sequence[StringMap]) -> Iterator[TableRecord]:
    """The tasks and the commit that makes them count."""
    for number, config in enumerate(configs):
        yield TableRecord(f"{TASK}{name}-{number}".encode(), orjson.dumps({"properties": dict(config)}))
    yield TableRecord(f"{COMMIT}{name}".encode(), orjson.dumps({"tasks": len(configs)}))


def deletion_records(name: str) -> Iterator[TableRecord]:
    """As Kafka Connect deletes: the task records stay, and mean nothing without their connector. The commit in front of
    the tombstones is what a claim can be written to."""
    keys = f"{CONNECTOR}{name}", f"{TARGET_STATE}{name}"
    yield TableRecord(f"{COMMIT}{name}".encode(), orjson.dumps({"tasks": 0, DELETES: keys}))
    for key in keys:
        yield TableRecord(key.encode(), None)


def written_once_more(table: ConfigTable, name: str, claim: str) -> Iterator[TableRecord]:
    """All records of a connector as the table has it, or of its deletion, behind those of the changes that lost. They
    count where it is still so."""
    records = deletion_records(name)
    if name in table.configs:
        records = connector_records(name, table.configs[name], table.target_state(name), table.tasks(name))
    return claimed(records, claim, {table.claims.version(name), *table.claims.contested[name]})


def restart_record(request: RestartRequest) -> TableRecord:
    content: dict[str, Any] = {"include-tasks": request.include_tasks, "only-failed": request.only_failed}
    if request.task is not None:
        content["task"] = request.task
    return TableRecord(f"{RESTART}{request.connector}".encode(), orjson.dumps(content))


def _suffix(key: str, prefix: str) -> str:
    return key[len(prefix) :] if key.startswith(prefix) else ""


def _properties(value: bytes, key: str) -> dict[str, str]:
    properties: Any = parse_object(value, key).get("properties")
    if not isinstance(properties, dict):
        raise UnreadableRecord("has no properties", where=key)
    return {str(name): str(content) for name, content in properties.items() if content is not None}


def _restart_request(name: str, value: bytes | None, key: str) -> RestartRequest | None:
    if value is None:
        return None
    content = parse_object(value, key)
    task = content.get("task")
    return RestartRequest(
        name,
        bool(content.get("include-tasks")),
        bool(content.get("only-failed")),
        task if isinstance(task, int) else None,
    )
