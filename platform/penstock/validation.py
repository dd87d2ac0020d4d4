"""A configuration checked against its JSON Schema, without the class that the schema came from.

The worker and the REST API hold schemas only: connector code runs nowhere but in its own process. Values arrive
as people and Kafka Connect's tools write them, often all of them strings, so each is first read as the type
that its schema names.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from penstock.errors import Problem
from penstock.patterns import found

LONGEST_PATTERN = 60
"""Of those that people are shown; the option's description says it better than a longer one."""
BOOLEANS = {"true": True, "false": False}


class Validated(NamedTuple):
    values: dict[str, Any]
    """Typed, with defaults filled in. Complete only where there are no problems."""
    problems: list[Problem]
    """`where` of each is the option's key."""


def validate(schema: Mapping[str, Any], raw: Mapping[str, Any]) -> Validated:
    """Read `raw` by the schema of an object. Never raises: every problem is in the answer."""
    properties: Mapping[str, Mapping[str, Any]] = schema["properties"]
    values = {key: definition["default"] for key, definition in properties.items() if "default" in definition}
    problems = list(_unknown([key for key in raw if key not in properties], properties))
    for key, definition in properties.items():
        value = raw.get(key)
        if value is not None:
            values[key] = _typed(value, definition)
            problems += _violations(key, values[key], definition)
        elif key in schema.get("required", ()):
            hint = f"set {key}: {definition.get('description', '')}"
            problems.append(Problem("missing-option", "is required and has no default", key, hint))
    return Validated(values, problems)


def _typed(value: Any, definition: Mapping[str, Any]) -> Any:
    """The value as the type that the schema names, or unchanged where it cannot be read as that."""
    kind = definition.get("type")
    if kind == "string" and isinstance(value, int | float | bool):
        return str(value).lower() if isinstance(value, bool) else str(value)
    if not isinstance(value, str):
        return value
    text = value.strip()
    try:
        match kind:
            case "integer":
                return int(text)
            case "number":
                return float(text) if math.isfinite(float(text)) else value
            case "boolean":
                return BOOLEANS[text.lower()]
            case "array":
                return [_typed(item.strip(), definition["items"]) for item in text.split(",") if item.strip()]
    except (ValueError, KeyError):
        pass
    return value


def _violations(key: str, value: Any, definition: Mapping[str, Any]) -> Iterator[Problem]:
    for error in _validator()(definition).iter_errors(value):
        code = "ill-typed-option" if error.validator == "type" else "invalid-option"
        shown = "the given secret" if definition.get("writeOnly") else repr(error.instance)
        yield Problem(code, f"{shown} {_complaint(error.validator, error.validator_value)}", key, _hint(definition))


@cache
def _validator() -> Any:
    """JSON Schema's, but no pattern can keep the process busy."""
    from jsonschema import Draft202012Validator, ValidationError, validators  # on use: it costs a command line 80 ms

    def pattern(_: Any, limit: str, instance: Any, __: Any) -> Iterator[ValidationError]:
        if isinstance(instance, str) and not found(limit, instance):
            yield ValidationError(f"does not match {limit}")

    return validators.extend(Draft202012Validator, {"pattern": pattern})  # type: ignore[no-untyped-call]


def _complaint(keyword: Any, limit: Any) -> str:
    match keyword:
        case "type":
            return f"is not of type {limit}"
        case "enum":
            return f"is not one of {', '.join(dict.fromkeys(map(str, limit)))}"
        case "minimum":
            return f"is less than the minimum of {limit}"
        case "maximum":
            return f"is more than the maximum of {limit}"
        case "pattern":
            return f"does not match {limit}" if len(limit) <= LONGEST_PATTERN else "has not the form that is asked for"
        case _:
            return f"violates {keyword}: {limit}"


def _hint(definition: Mapping[str, Any]) -> str:
    text = str(definition.get("description", ""))
    return f"{text} Default: {definition['default']}" if "default" in definition else text


def _unknown(keys: Sequence[str], properties: Mapping[str, Any]) -> Iterator[Problem]:
    """Each with the nearest name. Where there is none all are listed, once."""
    listed = ""
    for key in keys:
        if near := _nearest(key, properties):
            hint = f"did you mean {near}?"
        elif listed:
            hint = f"the known options stand at {listed}"
        else:
            hint, listed = f"known options: {', '.join(sorted(properties))}", key
        yield Problem("unknown-option", "is not an option of this connector", key, hint)


def _nearest(key: str, known: Iterable[str]) -> str:
    """The option that was meant: of nearly that name, or the shortest with all its words (`rate`: `rate.per.second`).
    Empty where there is none."""
    words = set(key.split("."))
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.75)
    having = sorted((name for name in known if words <= set(name.split("."))), key=len)
    likely = difflib.get_close_matches(key, known, n=1)
    return next(iter([*close, *having, *likely]), "")
