"""What all connectors inherit."""

from __future__ import annotations

from contextlib import closing

import pytest

from penstock import Batch, Sink, SinkConfig, TopicPartition


class TwoConnections(Sink[SinkConfig]):
    """Its second connection fails as often as it has to."""

    def __init__(self, config: SinkConfig, failures: int) -> None:
        super().__init__(config)
        self.failures = failures
        self.closed: list[str] = []

    async def open(self) -> None:
        self.connect("first")
        if self.failures:
            self.failures -= 1
            raise ConnectionError("no second")
        self.connect("second")

    async def write(self, batch: Batch) -> None:
        raise NotImplementedError

    def connect(self, name: str) -> None:
        class Connection:
            close = staticmethod(lambda: self.closed.append(name))

        self.resources.enter_context(closing(Connection()))


async def test_close_closes_what_open_opened_and_it_opens_again() -> None:
    sink = TwoConnections(SinkConfig.parse({"topics": "t"}), failures=1)
    await sink.close()
    with pytest.raises(ConnectionError):
        await sink.open()
    await sink.close()
    assert sink.closed == ["first"]
    await sink.open()
    await sink.close()
    await sink.close()
    assert sink.closed == ["first", "second", "first"]


def test_a_batch_of_a_sink_says_where_it_is_from_and_where_to_go_on() -> None:
    batch = Batch("t", [b"a", b"b"], partition=3, offsets=[7, 9])
    assert batch.topic_partition == TopicPartition("t", 3)
    assert batch.next_offset == 10


def test_a_batch_of_a_source_has_no_place_in_the_log_yet() -> None:
    batch = Batch("t", [b"a"], position={"byte": 1})
    with pytest.raises(TypeError, match="no partition"):
        _ = batch.topic_partition
    with pytest.raises(TypeError, match="no offsets"):
        _ = batch.next_offset
