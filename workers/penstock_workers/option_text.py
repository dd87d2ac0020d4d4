"""Option values as configurations keep them: text, as Kafka Connect has it."""

from __future__ import annotations

from typing import Any


def text_of(value: Any) -> str:
    """A scalar, or a list of scalars, as text: `true`, `5`, `a,b`."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ",".join(map(text_of, value))
    return str(value)
