"""Regular expressions for names of topics, as people write them in `topics.regex` and `topic.creation.GROUP.include`.

They are Python's. Those that are RE2's too are matched by it, in linear time; others, with lookaround say, can keep a
process busy for ever, and are matched in the processes of tasks alone. Pure.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from penstock.patterns import compiled

LONGEST = 10_000
"""Characters of a pattern: Python takes seconds to compile a million."""


class TopicPattern:
    """Raises ValueError, which says what is wrong."""

    def __init__(self, pattern: str) -> None:
        if len(pattern) > LONGEST:
            raise ValueError(f"it has {len(pattern)} characters, more than {LONGEST}")
        self._compiled: Any = _compiled_by_python(pattern)
        self.is_linear = "{," not in pattern  # with which RE2 means just these characters
        try:
            self._compiled = compiled(pattern) if self.is_linear else self._compiled
        except ValueError:
            self.is_linear = False

    def match(self, topic: str) -> bool:
        """The whole name, however `match` of other patterns may do it."""
        return self._compiled.fullmatch(topic) is not None


@lru_cache(maxsize=256)
def topic_pattern(pattern: str) -> TopicPattern:
    return TopicPattern(pattern)


def _compiled_by_python(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except (re.error, OverflowError) as error:
        raise ValueError(str(error)) from None
    except RecursionError:
        raise ValueError("its groups are nested too deep") from None
