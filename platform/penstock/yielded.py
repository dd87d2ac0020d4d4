"""What a source may yield, checked for every batch: so of the columns only the ends are looked at, which is where a
mistake that concerns all records shows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from penstock.connector import ColumnsHold
from penstock.records import TOPIC_NAME_PATTERN, Batch

TOPIC_NAME = re.compile(TOPIC_NAME_PATTERN)
OPTIONAL_COLUMNS = ("keys", "timestamps", "headers", "value_schemas", "key_schemas")


def defect_of(batch: Any, columns_hold: ColumnsHold, *, of_any_record: bool = False) -> str:
    """What is wrong with it, for the author to read; empty where it is sound. `of_any_record`: look at all of them."""
    if not isinstance(batch, Batch):
        return f"{_shown(batch)} is no Batch"
    return next(_defects(batch, columns_hold, of_any_record), "")


def _defects(batch: Batch, columns_hold: ColumnsHold, of_any_record: bool) -> Iterator[str]:
    if not (isinstance(batch.topic, str) and TOPIC_NAME.fullmatch(batch.topic)):
        yield f"topic is {_shown(batch.topic)}: a topic's name has 1 to 249 letters, digits, '.', '_' and '-'"
    if not _is_column(batch.values):
        yield f"values is {_shown(batch.values)}, not a list with a value for each record"
        return
    for name in OPTIONAL_COLUMNS:
        column = getattr(batch, name)
        if column is not None and not (_is_column(column) and len(column) == len(batch.values)):
            yield f"{name} is {_shown(column)}, not a list of {len(batch.values)} as values is"
            return
    for name in ("position", "source_partition"):
        mapping = getattr(batch, name)
        if not isinstance(mapping, Mapping) and (mapping is not None or name == "source_partition"):
            yield f"{name} is {_shown(mapping)}, not a mapping such as {{'byte': 7}}"
    if batch.partition is not None and type(batch.partition) is not int:
        yield f"partition is {_shown(batch.partition)}, not a number; None leaves it to the platform"
    count = len(batch.values)
    if count:
        yield from _defects_of_records(batch, columns_hold, range(count) if of_any_record else {0, count - 1})


def _defects_of_records(batch: Batch, columns_hold: ColumnsHold, indexes: Iterable[int]) -> Iterator[str]:
    for index in indexes:
        for name in ("values", "keys") if columns_hold != "values" else ():
            column = getattr(batch, name)
            if column is not None and not (column[index] is None or isinstance(column[index], bytes)):
                yield (
                    f"{name}[{index}] is {_shown(column[index])}, not bytes: encode it, or say"
                    f' `columns_hold = "values"` in the class'
                )
        if batch.timestamps is not None and not _is_timestamp(batch.timestamps[index]):
            yield f"timestamps[{index}] is {_shown(batch.timestamps[index])}, not whole milliseconds since 1970"
        if batch.headers is not None and not _are_headers(batch.headers[index]):
            yield f"headers[{index}] is {_shown(batch.headers[index])}, not a list of pairs (name, value)"


def _is_timestamp(timestamp: Any) -> bool:
    return isinstance(timestamp, int) and abs(timestamp) < 2**63


def _is_column(column: Any) -> bool:
    return not isinstance(column, str | bytes | Mapping) and hasattr(column, "__len__")


def _are_headers(headers: Any) -> bool:
    return isinstance(headers, Sequence) and all(
        isinstance(header, tuple | list) and len(header) == 2 and isinstance(header[0], str) for header in headers
    )


def _shown(value: Any) -> str:
    """Its type and the beginning of what it is."""
    text = repr(value)
    return f"{text[:60]}... ({type(value).__name__})" if len(text) > 60 else f"{text} ({type(value).__name__})"
