"""Keys and values of internal topics: an int16 version, then the fields of one of Kafka's message definitions."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import Any, Final, TypeVar

from kio.serial import entity_reader, entity_writer

EntityT = TypeVar("EntityT")

_VERSION: Final = struct.Struct(">h")


def version_of(data: bytes) -> int:
    version: int = _VERSION.unpack_from(data)[0]
    return version


def write_versioned(entity: Any) -> bytes:
    """`entity` is of a dataclass in kio's style."""
    buffer = io.BytesIO(_VERSION.pack(entity.__version__))
    buffer.seek(_VERSION.size)
    write: Callable[[io.BytesIO, Any], None] = entity_writer(type(entity))
    write(buffer, entity)
    return buffer.getvalue()


def read_versioned(entity_type: type[EntityT], data: bytes) -> EntityT:
    reader: Callable[[bytes, int], tuple[EntityT, int]] = entity_reader(entity_type)  # type: ignore[type-var]
    return reader(data, _VERSION.size)[0]
