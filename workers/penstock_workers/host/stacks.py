"""Where connector code is: from the stacks that faulthandler prints, or from a coroutine that does not return."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

FRAME = re.compile(r'  File "(?P<file>.+)", line (?P<line>\d+) in (?P<function>.+)')


def blocked_at(stacks: Sequence[str]) -> str:
    """The innermost frame of the main thread, which faulthandler prints last and innermost first."""
    frames: list[re.Match[str]] = []
    for line in stacks:
        if line.startswith(("Thread ", "Current thread ")):
            frames = []
        elif frame := FRAME.match(line):
            frames.append(frame)
    return "{file}:{line} in {function}".format(**frames[0].groupdict()) if frames else ""


def awaiting_at(coroutine: Any) -> str:
    """Where the innermost coroutine of a chain of awaits is suspended."""
    place = ""
    while frame := getattr(coroutine, "cr_frame", None) or getattr(coroutine, "ag_frame", None):
        place = f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_qualname}"
        coroutine = getattr(coroutine, "cr_await", None) or getattr(coroutine, "ag_await", None)
    return place
