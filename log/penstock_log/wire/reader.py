"""A cursor over a request's bytes that checks every length against the frame: for what kio does not decode."""

from struct import Struct, error

_INT16 = Struct(">h")
_INT32 = Struct(">i")


class MalformedRequest(Exception):
    """The bytes are no request of the API and version that they claim: the connection cannot be trusted further."""


class Reader:
    """Reads values one after another; `flexible` chooses between compact and fixed-size lengths."""

    __slots__ = ("buffer", "flexible", "position")

    def __init__(self, buffer: memoryview, position: int, flexible: bool) -> None:
        self.buffer = buffer
        self.position = position
        self.flexible = flexible

    def take(self, size: int) -> memoryview:
        end = self.position + size
        if size < 0 or end > len(self.buffer):
            raise self._too_short(size)
        view = self.buffer[self.position : end]
        self.position = end
        return view

    def int16(self) -> int:
        return self._fixed(_INT16)

    def int32(self) -> int:
        return self._fixed(_INT32)

    def _fixed(self, encoding: Struct) -> int:
        try:
            value: int = encoding.unpack_from(self.buffer, self.position)[0]
        except error:
            raise self._too_short(encoding.size) from None
        self.position += encoding.size
        return value

    def uvarint(self) -> int:
        value = shift = 0
        while True:
            try:
                byte = self.buffer[self.position]
            except IndexError:
                raise self._too_short(1) from None
            self.position += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
            if shift > 28:
                raise MalformedRequest(f"varint at {self.position} has more than 5 bytes")

    def string(self) -> str | None:
        length = self.uvarint() - 1 if self.flexible else self.int16()
        try:
            return None if length < 0 else str(self.take(length), "utf-8")
        except UnicodeDecodeError as decode_error:
            raise MalformedRequest(f"string before {self.position} is not UTF-8") from decode_error

    def blob(self) -> memoryview | None:
        """Bytes or records, as a view of the frame."""
        length = self.uvarint() - 1 if self.flexible else self.int32()
        return None if length < 0 else self.take(length)

    def array_length(self) -> int:
        """Number of items; null counts as none. An item has at least one byte, so the frame bounds it."""
        length = self.uvarint() - 1 if self.flexible else self.int32()
        if length > len(self.buffer) - self.position:
            raise MalformedRequest(f"array of {length} items at {self.position} does not fit the frame")
        return max(length, 0)

    def _too_short(self, size: int) -> MalformedRequest:
        return MalformedRequest(f"{size} bytes at {self.position} do not fit the frame of {len(self.buffer)} bytes")

    def tagged_fields(self) -> None:
        """Skip the tagged fields at the end of a flexible struct."""
        if self.flexible:
            for _ in range(self.uvarint()):
                self.uvarint()
                self.take(self.uvarint())
