"""What two answers to the same request have in common: status, headers, the shape of the JSON."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlsplit

MAPS = frozenset({"config", "partition", "offset"})
"""Fields whose keys are a user's, not the API's."""
SCALARS = {bool: "boolean", int: "number", float: "number", str: "string", type(None): "null"}


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes

    @property
    def json(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError:
            return None


class Difference(NamedTuple):
    kind: str
    """status, header, shape or message."""
    where: str
    java: str
    ours: str


def differences(java: Answer, ours: Answer, *, by_name: bool = False) -> Iterator[Difference]:
    """`by_name`: the answer is a map whose keys are names."""
    if java.status != ours.status:
        yield Difference("status", "", str(java.status), str(ours.status))
    for header in ("content-type", "location", "allow"):
        found = _header(java, header), _header(ours, header)
        if found[0] != found[1]:
            yield Difference("header", header, *found)
    if (java.status >= 400) != (ours.status >= 400):
        return  # the status says it: an answer and an error have nothing in common
    yield from _shape_differences(shape(java.json, by_name=by_name), shape(ours.json, by_name=by_name), "")
    if java.status >= 400 and (messages := _messages(java, ours))[0] != messages[1]:
        yield Difference("message", "", *messages)


def shape(value: Any, *, by_name: bool = False) -> Any:
    """The same for all values that a client would take apart in the same way."""
    if isinstance(value, dict):
        if by_name:
            return {"*": _merged([shape(each) for each in value.values()])}
        return {key: shape(each, by_name=key in MAPS) for key, each in value.items()}
    if isinstance(value, list):
        return [_merged([shape(each) for each in value])]
    return SCALARS[type(value)]


def _merged(shapes: list[Any]) -> Any:
    """One shape for all items of a list. A field that not all of them have is marked."""
    if not shapes:
        return "nothing"
    if all(isinstance(each, dict) for each in shapes):
        keys = dict.fromkeys(key for each in shapes for key in each)
        return {
            key if all(key in each for each in shapes) else f"{key}?": _merged(
                [each[key] for each in shapes if key in each]
            )
            for key in keys
        }
    if all(isinstance(each, list) for each in shapes):
        return [_merged([item for each in shapes for item in each])]
    return "|".join(sorted({each if isinstance(each, str) else type(each).__name__ for each in shapes}))


def _shape_differences(java: Any, ours: Any, where: str) -> Iterator[Difference]:
    if isinstance(java, dict) and isinstance(ours, dict):
        for key in dict.fromkeys([*java, *ours]):
            if key not in ours:
                yield Difference("shape", f"{where}.{key}", _text(java[key]), "absent")
            elif key not in java:
                yield Difference("shape", f"{where}.{key}", "absent", _text(ours[key]))
            else:
                yield from _shape_differences(java[key], ours[key], f"{where}.{key}")
    elif isinstance(java, list) and isinstance(ours, list):
        for one, other in zip(java, ours, strict=True):
            if "nothing" not in (one, other):
                yield from _shape_differences(one, other, f"{where}[]")
    elif java != ours:
        yield Difference("shape", where, _text(java), _text(ours))


def _text(found: Any) -> str:
    return json.dumps(found)[:80]


def _header(answer: Answer, name: str) -> str:
    value = answer.headers.get(name, "absent")
    match name:
        case "content-type":
            return value.partition(";")[0]
        case "location":
            return urlsplit(value).path
        case _:
            return ",".join(sorted(value.replace(" ", "").split(",")))


def _messages(java: Answer, ours: Answer) -> tuple[str, str]:
    one, other = (str((answer.json or {}).get("message", "")) for answer in (java, ours))
    return one, other
