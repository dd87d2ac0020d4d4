"""`connect-offsets`: positions by source partition, whoever wrote them."""

from __future__ import annotations

import pytest

from penstock_workers.store.offsets import OffsetTable, offset_record
from penstock_workers.store.records import TableRecord, UnreadableRecord


def test_what_java_kafka_connect_wrote_is_understood_and_written_alike() -> None:
    record = TableRecord(b'["lines-a",{"filename":"/tmp/in.txt"}]', b'{"position":141}')
    table = OffsetTable()
    table.apply(record)
    assert table.positions("lines-a") == [({"filename": "/tmp/in.txt"}, {"position": 141})]
    assert offset_record("lines-a", {"filename": "/tmp/in.txt"}, {"position": 141}) == record


def test_the_last_position_counts_and_a_tombstone_forgets_it() -> None:
    table = OffsetTable()
    table.apply(offset_record("c", {"file": "a", "inode": 1}, {"byte": 1}))
    table.apply(TableRecord(b'["c",{"inode":1,"file":"a"}]', b'{"byte":2}'))  # the same, its fields in another order
    table.apply(offset_record("c", {"file": "b"}, {"byte": 3}))
    table.apply(offset_record("other", {}, {"byte": 4}))
    assert [dict(position) for _, position in table.positions("c")] == [{"byte": 2}, {"byte": 3}]
    table.apply(offset_record("c", {"file": "b"}, None))
    assert [dict(position) for _, position in table.positions("c")] == [{"byte": 2}]
    assert table.positions("unheard-of") == []


@pytest.mark.parametrize("key", [b"", b"7", b'["c"]', b'[{"a":1},"c"]', b'["c",{},1]'])
def test_a_key_of_another_form_is_refused(key: bytes) -> None:
    with pytest.raises(UnreadableRecord):
        OffsetTable().apply(TableRecord(key, b"{}"))
