"""The contract of sources whose place is kept outside, by a queue that is told what is durable."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from penstock import Batch, Positions, Source, SourceConfig, option
from penstock.testing import SourceContract

AssertFails = Callable[[object, str, Path], None]
"""Of a contract the test of this name, in this directory: see conftest."""


class QueueConfig(SourceConfig):
    topic: str = option("Topic that receives the messages.")
    directory: str = option("Each file in it is a message.")


class QueueSource(Source[QueueConfig]):
    """Takes messages that stay where they are until they are acknowledged. The number that it gives to a batch means
    nothing to another reader."""

    taken: dict[int, list[Path]]

    async def open(self) -> None:
        self.taken = {}

    async def read(self, positions: Positions) -> AsyncIterator[Batch]:
        self.taken = {}
        messages = self.messages()
        for number, start in enumerate(range(0, len(messages), 2)):
            self.taken[number] = messages[start : start + 2]
            yield Batch(
                self.config.topic, [path.read_bytes() for path in self.taken[number]], position={"batch": number}
            )
        await asyncio.Event().wait()

    def messages(self) -> list[Path]:
        return sorted(Path(self.config.directory).glob("*.message"))

    async def acknowledged(self, source_partition: Mapping[str, Any], position: Mapping[str, Any]) -> None:
        for number in [number for number in self.taken if number <= position["batch"]]:
            for path in self.taken.pop(number):
                path.unlink()


class QueueContract(SourceContract):
    connector: ClassVar[type[Source[Any]]] = QueueSource
    patience_seconds = 1.0
    place_is_kept_outside = True

    def make_world(self, directory: Path) -> dict[str, Any]:
        for number in range(5):
            (directory / f"{number}.message").write_bytes(b"%d" % number)
        return {"topic": "messages", "directory": str(directory)}


class TestSoundQueue(QueueContract):
    pass


class AcknowledgesWhatItTakes(QueueSource):
    async def read(self, positions: Positions) -> AsyncIterator[Batch]:
        async for batch in super().read(positions):
            await self.acknowledged({}, batch.position or {})
            yield batch


class AcknowledgesTheBatchBefore(QueueSource):
    async def acknowledged(self, source_partition: Mapping[str, Any], position: Mapping[str, Any]) -> None:
        await super().acknowledged(source_partition, {"batch": position["batch"] - 1})


class AcknowledgesWithoutAPosition(QueueSource):
    async def read(self, positions: Positions) -> AsyncIterator[Batch]:
        async for batch in super().read(positions):
            batch.position = None
            yield batch


@pytest.mark.parametrize(
    "connector", [AcknowledgesWhatItTakes, AcknowledgesTheBatchBefore, AcknowledgesWithoutAPosition]
)
def test_defect_of_a_queue_is_found(connector: type[Source[Any]], tmp_path: Path, assert_fails: AssertFails) -> None:
    contract = type("Contract", (QueueContract,), {"connector": connector})()
    assert_fails(contract, "test_resumes_at_every_position", tmp_path)
