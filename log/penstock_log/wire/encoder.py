"""Response encoders, compiled for each (API key, version) from kio's descriptions of the messages.

kio's own encoder calls a function for every field; here a struct becomes one generated function that packs adjacent
fixed-size fields with one `struct.pack` and appends to a list, 10 to 30 times faster. A response is a dict of kio's
field names, the same for all versions (`api/registry.py`): a field that the version lacks is not looked at, and one
that the dict lacks takes the protocol's default. `records` stay where they are: an encoded response is a list of
chunks in which record batches are the very objects that the handler gave.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import timedelta
from functools import cache
from struct import Struct
from typing import Any

from kio.index import load_response_schema

from penstock_log.wire.fields import FIXED_FORMATS, inner_type, is_array, is_optional, is_struct

Chunk = bytes | memoryview
Encoder = Callable[[Mapping[str, Any]], list[Chunk]]

_NULL_UUID = bytes(16)


@cache
def response_encoder(api_key: int, version: int) -> Encoder:
    """A function from a response's dict to its encoded body (without header), as chunks to be sent in order."""
    schema = load_response_schema(api_key, version)
    return compile_encoder(schema)


def compile_encoder(schema: type) -> Encoder:
    source = _Source(flexible=schema.__flexible__)  # type: ignore[attr-defined]
    function = source.add_struct(schema)
    namespace = source.namespace | {"join": b"".join, "uvarint": encode_uvarint, "blob": _append_blob}
    exec(compile("\n".join(source.lines), f"<encoder of {schema.__name__}>", "exec"), namespace)
    encode_struct = namespace[function]

    def encode(response: Mapping[str, Any]) -> list[Chunk]:
        chunks: list[Chunk] = []
        out: list[bytes] = []
        encode_struct(response, out, chunks)
        chunks.append(b"".join(out))
        return chunks

    return encode


def encode_uvarint(value: int) -> bytes:
    if value < 0x80:
        return _SHORT_UVARINTS[value]
    parts = bytearray()
    while value >= 0x80:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)


_SHORT_UVARINTS = [bytes((value,)) for value in range(0x80)]


def _append_blob(value: Any, out: list[bytes], chunks: list[Chunk], flexible: bool) -> None:
    """Bytes or records: one buffer or a list of them. What came before closes a chunk; the buffers follow untouched."""
    if value is None:
        out.append(b"\x00" if flexible else b"\xff\xff\xff\xff")
        return
    buffers = value if isinstance(value, list) else [value]
    size = sum(map(len, buffers))
    out.append(encode_uvarint(size + 1) if flexible else size.to_bytes(4, "big"))
    chunks.append(b"".join(out))
    out.clear()
    chunks.extend(buffers)


