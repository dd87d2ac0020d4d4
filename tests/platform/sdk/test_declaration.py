"""Methods that the platform could not call are told when the class is defined."""

from __future__ import annotations

import functools
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import pytest

from penstock import Batch, Positions, Sink, SinkConfig, Source, SourceConfig

AnySource = Source[SourceConfig]


def read_returns() -> type:
    class Odd(AnySource):
        async def read(self, positions: Positions) -> AsyncIterator[Batch]:  # type: ignore[override]
            return [Batch("t", [])]  # type: ignore[return-value]

    return Odd


def read_is_not_async() -> type:
    class Odd(AnySource):
        def read(self, positions: Positions) -> Any:
            yield Batch("t", [])

    return Odd


def open_is_not_async() -> type:
    class Odd(AnySource):
        def open(self) -> None:  # type: ignore[override]
            pass

    return Odd


def write_yields() -> type:
    class Odd(Sink[SinkConfig]):
        async def write(self, batch: Batch) -> Any:
            yield 1

    return Odd


def acknowledged_takes_one() -> type:
    class Odd(AnySource):
        async def acknowledged(self, position: Mapping[str, Any]) -> None:  # type: ignore[override]
            pass

    return Odd


def split_is_not_async() -> type:
    class Odd(AnySource):
        @classmethod
        def split(cls, config: SourceConfig, tasks_max: int) -> Sequence[Mapping[str, Any]]:  # type: ignore[override]
            return []

    return Odd


@pytest.mark.parametrize(
    ("define", "complaint"),
    [
        (read_returns, "Odd.read has to be an async generator"),
        (read_is_not_async, "Odd.read has to be an async generator"),
        (open_is_not_async, "Odd.open has to be `async def`"),
        (write_yields, "Odd.write has to be `async def`, without `yield`"),
        (acknowledged_takes_one, "Odd.acknowledged has to take (self, source_partition, position)"),
        (split_is_not_async, "Odd.split has to be `async def`"),
    ],
)
def test_a_method_that_cannot_be_called_is_told_with_its_place(define: Callable[[], type], complaint: str) -> None:
    with pytest.raises(TypeError, match=f"{re.escape(complaint)}.*{re.escape(__file__)}.*, line "):
        define()


def test_what_can_be_called_is_let_through() -> None:
    def retried(function: Any) -> Any:
        @functools.wraps(function)
        def call(*arguments: Any) -> Any:
            return function(*arguments)

        return call

    class Sound(AnySource):
        @retried
        async def open(self) -> None:
            pass

        def read(self, since: Positions, limit: int = 3) -> AsyncIterator[Batch]:
            raise NotImplementedError

        def helper(self) -> None:
            pass

        @classmethod
        async def split(cls, *arguments: Any) -> Sequence[Mapping[str, Any]]:
            return [{}]

    assert Sound(SourceConfig())
