"""Whatever stands in an internal topic: a table takes it in, passes it over or refuses it, and goes on."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock_workers.offsets import history
from penstock_workers.offsets.history import OffsetHistory
from penstock_workers.store import assignments, configs, installed_plugins, split_requests, statuses, stops
from penstock_workers.store.active_topics import ActiveTopics
from penstock_workers.store.assignments import AssignmentTable
from penstock_workers.store.configs import ConfigTable
from penstock_workers.store.installed_plugins import InstalledPlugins
from penstock_workers.store.offsets import OffsetTable
from penstock_workers.store.records import TableRecord, UnreadableRecord
from penstock_workers.store.split_requests import SplitRequests
from penstock_workers.store.statuses import StatusTable
from penstock_workers.store.stops import StopTable

PREFIXES = [
    *(configs.CONNECTOR, configs.TARGET_STATE, configs.TASK, configs.COMMIT, configs.RESTART),
    *(statuses.CONNECTOR, statuses.TASK, assignments.KEY, history.PREFIX),
    *(installed_plugins.PREFIX, split_requests.PREFIX, stops.PREFIX),
]
FIELDS = [
    *("properties", "state", "state.v2", "tasks", "claim", "based-on", "deletes", "include-tasks"),
    *("worker_id", "generation", "trace", "epoch", "leader", "revoking", "away", "plugins", "aliases", "request"),
    *("number", "at", "change", "offsets", "partition", "offset"),
]
TABLES = [
    *(ConfigTable, OffsetTable, StatusTable, ActiveTopics),
    *(AssignmentTable, StopTable, InstalledPlugins, SplitRequests, OffsetHistory),
]

anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=3), inner),
    max_leaves=8,
)
json_bytes = anything.map(orjson.dumps)
keys = (
    st.binary(max_size=20)
    | st.tuples(st.sampled_from(PREFIXES), st.text(max_size=5), st.sampled_from(["", "-0", "-x", "-²"])).map(
        lambda parts: "".join(parts).encode()
    )
    | st.tuples(st.text(max_size=3), anything).map(orjson.dumps)
)


@pytest.mark.parametrize("kind", TABLES)
@given(records=st.lists(st.tuples(keys, st.none() | json_bytes | st.binary(max_size=10)), max_size=6))
def test_no_record_stops_a_table(kind: type[Any], records: list[tuple[bytes, bytes | None]]) -> None:
    table = kind()
    for key, value in records:
        with suppress(UnreadableRecord):
            table.apply(TableRecord(key, value))
