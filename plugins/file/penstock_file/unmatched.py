"""The patterns that nothing has matched since the start. A slip in one is else a source that runs and reads nothing."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping

import structlog

from penstock_file.scan import watch_root
from penstock_file.tailed_file import Found, printable

logger = structlog.get_logger()


class Unmatched:
    """Warns once of each, and again when there is another reason. Called by one scan after the other."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._reasons = dict.fromkeys(patterns, "")

    def tell(self, matches: Mapping[str, Collection[str]], found: Iterable[Found]) -> None:
        """The paths that each pattern matches now, and the files among them."""
        files = {file.path for file in found} if self._reasons else set()
        for pattern, told in list(self._reasons.items()):
            if any(path in files for path in matches[pattern]):
                del self._reasons[pattern]
            elif (reason := why_no_file(pattern, matches[pattern])) != told:
                hint = "check paths; it is looked for again at each scan"
                logger.warning("no file matches", pattern=printable(pattern), reason=reason, hint=hint)
                self._reasons[pattern] = reason


def why_no_file(pattern: str, paths: Collection[str]) -> str:
    if paths:
        return "what has such a name is no regular file, or cannot be looked at"
    directory = watch_root(pattern)
    if not os.path.isdir(directory):
        return f"there is no directory {printable(directory)}, or it may not be entered"
    if not os.access(directory, os.R_OK | os.X_OK):
        return f"this process may not read the directory {printable(directory)}"
    return f"nothing in {printable(directory)} has such a name"
