"""A batch on its way through the converters of its connector. Pure.

Columns are converted whole; only where that fails are the records converted one at a time, to find those at fault.
What needs no conversion (bytes as they are, text where text is wanted) is never looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from typing import Any, NamedTuple, TypeAlias

from penstock import Batch, Column, Converter, Header, Part, Schema
from penstock.connector import ColumnsHold
from penstock_workers.converters.choice import Converters, chosen_name
from penstock_workers.converters.headers import SimpleHeaderConverter
from penstock_workers.converters.keys import options_of
from penstock_workers.converters.registry import make_converter
from penstock_workers.converters.strings import BytesConverter, StringConverter
from penstock_workers.converters.text import text_of
from penstock_workers.host.stages import RecordFailure, Stage

SCHEMAS: dict[str, Schema] = {
    "bytes": {"type": "bytes", "optional": False},
    "text": {"type": "string", "optional": False},
}
"""Of what a source yields, unless it is null, which stays null."""

AnyConverter: TypeAlias = Converter[Any]
Convert: TypeAlias = Callable[[Column], Column]
Direction: TypeAlias = Callable[[AnyConverter, str], Convert]
"""Of a converter and a topic."""


class Converted(NamedTuple):
    batch: Batch
    """Without the records that failed."""
    failures: Sequence[RecordFailure]
    kept: Sequence[int]
    """The index in the batch as it came of each record that is left."""

    @classmethod
    def whole(cls, batch: Batch) -> Converted:
        """Where nothing is to be converted."""
        return cls(batch, (), range(len(batch)))


class Conversion:
    def __init__(
        self, config: Mapping[str, str], columns_hold: ColumnsHold, import_paths: Mapping[str, str] | None = None
    ) -> None:
        """`config`: the connector's, completed by the worker's. `import_paths`: of the converters that it names, where
        they are not Penstock's own. Raises BadConfiguration, and Failed where a converter cannot be imported."""
        self._columns_hold = columns_hold
        self._import_paths = import_paths or {}
        self._key = self._used(config, "key")
        self._value = self._used(config, "value")
        self._header = self._used(config, "header")

    @property
    def is_needed(self) -> bool:
        return any(each is not None for each in (self._key, self._value, self._header))

    def to_log(self, batch: Batch) -> Converted:
        return self._convert(batch, self._to_bytes)

    def from_log(self, batch: Batch) -> Converted:
        return self._convert(batch, self._from_bytes)

    def _used(self, config: Mapping[str, str], part: Part) -> AnyConverter | None:
        """None where there is nothing to do: bytes stay bytes, and text text."""
        name = chosen_name(config, part, self._columns_hold)
        path = self._import_paths.get(name) or Converters().find(name, part).import_path
        converter = make_converter(path, part, options_of(config, part))
        return None if self._columns_hold != "values" and _passes_through(converter) else converter

    def _convert(self, batch: Batch, direction: Direction) -> Converted:
        failed: dict[int, RecordFailure] = {}

        def converted(stage: Stage, by: AnyConverter, column: Column) -> Column:
            done, errors = convert(direction(by, batch.topic), column)
            for index, error in errors.items():
                failed.setdefault(index, RecordFailure(stage, batch, index, error, class_name(by)))
            return done

        new = batch
        if self._key is not None and batch.keys is not None:
            keys = converted(Stage.KEY_CONVERTER, self._key, Column(batch.keys, batch.key_schemas))
            new = replace(new, keys=keys.values, key_schemas=keys.schemas)
        if self._value is not None:
            values = converted(Stage.VALUE_CONVERTER, self._value, Column(batch.values, batch.value_schemas))
            new = replace(new, values=values.values, value_schemas=values.schemas)
        if self._header is not None and batch.headers is not None:
            by = self._header
            headers, errors = convert_headers(direction(by, batch.topic), batch.headers)
            for index, error in errors.items():
                failed.setdefault(index, RecordFailure(Stage.HEADER_CONVERTER, batch, index, error, class_name(by)))
            new = replace(new, headers=headers)
        if not failed:
            return Converted.whole(new)
        kept = [index for index in range(len(batch)) if index not in failed]
        return Converted(new.select(kept), [failed[index] for index in sorted(failed)], kept)

    def _to_bytes(self, by: AnyConverter, topic: str) -> Convert:
        def to_bytes(column: Column) -> Column:
            values, schemas = column
            if self._columns_hold == "text":
                values = [None if value is None else value.decode() for value in values]
            if self._columns_hold != "values":
                schema = SCHEMAS[self._columns_hold]
                schemas = [None if value is None else schema for value in values]
            return Column(by.to_bytes(Column(values, schemas), topic))

        return to_bytes

    def _from_bytes(self, by: AnyConverter, topic: str) -> Convert:
        def from_bytes(column: Column) -> Column:
            read = by.from_bytes(column.values, topic)
            match self._columns_hold:
                case "values":
                    return read
                case "text":
                    schemas = read.schemas or [None] * len(read.values)
                    rows = zip(read.values, schemas, strict=True)
                    return Column(
                        [None if value is None else text_of(value, schema).encode() for value, schema in rows]
                    )
            return column  # it has only been checked

        return from_bytes


def _passes_through(converter: AnyConverter) -> bool:
    if isinstance(converter, StringConverter):
        return converter.is_utf_8
    return isinstance(converter, BytesConverter | SimpleHeaderConverter)


def convert(step: Convert, column: Column) -> tuple[Column, dict[int, Exception]]:
    """The converted column, in which None stands for what could not be converted, and why it could not."""
    try:
        return step(column), {}
    except Exception:
        return _one_at_a_time(step, column)


def _one_at_a_time(step: Convert, column: Column) -> tuple[Column, dict[int, Exception]]:
    values: list[Any] = []
    schemas: list[Any] = []
    errors: dict[int, Exception] = {}
    for index, value in enumerate(column.values):
        schema = None if column.schemas is None else column.schemas[index]
        try:
            done = step(Column([value], [schema]))
        except Exception as error:
            errors[index] = error
            done = Column([None])
        values += done.values
        schemas += done.schemas or [None]
    return Column(values, schemas if any(schema is not None for schema in schemas) else None), errors


def convert_headers(
    step: Convert, headers: Sequence[Sequence[Header]]
) -> tuple[list[list[Header]], dict[int, Exception]]:
    """All headers of all records as one column."""
    flat = [header for row in headers for header in row]
    ends = list(accumulate(map(len, headers), initial=0))
    done, errors = convert(step, Column([value for _, value in flat]))
    rows = [[(flat[index][0], done.values[index]) for index in range(start, end)] for start, end in pairwise(ends)]
    failed = {
        row: errors[index]
        for row, (start, end) in enumerate(pairwise(ends))
        for index in reversed(range(start, end))
        if index in errors
    }
    return rows, failed


def class_name(thing: object) -> str:
    return f"{type(thing).__module__}.{type(thing).__qualname__}"
