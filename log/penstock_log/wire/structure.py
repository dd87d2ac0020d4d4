"""Walks a request's bytes by its schema, without decoding them, so that no length in it promises more than there is.

kio's decoder reserves memory for as many items as an array's length claims, and a process that cannot have it aborts:
thirty bytes from a stranger would end the node. kio also reads a null as None where the protocol has none, and handlers
would stumble over it. A walk is one generated function for each struct, in which adjacent fixed-size fields are one
addition, so that it costs a few microseconds.
"""

from collections.abc import Callable, Iterator
from dataclasses import Field, fields, is_dataclass
from struct import Struct, calcsize, error
from typing import Any

from penstock_log.wire.fields import FIXED_FORMATS, inner_type, is_array, is_optional, is_struct
from penstock_log.wire.reader import MalformedRequest

Walk = Callable[[memoryview, int], None]
_INT16, _INT32 = Struct(">h"), Struct(">i")


def compile_walk(schema: type) -> Walk:
    """A function of a frame and the body's position in it; raises MalformedRequest where a length does not fit."""
    source = _Source(flexible=schema.__flexible__)  # type: ignore[attr-defined]
    function = source.add_struct(schema)
    namespace = source.namespace | {"int16": _INT16.unpack_from, "int32": _INT32.unpack_from}
    namespace |= {"uvarint": _uvarint, "check_count": _check_count, "MalformedRequest": MalformedRequest}
    exec(compile("\n".join(source.lines), f"<walk through {schema.__name__}>", "exec"), namespace)
    walk_struct = namespace[function]

    def walk(frame: memoryview, position: int) -> None:
        try:
            end = walk_struct(frame, position, len(frame))
        except (IndexError, error) as short:
            raise MalformedRequest(f"the frame of {len(frame)} bytes ends within a field") from short
        if end > len(frame):
            raise MalformedRequest(f"a field ends at {end}, behind the frame of {len(frame)} bytes")

    return walk


def _uvarint(frame: memoryview, position: int) -> tuple[int, int]:
    """The number at `position`, and where it ends."""
    value = shift = 0
    while True:
        byte = frame[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
        if shift > 28:
            raise MalformedRequest(f"varint before {position} has more than 5 bytes")


def _check_count(count: int, smallest: int, nullable: bool, position: int, end: int) -> None:
    if count < 0:
        if nullable and count == -1:
            return
        raise MalformedRequest(f"array of {count} items before {position}")
    if count * smallest > end - position:
        raise MalformedRequest(f"array of {count} items at {position} does not fit the frame of {end} bytes")


class _Source:
    """The generated source of the walk through one message: `p` is the position in the frame `b`, which ends at `n`."""

    def __init__(self, flexible: bool) -> None:
        self.flexible = flexible
        self.lines: list[str] = []
        self.namespace: dict[str, Any] = {}

    def add_struct(self, schema: type) -> str:
        """Add a function for the struct, its nested structs first; return its name."""
        function = f"walk_{schema.__name__}"
        if function not in self.namespace:
            self.namespace[function] = None
            plain = [field for field in fields(schema) if "tag" not in field.metadata]
            tagged = [field for field in fields(schema) if "tag" in field.metadata]
            body = [*self._plain_fields(plain), *(self._tagged_fields(tagged) if self.flexible else ())]
            self.lines += [f"def {function}(b, p, n):", *(f"    {line}" for line in body), "    return p"]
        return function

    def _plain_fields(self, plain: list[Field[Any]]) -> Iterator[str]:
        fixed = 0
        for field in plain:
            if not is_array(field) and (size := _fixed_size(field)):
                fixed += size
                continue
            if fixed:
                yield f"p += {fixed}"
                fixed = 0
            yield from self._field(field)
        if fixed:
            yield f"p += {fixed}"

    def _field(self, field: Field[Any]) -> list[str]:
        if is_array(field):
            return self._array(field)
        if is_struct(field):
            walk = f"p = {self.add_struct(inner_type(field))}(b, p, n)"
            if is_optional(field) and "tag" not in field.metadata:
                return ["p += 1", f"if b[p - 1] < 0x80: {walk}"]
            return [walk]
        if size := _fixed_size(field):
            return [f"p += {size}"]
        return self._blob(field)

    def _blob(self, field: Field[Any]) -> list[str]:
        """A string, bytes or records: a length, and as many bytes. Null has none."""
        if self.flexible:
            return ["c, p = uvarint(b, p)", "if c: p += c - 1"]
        width = 2 if field.metadata["kafka_type"] == "string" else 4
        return [f"c = int{8 * width}(b, p)[0]", f"p += {width}", "if c > 0: p += c"]

    def _array(self, field: Field[Any]) -> list[str]:
        inner, item_size = inner_type(field), _fixed_size(field)
        head = ["c, p = uvarint(b, p)", "c -= 1"] if self.flexible else ["c = int32(b, p)[0]", "p += 4"]
        head.append(f"check_count(c, {self._smallest(field)}, {is_optional(field)}, p, n)")
        if is_dataclass(inner):
            item = [f"p = {self.add_struct(inner)}(b, p, n)"]
        elif item_size:
            return [*head, f"if c > 0: p += c * {item_size}"]
        else:
            item = self._blob(field)
        return [*head, "for _ in range(c):", *(f"    {line}" for line in item)]

    def _smallest(self, field: Field[Any]) -> int:
        """The size of an array's smallest item: what its length is checked against."""
        inner = inner_type(field)
        if not is_dataclass(inner):
            return _fixed_size(field) or self._smallest_length(field)
        members = [member for member in fields(inner) if "tag" not in member.metadata]
        return int(self.flexible) + sum(map(self._smallest_member, members))

    def _smallest_member(self, field: Field[Any]) -> int:
        if not is_array(field):
            if is_struct(field):
                return 1 if is_optional(field) else self._smallest(field)
            if size := _fixed_size(field):
                return size
        return self._smallest_length(field)

    def _smallest_length(self, field: Field[Any]) -> int:
        if self.flexible:
            return 1
        return 2 if field.metadata.get("kafka_type") == "string" and not is_array(field) else 4

    def _tagged_fields(self, tagged: list[Field[Any]]) -> list[str]:
        lines = ["t, p = uvarint(b, p)", "for _ in range(t):", "    tag, p = uvarint(b, p)", "    s, p = uvarint(b, p)"]
        lines.append("    e = p + s")
        lines.append("    if e > n: raise MalformedRequest(f'tagged field of {s} bytes at {p} does not fit the frame')")
        for field in tagged:
            lines.append(f"    if tag == {field.metadata['tag']}:")
            lines += [f"        {line}" for line in self._field(field)]
            lines.append("        if p != e: raise MalformedRequest(f'tagged field {tag} does not end at {e}')")
        return [*lines, "    p = e"]


def _fixed_size(field: Field[Any]) -> int:
    """The encoded size of the field, or of one of its items, where all values have the same; else 0."""
    return calcsize(">" + FIXED_FORMATS.get(field.metadata.get("kafka_type", ""), ""))
