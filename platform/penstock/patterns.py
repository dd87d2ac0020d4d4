"""Regular expressions that other people write, matched in a time that grows with the text alone, whatever they are.

A process that serves others matches them too, and one such as `^(\\w+\\s?)*$` can keep `re` busy for ever. So they are
RE2's: without lookaround and back-references, with `\\w`, `\\d` and `\\b` for ASCII as in JSON Schema, and with `$` at
the very end only.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any


@lru_cache(maxsize=256)
def compiled(pattern: str) -> Any:
    """With the methods of a pattern of `re`. Raises ValueError, which says what is wrong."""
    import re2  # type: ignore[import-untyped]  # imported on use: most command lines need none

    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        (reason,) = error.args
        raise ValueError(reason.decode(errors="replace") if isinstance(reason, bytes) else reason) from None
    except UnicodeEncodeError:
        raise ValueError("it holds half of a surrogate pair, which is no character") from None


def found(pattern: str, text: str) -> bool:
    """Whether it matches anywhere in the text. Raises ValueError, as `compiled`."""
    try:
        return compiled(pattern).search(text) is not None
    except UnicodeEncodeError:  # of half a surrogate pair
        return False