class _Source:
    """The generated Python source of one message and the names that it refers to."""

    def __init__(self, flexible: bool) -> None:
        self.flexible = flexible
        self.lines: list[str] = []
        self.namespace: dict[str, Any] = {"NULL_UUID": _NULL_UUID}

    def add_struct(self, schema: type) -> str:
        """Add a function `f(v, out, chunks)` for the struct, its nested structs first; return its name."""
        function = f"encode_{schema.__name__}"
        if function in self.namespace:
            return function
        self.namespace[function] = None
        plain = [field for field in fields(schema) if "tag" not in field.metadata]
        tagged = [field for field in fields(schema) if "tag" in field.metadata]
        body = list(self._plain_fields(plain))
        if self.flexible:
            body += self._tagged_fields(tagged)
        self.lines += [f"def {function}(v, out, chunks):", *(f"    {line}" for line in body or ["pass"])]
        return function

    def _plain_fields(self, plain: list[Field[Any]]) -> Iterator[str]:
        fixed: list[Field[Any]] = []
        for field in plain:
            if is_array(field) or is_struct(field) or field.metadata.get("kafka_type") not in FIXED_FORMATS:
                yield from self._flush_fixed(fixed)
                yield from self._write(field, self._value(field))
            else:
                fixed.append(field)
        yield from self._flush_fixed(fixed)

    def _flush_fixed(self, fixed: list[Field[Any]]) -> Iterator[str]:
        if fixed:
            pack = self._pack("".join(FIXED_FORMATS[field.metadata["kafka_type"]] for field in fixed))
            yield f"out.append({pack}({', '.join(map(self._fixed_value, fixed))}))"
            fixed.clear()

    def _pack(self, format: str) -> str:
        name = f"pack_{format.replace('?', 'z')}"
        self.namespace[name] = Struct(f">{format}").pack
        return name

    def _fixed_value(self, field: Field[Any]) -> str:
        value = self._value(field)
        if field.metadata["kafka_type"] == "uuid":
            return f"NULL_UUID if (u := {value}) is None else u.bytes"
        return value

    def _value(self, field: Field[Any]) -> str:
        default = _default(field)
        if default is MISSING:
            return f"v[{field.name!r}]"
        return f"v.get({field.name!r}, {default!r})"

    def _write(self, field: Field[Any], value: str) -> list[str]:
        """Lines that append the value of a field whose encoding has no fixed size, or that stands alone."""
        kafka_type = field.metadata.get("kafka_type")
        if is_array(field):
            return self._write_array(field, value)
        if is_struct(field):
            function = self.add_struct(inner_type(field))
            if not is_optional(field) or "tag" in field.metadata:
                return [f"{function}({value}, out, chunks)"]
            return [
                f"if (s := {value}) is None: out.append(b'\\xff')",
                f"else: out.append(b'\\x01'); {function}(s, out, chunks)",
            ]
        if kafka_type == "string":
            return [f"s = {value}", *self._write_string("s")]
        if kafka_type in ("bytes", "records"):
            return [f"blob({value}, out, chunks, {self.flexible})"]
        return [f"out.append({self._pack(FIXED_FORMATS[str(kafka_type)])}({value}))"]

    def _write_string(self, name: str) -> list[str]:
        if self.flexible:
            return [
                f"if {name} is None: out.append(b'\\x00')",
                f"else: b = {name}.encode(); out.append(uvarint(len(b) + 1)); out.append(b)",
            ]
        length = self._pack("h")
        return [
            f"if {name} is None: out.append(b'\\xff\\xff')",
            f"else: b = {name}.encode(); out.append({length}(len(b))); out.append(b)",
        ]

    def _write_array(self, field: Field[Any], value: str) -> list[str]:
        items = f"items_{field.name}"
        null, length = ("b'\\x00'", f"uvarint(len({items}) + 1)")
        if not self.flexible:
            null, length = ("b'\\xff\\xff\\xff\\xff'", f"{self._pack('i')}(len({items}))")
        return [
            f"{items} = {value}",
            f"if {items} is None: out.append({null})",
            "else:",
            f"    out.append({length})",
            f"    for item in {items}:",
            *(f"        {line}" for line in self._write_item(field)),
        ]

    def _write_item(self, field: Field[Any]) -> list[str]:
        inner = inner_type(field)
        if is_dataclass(inner):
            return [f"{self.add_struct(inner)}(item, out, chunks)"]
        kafka_type = field.metadata["kafka_type"]
        if kafka_type == "string":
            return self._write_string("item")
        if kafka_type == "bytes":
            return [f"blob(item, out, chunks, {self.flexible})"]
        value = "NULL_UUID if item is None else item.bytes" if kafka_type == "uuid" else "item"
        return [f"out.append({self._pack(FIXED_FORMATS[kafka_type])}({value}))"]

    def _tagged_fields(self, tagged: list[Field[Any]]) -> list[str]:
        """Tagged fields are written where the dict has them with a value other than the default."""
        if not tagged:
            return ["out.append(b'\\x00')"]
        lines = ["tags = []"]
        for field in sorted(tagged, key=lambda field: int(field.metadata["tag"])):
            present = "value" if is_array(field) else "value is not None"
            if not is_array(field) and not is_struct(field):
                present += f" and value != {_default(field)!r}"
            lines += [
                f"value = v.get({field.name!r})",
                f"if {present}:",
                "    outer, out = out, []",
                *(f"    {line}" for line in self._write(field, "value")),
                "    data, out = join(out), outer",
                f"    tags += (uvarint({field.metadata['tag']}), uvarint(len(data)), data)",
            ]
        return [*lines, "out.append(uvarint(len(tags) // 3))", "out += tags"]


def _default(field: Field[Any]) -> Any:
    """What a field that the response leaves out is sent as, or MISSING where leaving it out is a defect."""
    if field.name == "throttle_time":
        return 0
    if field.metadata.get("kafka_type") == "datetime_i64" and is_optional(field):
        return -1
    if isinstance(field.default, timedelta):
        return field.default // timedelta(milliseconds=1)
    if field.default is not MISSING:
        return int(field.default) if isinstance(field.default, int) else field.default
    return None if is_optional(field) else MISSING
