"""Which versions of a plugin a configuration asks for (KIP-891), in the words of Maven, as Kafka Connect reads them:
`latest`, `1.2` or `[1.2]` for just this one, `[1.0,2.0)` for a range, `(,1.0],[1.2,)` for one of several. Pure."""

from __future__ import annotations

import re

from packaging.version import InvalidVersion, Version

LATEST = "latest"
_RANGE = re.compile(r"\s*([\[(])([^\[\](),]*)(?:(,)([^\[\](),]*))?([\])])\s*(,|$)")


def fits(installed: str, wanted: str) -> bool:
    """Raises ValueError where `wanted` is neither a version nor ranges. An installed version that is none fits only
    where it is named."""
    wanted = wanted.strip()
    if wanted in (LATEST, installed, f"[{installed}]"):
        return True
    if not wanted.startswith(("[", "(")):
        wanted = f"[{wanted}]"
    ranges = _ranges(wanted)
    try:
        version = Version(installed)
    except InvalidVersion:
        return False
    return any(_is_in(version, each) for each in ranges)


def _ranges(text: str) -> list[re.Match[str]]:
    found = []
    place = 0
    while place < len(text):
        match = _RANGE.match(text, place)
        if match is None:
            raise ValueError(f"{text} is neither a version nor a range of versions")
        _check(match)
        found.append(match)
        place = match.end()
    return found


def _check(found: re.Match[str]) -> None:
    lower, upper = _end(found[2]), _end(found[4] or "")
    if not found[3] and (lower is None or found[1] + found[5] != "[]"):
        raise ValueError(f"{found[0].strip()} names no version")
    if lower and upper and lower > upper:
        raise ValueError(f"{found[0].strip()} ends before it begins")


def _is_in(version: Version, found: re.Match[str]) -> bool:
    lower, upper = _end(found[2]), _end(found[4] or "")
    if not found[3]:
        return version == lower
    is_above = lower is None or version > lower or (found[1] == "[" and version == lower)
    is_below = upper is None or version < upper or (found[5] == "]" and version == upper)
    return is_above and is_below


def _end(text: str) -> Version | None:
    if not text.strip():
        return None
    try:
        return Version(text.strip())
    except InvalidVersion:
        raise ValueError(f"{text.strip()} is no version that can be compared") from None
