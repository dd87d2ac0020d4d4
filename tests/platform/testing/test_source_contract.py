"""The contract of sources: a sound one passes, and each defect that it is there to find fails a test of it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from penstock import Batch, Positions, Source, SourceConfig, option
from penstock.testing import SourceContract

AssertFails = Callable[[object, str, Path], None]
"""Of a contract the test of this name, in this directory: see conftest."""


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
    connections: list[str] | None = None

    async def open(self) -> None:
        self.connections = ["connection"]

    async def close(self) -> None:
        assert self.connections
        self.connections.pop()


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
def test_defect_of_a_source_is_found(
    connector: type[Source[Any]], test: str, tmp_path: Path, assert_fails: AssertFails
) -> None:
    contract = type("Contract", (NumbersContract,), {"connector": connector})()
    assert_fails(contract, test, tmp_path)


def test_contract_demands_a_world_of_two_batches(tmp_path: Path, assert_fails: AssertFails) -> None:
    """Else there would be no position to resume at, and the contract would prove nothing."""

    class Contract(NumbersContract):
        def make_world(self, directory: Path) -> dict[str, Any]:
            return {"topic": "numbers", "count": 3}

    assert_fails(Contract(), "test_resumes_at_every_position", tmp_path)
