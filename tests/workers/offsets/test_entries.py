"""What may be said of offsets, and how changes follow from what is wanted."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock import TopicPartition
from penstock.records import partition_key
from penstock_workers.errors import BadOffsets
from penstock_workers.offsets.entries import OffsetEntry, check_source_entries, replacing, sink_entry, sink_offsets

PLACE = {"kafka_topic": "t", "kafka_partition": 0}


@pytest.mark.parametrize("partition", [3, "3", "03"])
@pytest.mark.parametrize("offset", [7, "7"])
def test_a_sink_s_numbers_may_be_text(partition: Any, offset: Any) -> None:
    entry = OffsetEntry({"kafka_topic": "t", "kafka_partition": partition}, {"kafka_offset": offset})
    assert sink_offsets([entry]) == {TopicPartition("t", 3): 7}


@pytest.mark.parametrize(
    ("partition", "offset", "message"),
    [
        ({}, None, "must contain the keys"),
        ({"kafka_topic": "t"}, None, "must contain the keys"),
        ({"kafka_topic": "t", "kafka_partition": None}, None, "must contain the keys"),
        ({"kafka_topic": 5, "kafka_partition": 0}, None, "topic names must be valid strings"),
        ({"kafka_topic": "", "kafka_partition": 0}, None, "topic names must be valid strings"),
        ({"kafka_topic": "t", "kafka_partition": "x"}, None, "partition value in the provided offsets: 'x'"),
        ({"kafka_topic": "t", "kafka_partition": -1}, None, "partition value"),
        ({"kafka_topic": "t", "kafka_partition": 2**31}, None, "partition value"),
        ({"kafka_topic": "t", "kafka_partition": True}, None, "partition value"),
        ({"kafka_topic": "t", "kafka_partition": 1.5}, None, "partition value"),
        (PLACE, {}, "should either be null or contain the key 'kafka_offset'"),
        (PLACE, {"offset": 1}, "should either be null or contain the key 'kafka_offset'"),
        (PLACE, {"kafka_offset": "x"}, "offset value in the provided offsets: 'x'"),
        (PLACE, {"kafka_offset": -5}, "offset value"),
        (PLACE, {"kafka_offset": 2**63}, "offset value"),
        (PLACE, {"kafka_offset": "9" * 5000}, "offset value"),
        (PLACE, {"kafka_offset": "٣"}, "offset value"),
    ],
)
def test_what_a_sink_s_offsets_cannot_be(partition: dict[str, Any], offset: Any, message: str) -> None:
    with pytest.raises(BadOffsets, match=message):
        sink_offsets([OffsetEntry(partition, offset)])


def test_one_partition_written_in_two_ways_is_still_one() -> None:
    with pytest.raises(BadOffsets, match="twice"):
        sink_offsets([OffsetEntry({**PLACE, "kafka_partition": "0"}, None), OffsetEntry(PLACE, {"kafka_offset": 1})])
    with pytest.raises(BadOffsets, match="twice"):
        check_source_entries([OffsetEntry({"a": 1, "b": 2}, {"x": 1}), OffsetEntry({"b": 2, "a": 1}, {"x": 2})])


@pytest.mark.parametrize(("value", "kind"), [({"y": 1}, "MAP"), ([1], "ARRAY")])
def test_a_source_s_maps_are_flat(value: Any, kind: str) -> None:
    for entry in (OffsetEntry({"x": value}, {}), OffsetEntry({}, {"x": value})):
        with pytest.raises(BadOffsets, match=f"field x contains {kind}"):
            check_source_entries([entry])
    check_source_entries([OffsetEntry({"a": "t", "b": 1, "c": 1.5, "d": None, "e": True}, None)])


offsets = st.dictionaries(
    st.builds(TopicPartition, st.sampled_from("ab"), st.integers(0, 3)), st.integers(0, 9), max_size=6
)


@given(present=offsets, wanted=offsets)
def test_after_the_changes_there_is_what_is_wanted_and_nothing_else(
    present: dict[TopicPartition, int], wanted: dict[TopicPartition, int]
) -> None:
    entries = [sink_entry(place, offset) for place, offset in wanted.items()]
    found = {partition_key(sink_entry(place, 0).partition): offset for place, offset in present.items()}
    for change in replacing([sink_entry(place, offset) for place, offset in present.items()], entries):
        key = partition_key(change.partition)
        if change.offset is None:
            del found[key]
        else:
            found[key] = change.offset["kafka_offset"]
    assert found == {partition_key(entry.partition): entry.offset["kafka_offset"] for entry in entries if entry.offset}
