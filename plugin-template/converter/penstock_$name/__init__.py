"""A converter between text and its hexadecimal digits. Make it convert what you need."""

from collections.abc import Sequence

from penstock import Column, Converter, ConverterConfig, hookimpl, option
from penstock.converter import ConverterClass


class ${class_name}Config(ConverterConfig):
    upper: bool = option("Write A to F, not a to f.", default=False)


class ${class_name}Converter(Converter[${class_name}Config]):
    def to_bytes(self, column: Column, topic: str) -> Sequence[bytes | None]:
        return [None if value is None else self._digits(value) for value in column.values]

    def from_bytes(self, data: Sequence[bytes | None], topic: str) -> Column:
        return Column([None if each is None else bytes.fromhex(each.decode()).decode() for each in data])

    def _digits(self, value: str) -> bytes:
        digits = value.encode().hex()
        return (digits.upper() if self.config.upper else digits).encode()


@hookimpl
def penstock_converters() -> Sequence[ConverterClass]:
    return [${class_name}Converter]
