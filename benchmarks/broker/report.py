"""The measurements as tables for people, with the brokers side by side, and as JSON for scripts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Final

from benchmarks.broker.measuring import Measurement

__all__ = ["as_json", "as_tables"]

_TABLES: Final[dict[str, Callable[[Measurement], bool]]] = {
    "As they ship: Penstock with fsync, Apache Kafka without": lambda measured: measured.as_shipped,
    "Both with fsync before each acknowledgement": lambda measured: measured.case.flushes,
    "Both without fsync": lambda measured: not measured.case.flushes,
}
_COLUMNS: Final[dict[str, tuple[Callable[[Measurement], float], str]]] = {
    "produce, k records/s": (lambda measured: measured.produced_per_second / 1e3, ",.0f"),
    "fetch, k records/s": (lambda measured: measured.fetched_per_second / 1e3, ",.0f"),
    "acknowledged p50, ms": (lambda measured: measured.acknowledged_p50 * 1e3, ".2f"),
    "p99": (lambda measured: measured.acknowledged_p99 * 1e3, ".2f"),
    "received p50, ms": (lambda measured: measured.received_p50 * 1e3, ".2f"),
    "p99 ": (lambda measured: measured.received_p99 * 1e3, ".2f"),
    "produce, CPU s/GB": (lambda measured: measured.produce_cpu_seconds_per_gb, ".2f"),
    "fetch, CPU s/GB": (lambda measured: measured.fetch_cpu_seconds_per_gb, ".2f"),
}


def as_json(measurements: Sequence[Measurement]) -> str:
    return json.dumps([asdict(each) | {"case": each.case._asdict()} for each in measurements], indent=2)


def as_tables(measurements: Sequence[Measurement]) -> str:
    """In each cell Penstock / Apache Kafka, and in parentheses the first as a multiple of the second."""
    lines = []
    for title, belongs in _TABLES.items():
        lines += [f"{title}:", "", *_table([each for each in measurements if belongs(each)]), ""]
    return "\n".join([*lines, *_memory(measurements)])


def _table(measurements: list[Measurement]) -> Iterator[str]:
    yield "| record | compression | clients | " + " | ".join(_COLUMNS) + " |"
    yield "| ---: | --- | ---: |" + " ---: |" * len(_COLUMNS)
    cases: dict[tuple[int, str, int], list[Measurement]] = {}
    for measured in measurements:
        cases.setdefault(measured.case[:3], []).append(measured)
    for (record_bytes, compression, clients), side_by_side in cases.items():
        cells = [_cell([value(each) for each in side_by_side], shown) for value, shown in _COLUMNS.values()]
        yield f"| {record_bytes:,} B | {compression} | {clients} | " + " | ".join(cells) + " |"


def _cell(values: list[float], shown: str) -> str:
    cell = " / ".join(format(value, shown) for value in values)
    return f"{cell} ({values[0] / values[1]:.2f})" if len(values) == 2 else cell


def _memory(measurements: Sequence[Measurement]) -> Iterator[str]:
    for broker in dict.fromkeys(each.broker for each in measurements):
        most = max(each.resident_bytes for each in measurements if each.broker == broker)
        yield f"{broker}: {most / 2**20:.0f} MB resident at most, seen at the end of each measurement."
