"""The levels of loggers, of the worker and of its task hosts, read and changed while they run.

A logger is named as the module that logs, so a level holds for a module or for a package and all in it. Levels are the
standard library's; Kafka Connect's names for them are understood and shown.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import orjson

from penstock import PenstockError
from penstock_workers.store.records import TableRecord, UnreadableRecord, parse_object

PREFIX = "logger-cluster-"
ROOT = "root"
LEVELS = {
    "OFF": logging.CRITICAL + 10,
    "FATAL": logging.CRITICAL,
    "ERROR": logging.ERROR,
    "WARN": logging.WARNING,
    "INFO": logging.INFO,
    "DEBUG": logging.DEBUG,
    "TRACE": logging.DEBUG - 5,
    "ALL": logging.NOTSET + 1,
}
"""Log4j's. The first word of a number is the one that is shown."""
ALSO = {"WARNING": logging.WARNING, "CRITICAL": logging.CRITICAL}
"""Python's, where they differ."""


class UnknownLogger(PenstockError):
    """No logger of this name has a level. REST answers 404."""

    code = "unknown-logger"


class UnknownLevel(PenstockError):
    """The word is no level. REST answers 404, as Kafka Connect does."""

    code = "unknown-logger-level"


class LoggerLevel(NamedTuple):
    level: str
    last_modified_ms: int | None
    """Since 1970; None where it is as it was at the start."""


class LoggerLevels:
    """Of all loggers that have a level of their own, and of those that log in this process."""

    def __init__(self) -> None:
        self._modified_ms: dict[str, int] = {}
        self.numbers: dict[str, int] = {}
        """Those that were set, each after those above it: what another process needs to have the same."""
        self._on_change: Callable[[], None] = lambda: None

    def follow(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change

    def all(self) -> dict[str, LoggerLevel]:
        return {name: self._shown(name) for name in _names()}

    def one(self, name: str) -> LoggerLevel:
        """Raises UnknownLogger."""
        if name not in _names():
            raise UnknownLogger(f"Logger {name} not found.", where=name, hint="GET /admin/loggers lists them")
        return self._shown(name)

    def set(self, name: str, level: str) -> list[str]:
        """For a logger and all below it. Answers those whose level is another now. Raises UnknownLevel."""
        number = number_of(level)
        changed = _set(name, number)
        self._modified_ms |= dict.fromkeys(changed, int(time.time() * 1000))
        for each in [each for each in self.numbers if each == name or _is_below(each, name)]:
            del self.numbers[each]
        self.numbers[name] = number
        self._on_change()
        return changed

    def apply(self, record: TableRecord) -> None:
        """What somebody asked all workers of the cluster for. Raises UnreadableRecord."""
        key = record.key.decode(errors="replace")
        if record.value is None:
            return
        try:
            self.set(key.removeprefix(PREFIX), str(parse_object(record.value, key).get("level")))
        except UnknownLevel as error:
            raise UnreadableRecord(str(error), where=key) from error

    def _shown(self, name: str) -> LoggerLevel:
        return LoggerLevel(_word(_logger(name).getEffectiveLevel()), self._modified_ms.get(name))


def set_levels(numbers: Mapping[str, int]) -> None:
    """Of this process, each for a logger and all below it, in this order."""
    for name, number in numbers.items():
        _set(name, number)


def _set(name: str, number: int) -> list[str]:
    below = [each for each in _names() if _is_below(each, name)]
    changed = [each for each in sorted({name, *below}) if _logger(each).level != number]
    for each in changed:
        _logger(each).setLevel(number)
    return changed


def level_record(name: str, level: str) -> TableRecord:
    """For `connect-configs`, as Kafka Connect writes it."""
    return TableRecord(f"{PREFIX}{name}".encode(), orjson.dumps({"level": level.upper()}))


def number_of(level: str) -> int:
    """Raises UnknownLevel."""
    found = (LEVELS | ALSO).get(level.upper())
    if found is None:
        words = ", ".join(LEVELS)
        raise UnknownLevel(f"invalid log level '{level}'.", where="level", hint=f"one of {words}")
    return found


def _names() -> list[str]:
    existing = logging.root.manager.loggerDict
    return [ROOT, *sorted(name for name, logger in existing.items() if isinstance(logger, logging.Logger))]


def _logger(name: str) -> logging.Logger:
    return logging.root if name == ROOT else logging.getLogger(name)


def _is_below(name: str, ancestor: str) -> bool:
    return ancestor == ROOT or name.startswith(f"{ancestor}.")


def _word(number: int) -> str:
    """The level that lets as much through."""
    return min(LEVELS, key=lambda word: (abs(LEVELS[word] - number), LEVELS[word]))
