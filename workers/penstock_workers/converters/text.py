"""Any value as the text that Kafka Connect's string converter and line-oriented sinks make of it: Java's `toString`.

Where Java's text is of no use (the address of a byte array, a date in the time zone of the machine), bytes are base64
and times are ISO 8601.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from penstock import Schema

DECIMAL_FROM, DECIMAL_BELOW = 1e-3, 1e7
"""Outside, Java writes an exponent."""


def text_of(value: Any, schema: Schema | None = None) -> str:
    match value:
        case str():
            return value
        case bool() | None:
            return {True: "true", False: "false", None: "null"}[value]
        case float():
            return _float(value)
        case bytes():
            return base64.b64encode(value).decode()
        case Mapping() if schema and schema.get("type") == "struct":
            return _struct(value, schema)
        case Mapping():
            inner = schema.get("values") if schema else None
            return f"{{{', '.join(f'{text_of(key)}={text_of(item, inner)}' for key, item in value.items())}}}"
        case Sequence():
            inner = schema.get("items") if schema else None
            return f"[{', '.join(text_of(item, inner) for item in value)}]"
        case Decimal():
            return format(value, "f") if value.as_tuple().exponent else str(value)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _struct(value: Mapping[str, Any], schema: Schema) -> str:
    """Fields without a value are left out, as Java does."""
    fields = [
        f"{field['field']}={text_of(value[field['field']], field)}"
        for field in schema["fields"]
        if value.get(field["field"]) is not None
    ]
    return f"Struct{{{','.join(fields)}}}"


def _float(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or DECIMAL_FROM <= abs(value) < DECIMAL_BELOW:
        return repr(value)
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    rest = "".join(map(str, digits[1:])) or "0"
    return f"{'-' if sign else ''}{digits[0]}.{rest}E{int(exponent) + len(digits) - 1}"
