"""The contract of sinks: sound ones pass, and each defect that it is there to find fails a test of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from penstock import Batch, Sink, SinkConfig, SkipRecord, TopicPartition, WriteFailed, option
from penstock.testing import SinkContract

AssertFails = Callable[[object, str, Path], None]
"""Of a contract the test of this name, in this directory: see conftest."""


class StoreConfig(SinkConfig):
    directory: str = option("Where to write.")


class StoreSink(Sink[StoreConfig]):
    """Keeps each partition in a JSON file, with its offset: exact."""

    def __init__(self, config: StoreConfig) -> None:
        super().__init__(config)
        self.held: dict[TopicPartition, dict[str, Any]] = {}

    def path(self, partition: TopicPartition) -> Path:
        return Path(self.config.directory) / f"{partition.topic}-{partition.partition}.json"

    async def assigned(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        for partition in partitions:
            path = self.path(partition)
            self.held[partition] = json.loads(path.read_bytes()) if path.exists() else {"next": 0, "values": []}
        return {partition: self.held[partition]["next"] for partition in partitions}

    async def write(self, batch: Batch) -> None:
        if b"poison" in batch.values:
            raise ValueError("poison")
        held = self.held[batch.topic_partition]
        held["values"] += [value.decode() for value in batch.values]
        held["next"] = batch.next_offset

    async def flush(self) -> None:
        for partition, held in self.held.items():
            self.path(partition).write_text(json.dumps(held))

    async def revoked(self, partitions: Sequence[TopicPartition]) -> None:
        for partition in partitions:
            self.held.pop(partition, None)


class StoreContract(SinkContract):
    connector: ClassVar[type[Sink[Any]]] = StoreSink
    is_exact = True
    poison = b"poison"

    def make_world(self, directory: Path) -> dict[str, Any]:
        return {"topics": self.topic, "directory": str(directory)}

    def stored(self, directory: Path) -> list[bytes]:
        contents = [json.loads(path.read_bytes()) for path in sorted(directory.glob("*.json"))]
        return [value.encode() for content in contents for value in content["values"]]


class TestSoundSink(StoreContract):
    pass


class FlushesNothing(StoreSink):
    async def flush(self) -> None:
        pass

    async def close(self) -> None:
        await super().flush()


class DoublesAfterAKill(StoreSink):
    async def write(self, batch: Batch) -> None:
        await super().write(batch)
        await self.flush()

    async def assigned(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        await super().assigned(partitions)
        return {}


class LosesOnReturn(StoreSink):
    async def assigned(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        offsets = await super().assigned(partitions)
        return {partition: offset + 1 if offset else 0 for partition, offset in offsets.items()}


class ClaimsWhatItHasNot(StoreSink):
    async def assigned(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        offsets = await super().assigned(partitions)
        return dict.fromkeys(partitions, max(offsets.values()))


class FailsOnAnIdleFlush(StoreSink):
    async def flush(self) -> None:
        assert any(held["values"] for held in self.held.values())
        await super().flush()


class ReversesABatch(StoreSink):
    async def write(self, batch: Batch) -> None:
        batch.values = batch.values[::-1]
        await super().write(batch)


class ForgetsTheOthersOnRevoke(StoreSink):
    async def revoked(self, partitions: Sequence[TopicPartition]) -> None:
        self.held.clear()


class NamesItsPoison(Sink[StoreConfig]):
    """Appends to a file, stores the others of a batch, and keeps no offset."""

    @property
    def path(self) -> Path:
        return Path(self.config.directory) / "all.json"

    async def open(self) -> None:
        if not self.path.exists():
            self.path.write_text('{"values": [], "next": 0}')

    async def write(self, batch: Batch) -> None:
        held = json.loads(self.path.read_text())
        poison = [index for index, value in enumerate(batch.values) if value == b"poison"]
        held["values"] += [value.decode() for value in batch.values if value != b"poison"]
        held["next"] = batch.next_offset
        self.path.write_text(json.dumps(held))
        if poison:
            raise WriteFailed("cannot be stored", {index: SkipRecord("poison") for index in poison})


class TestSinkThatNamesItsPoison(StoreContract):
    connector = NamesItsPoison
    is_exact = False


class NamesTheWrongRecord(NamesItsPoison):
    async def write(self, batch: Batch) -> None:
        try:
            await super().write(batch)
        except WriteFailed as error:
            raise WriteFailed("cannot be stored", {0: SkipRecord("poison")}) from error


class LosesTheNeighbours(NamesItsPoison):
    async def write(self, batch: Batch) -> None:
        if b"poison" in batch.values:
            raise WriteFailed("cannot be stored", {batch.values.index(b"poison"): SkipRecord("poison")})
        await super().write(batch)


class ResumesBehindItsPoison(NamesItsPoison):
    async def assigned(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        return dict.fromkeys(partitions, json.loads(self.path.read_text())["next"])


class BlamesTheWorld(StoreSink):
    async def write(self, batch: Batch) -> None:
        if b"poison" in batch.values:
            raise OSError("poison")
        await super().write(batch)


@pytest.mark.parametrize(
    ("connector", "test"),
    [
        (FlushesNothing, "test_flush_makes_durable"),
        (DoublesAfterAKill, "test_replay_after_kill"),
        (LosesOnReturn, "test_replay_after_kill"),
        (LosesOnReturn, "test_it_answers_from_where_to_resume"),
        (FlushesNothing, "test_it_answers_from_where_to_resume"),
        (ClaimsWhatItHasNot, "test_it_answers_from_where_to_resume"),
        (FailsOnAnIdleFlush, "test_idle_flush"),
        (ReversesABatch, "test_stores_what_was_written"),
        (ForgetsTheOthersOnRevoke, "test_partition_is_handed_over"),
        (NamesTheWrongRecord, "test_poison_record_is_told"),
        (LosesTheNeighbours, "test_poison_record_is_told"),
        (ResumesBehindItsPoison, "test_poison_record_is_told"),
        (BlamesTheWorld, "test_poison_record_is_told"),
    ],
)
def test_defect_of_a_sink_is_found(
    connector: type[Sink[Any]], test: str, tmp_path: Path, assert_fails: AssertFails
) -> None:
    contract = type("Contract", (StoreContract,), {"connector": connector})()
    assert_fails(contract, test, tmp_path)
