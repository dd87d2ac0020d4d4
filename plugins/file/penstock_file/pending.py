"""The files that were found and are not read yet: empty, unreadable, compressed, or waiting. Warns once of each."""

from __future__ import annotations

from collections.abc import Container

import structlog

from penstock_file.tailed_file import printable

logger = structlog.get_logger()


class Pending:
    def __init__(self) -> None:
        self._reasons: dict[str, str] = {}

    def __contains__(self, path: str) -> bool:
        return path in self._reasons

    def keep_only(self, paths: Container[str]) -> None:
        self._reasons = {path: reason for path, reason in self._reasons.items() if path in paths}

    def add(self, path: str, reason: str) -> None:
        """What passes by itself, and needs nobody's attention."""
        self._reasons[path] = reason

    def discard(self, path: str) -> None:
        self._reasons.pop(path, None)

    def refuse(self, path: str, error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):  # renamed or deleted since the scan
            self.warn(path, error.strerror or str(error), "make it readable; it is tried again all the time")

    def warn(self, path: str, reason: str, hint: str) -> None:
        if self._reasons.get(path) != reason:
            logger.warning("file cannot be read", path=printable(path), reason=reason, hint=hint)
        self._reasons[path] = reason
