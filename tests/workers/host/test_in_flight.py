"""Which positions may be stored, for any order of acknowledgements."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from penstock import Batch
from penstock_workers.host.in_flight import InFlight, Sent, size_bytes


def batch(partition: str, position: int | None, records: int = 1) -> Batch:
    return Batch(
        "topic",
        [b"value"] * records,
        source_partition={"file": partition},
        position=None if position is None else {"byte": position},
    )


def positions(in_flight: InFlight) -> dict[str, int]:
    return {stored.source_partition["file"]: stored.position["byte"] for stored in in_flight.take_positions()}


def test_a_position_waits_for_every_batch_before_it() -> None:
    in_flight = InFlight()
    first, second, third = (in_flight.add(batch("a", number)) for number in (1, 2, 3))
    in_flight.acknowledge(third)
    in_flight.acknowledge(second)
    assert positions(in_flight) == {}
    in_flight.acknowledge(first)
    assert positions(in_flight) == {"a": 3}
    assert in_flight.is_settled


def test_source_partitions_do_not_wait_for_each_other() -> None:
    in_flight = InFlight()
    in_flight.add(batch("a", 1))
    in_flight.acknowledge(in_flight.add(batch("b", 7)))
    assert positions(in_flight) == {"b": 7}


def test_a_batch_without_a_position_holds_back_those_after_it() -> None:
    in_flight = InFlight()
    silent = in_flight.add(batch("a", None))
    in_flight.acknowledge(in_flight.add(batch("a", 2)))
    assert positions(in_flight) == {}
    in_flight.acknowledge(silent)
    assert positions(in_flight) == {"a": 2}


def test_a_taken_position_is_not_given_again() -> None:
    in_flight = InFlight()
    in_flight.acknowledge(in_flight.add(batch("a", 1)))
    assert not in_flight.is_settled
    assert positions(in_flight) == {"a": 1}
    assert positions(in_flight) == {}
    assert in_flight.is_settled


def test_size_counts_keys_and_leaves_out_what_is_absent() -> None:
    assert size_bytes(Batch("topic", [b"12", None], keys=[None, b"345"])) == 5


@given(st.data())
def test_only_a_complete_prefix_is_ever_stored_and_in_the_end_all_of_it(data: st.DataObject) -> None:
    in_flight = InFlight()
    sent: dict[str, list[Sent]] = {"a": [], "b": []}
    under_way: list[Sent] = []
    stored: dict[str, int] = {}
    for _ in range(data.draw(st.integers(1, 30))):
        if data.draw(st.booleans()) and under_way:
            in_flight.acknowledge(under_way.pop(data.draw(st.integers(0, len(under_way) - 1))))
        else:
            partition = data.draw(st.sampled_from("ab"))
            added = in_flight.add(batch(partition, len(sent[partition]), records=data.draw(st.integers(0, 3))))
            sent[partition].append(added)
            under_way.append(added)
        if data.draw(st.booleans()):
            for partition, position in positions(in_flight).items():
                assert position > stored.get(partition, -1)
                assert all(earlier.acknowledged for earlier in sent[partition][: position + 1])
                stored[partition] = position
        assert in_flight.records == sum(each.records for each in under_way)
    for each in under_way:
        in_flight.acknowledge(each)
    stored |= positions(in_flight)
    assert stored == {partition: len(all_sent) - 1 for partition, all_sent in sent.items() if all_sent}
    assert in_flight.is_settled
