"""The contract tests themselves: a sound connector passes all of them, and each known defect fails one.

A contract that a broken connector passes would be worse than none, so each defect that the contracts are there
to find is built in here, one at a time.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from penstock import (
    Batch,
    Positions,
    Sink,
    SinkConfig,
    SkipRecord,
    Source,
    SourceConfig,
    TopicPartition,
    WriteFailed,
    option,
)
from penstock.testing import SinkContract, SourceContract


class NumbersConfig(SourceConfig):
    topic: str = option("Topic that receives the numbers.")
    count: int = option("How many.", default=10)
    token: str | None = option("A secret that is not needed.", default=None, secret=True)


class NumbersSource(Source[NumbersConfig]):
    async def read(self, positions: Positions) -> AsyncIterator[Batch]:
        number = (positions.of() or {"next": 0})["next"]
        while number < self.config.count:
            values = [b"%d" % value for value in range(number, min(number + 3, self.config.count))]
            number += len(values)
            yield self.batch(values, number)
        await asyncio.Event().wait()

    def batch(self, values: list[bytes], number: int) -> Batch:
        return Batch(self.config.topic, values, position={"next": number})


class NumbersContract(SourceContract):
    connector = NumbersSource
    patience_seconds = 1.0

    def make_world(self, directory: Path) -> dict[str, Any]:
        return {"topic": "numbers", "token": "s3cret"}

    def make_empty_world(self, directory: Path) -> dict[str, Any]:
        return {"topic": "numbers", "count": 0}


class TestSoundSource(NumbersContract):
    pass


class SkipsOne(NumbersSource):
    def batch(self, values: list[bytes], number: int) -> Batch:
        return Batch(self.config.topic, values, position={"next": number + 1})


class ConfirmsTheBatchBefore(NumbersSource):
    def batch(self, values: list[bytes], number: int) -> Batch:
        return Batch(self.config.topic, values, position={"next": number - len(values)})


class NeverResumes(NumbersSource):
    async def read(self, positions: Positions) -> AsyncIterator[Batch]:
        async for batch in super().read(Positions()):
            yield batch


class ForgetsInAnotherOrder(NumbersSource):
    async def read(self, positions: Positions) -> AsyncIterator[Batch]:
        async for batch in super().read(positions):
            batch.values = batch.values[::-1] if positions.of() else batch.values
            yield batch


class KeepsItsPlaceInTheInstance(NumbersSource):
    place: int | None = None

    async def read(self, positions: Positions) -> AsyncIterator[Batch]:
        number = self.place if self.place is not None else (positions.of() or {"next": 0})["next"]
        async for batch in super().read(Positions([({}, {"next": number})])):
            self.place = number = number + len(batch)
            yield batch


class NestsItsPosition(NumbersSource):
    def batch(self, values: list[bytes], number: int) -> Batch:
        return Batch(self.config.topic, values, position={"next": number, "more": {"a": [1]}})


class ColumnsOfAnotherLength(NumbersSource):
    def batch(self, values: list[bytes], number: int) -> Batch:
        return Batch(self.config.topic, values, keys=[b"1"], position={"next": number})


class Spins(NumbersSource):
    async def read(self, positions: Positions) -> AsyncIterator[Batch]:
        while not self.config.count:
            await asyncio.sleep(0)
        async for batch in super().read(positions):
            yield batch


class LeavesATask(NumbersSource):
    tasks: list[asyncio.Task[None]]

    async def read(self, positions: Positions) -> AsyncIterator[Batch]:
        self.tasks = [asyncio.create_task(asyncio.sleep(3600))]
        async for batch in super().read(positions):
            yield batch


class LeavesADescriptor(NumbersSource):
    async def read(self, positions: Positions) -> AsyncIterator[Batch]:
        os.open("/dev/null", os.O_RDONLY)
        async for batch in super().read(positions):
            yield batch


class ClosesOnce(NumbersSource):
    resources: list[str] | None = None

    async def open(self) -> None:
        self.resources = ["connection"]

    async def close(self) -> None:
        assert self.resources
        self.resources.pop()


class RefusesWhatItDidNotYield(NumbersSource):
    yielded: Mapping[str, Any] | None = None

    async def acknowledged(self, source_partition: Mapping[str, Any], position: Mapping[str, Any]) -> None:
        if position != self.yielded:
            raise ValueError("no such position")


class ShowsItsSecretConfig(SourceConfig):
    topic: str = option("Topic that receives the numbers.")
    token: str = option("A secret.", secret=True)

    def __repr__(self) -> str:
        return f"ShowsItsSecretConfig({vars(self)})"


class ShowsItsSecret(Source[ShowsItsSecretConfig]):
    def read(self, positions: Positions) -> AsyncIterator[Batch]:
        raise NotImplementedError


class UndescribedConfig(SourceConfig):
    topic: str = option("")


class Undescribed(Source[UndescribedConfig]):
    def read(self, positions: Positions) -> AsyncIterator[Batch]:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("connector", "test"),
    [
        (SkipsOne, "test_resumes_at_every_position"),
        (ConfirmsTheBatchBefore, "test_resumes_at_every_position"),
        (NeverResumes, "test_resumes_at_every_position"),
        (ForgetsInAnotherOrder, "test_resumes_at_every_position"),
        (KeepsItsPlaceInTheInstance, "test_reads_again_from_a_position"),
        (NestsItsPosition, "test_positions_and_columns_are_well_formed"),
        (ColumnsOfAnotherLength, "test_positions_and_columns_are_well_formed"),
        (Spins, "test_empty_input_does_not_spin"),
        (LeavesATask, "test_stopping_leaks_nothing"),
        (LeavesADescriptor, "test_stopping_leaks_nothing"),
        (ClosesOnce, "test_close_is_idempotent"),
        (RefusesWhatItDidNotYield, "test_acknowledged_may_skip_and_repeat"),
        (ShowsItsSecret, "test_secrets_stay_secret"),
        (Undescribed, "test_every_option_is_described"),
    ],
)
def test_defect_of_a_source_is_found(connector: type[Source[Any]], test: str, tmp_path: Path) -> None:
    contract = type("Contract", (NumbersContract,), {"connector": connector})()
    assert_fails(contract, test, tmp_path)


def test_contract_demands_a_world_of_two_batches(tmp_path: Path) -> None:
    """Else there would be no position to resume at, and the contract would prove nothing."""

    class Contract(NumbersContract):
        def make_world(self, directory: Path) -> dict[str, Any]:
            return {"topic": "numbers", "count": 3}

    assert_fails(Contract(), "test_resumes_at_every_position", tmp_path)


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
            raise WriteFailed("cannot be stored", {batch.values.index(b"poison"): SkipRecord("poison")})
        if batch.offsets:
            held = self.held[TopicPartition(batch.topic, batch.partition or 0)]
            held["values"] += [(value or b"").decode() for value in batch.values]
            held["next"] = batch.offsets[-1] + 1

    async def flush(self) -> None:
        for partition, held in self.held.items():
            self.path(partition).write_text(json.dumps(held))

    async def revoked(self, partitions: Sequence[TopicPartition]) -> None:
        for partition in partitions:
            self.held.pop(partition, None)


class StoreContract(SinkContract):
    connector = StoreSink
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


class FailsOnAnEmptyBatch(StoreSink):
    async def write(self, batch: Batch) -> None:
        assert batch.values[0] is not None
        await super().write(batch)


class ReversesABatch(StoreSink):
    async def write(self, batch: Batch) -> None:
        batch.values = batch.values[::-1]
        await super().write(batch)


class ForgetsTheOthersOnRevoke(StoreSink):
    async def revoked(self, partitions: Sequence[TopicPartition]) -> None:
        self.held.clear()


class NamesTheWrongRecord(StoreSink):
    async def write(self, batch: Batch) -> None:
        if b"poison" in batch.values:
            raise WriteFailed("cannot be stored", {0: SkipRecord("poison")})
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
        (FailsOnAnEmptyBatch, "test_empty_batch_and_idle_flush"),
        (ReversesABatch, "test_stores_what_was_written"),
        (ForgetsTheOthersOnRevoke, "test_partition_is_handed_over"),
        (NamesTheWrongRecord, "test_poison_record_is_named"),
    ],
)
def test_defect_of_a_sink_is_found(connector: type[Sink[Any]], test: str, tmp_path: Path) -> None:
    contract = type("Contract", (StoreContract,), {"connector": connector})()
    assert_fails(contract, test, tmp_path)


def assert_fails(contract: object, test: str, directory: Path) -> None:
    """The contract's test must fail, by whatever error; a test that is skipped is no proof."""
    method = getattr(contract, test)
    arguments = {"tmp_path": directory} if "tmp_path" in inspect.signature(method).parameters else {}
    with pytest.raises(Exception) as caught:  # noqa: PT011
        method(**arguments)
    assert not isinstance(caught.value, pytest.skip.Exception)
