"""Clients: the processes that put a load on a broker together."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from typing import Any, Final

from benchmarks.broker.latency import Latencies, measure_latencies
from benchmarks.broker.load import Load
from benchmarks.broker.throughput import Span, fetch, produce

__all__ = ["MANY", "Clients"]

MANY: Final = 8

_Work = Callable[[Load, int, Barrier], Any]
_barriers: dict[int, Barrier] = {}


class Clients:
    """A context manager. The processes start once: starting Python takes longer than some measurements."""

    def __init__(self) -> None:
        context = get_context("spawn")
        barriers = {clients: context.Barrier(clients) for clients in (1, MANY)}
        self._pool = ProcessPoolExecutor(MANY, context, initializer=_take_barriers, initargs=(barriers,))

    def __enter__(self) -> Clients:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    def produce(self, load: Load) -> float:
        """Records a second, all clients together."""
        return _rate(load, self._run(produce, load))

    def fetch(self, load: Load) -> float:
        """Records a second, all clients together."""
        return _rate(load, self._run(fetch, load))

    def latencies(self, load: Load) -> Latencies:
        acknowledged, received = [], []
        for client in self._run(measure_latencies, load):
            acknowledged += client.acknowledged
            received += client.received
        return Latencies(acknowledged, received)

    def _run(self, work: _Work, load: Load) -> list[Any]:
        """What each of the clients comes back with."""
        futures = [self._pool.submit(_in_client, work, load, client) for client in range(load.clients)]
        return [future.result() for future in futures]


def _take_barriers(barriers: dict[int, Barrier]) -> None:
    _barriers.update(barriers)


def _in_client(work: _Work, load: Load, client: int) -> Any:
    return work(load, client, _barriers[load.clients])


def _rate(load: Load, spans: list[Span]) -> float:
    seconds = max(span.ended for span in spans) - min(span.began for span in spans)
    return load.records * load.clients / seconds
