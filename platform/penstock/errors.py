"""Errors, named by what the platform does next.

Every error of the platform is one object wherever a person meets it (REST, terminal, log, status): a
stable `code`, a `message` that says what was wrong, `where`, and a `hint` that says what to do.
A connector raises one of these from any of its methods; any other exception counts as `Failed`, but in `Sink.write`,
where it is taken for the fault of a record, unless it is an `OSError`: then it is the outside world's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, in the shape that REST, the command line and the logs all show."""

    code: str
    """Stable, lower case, hyphenated: `unknown-option`. Scripts and documentation refer to it."""
    message: str
    """What was wrong, with the offending value."""
    where: str = ""
    """A connector, an option (`topic`), a file and line, an address: what the reader has to look at."""
    hint: str = ""
    """What to do about it; empty only where there is nothing to do."""

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        return f"{text} ({self.hint})" if self.hint else text

    def to_dict(self) -> dict[str, Any]:
        return {"code": self.code, "message": self.message, "where": self.where, "hint": self.hint}


class PenstockError(Exception):
    """The root of all errors that Penstock raises. `code` of a subclass is its default code."""

    code = "failed"

    def __init__(self, message: str, *, code: str = "", where: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.problem = Problem(code or self.code, message, where, hint)

    def __str__(self) -> str:
        return str(self.problem)

    def to_dict(self) -> dict[str, Any]:
        """The error as one JSON object, its cause included: the innermost exception in the chain."""
        cause = root_cause(self)
        text = "" if cause is self else f"{type(cause).__name__}: {cause}"
        return self.problem.to_dict() | {"cause": text}


def root_cause(error: BaseException) -> BaseException:
    """The innermost exception in the chain, itself where it has no cause. A chain may come round, for
    `raise error from error` is easily written; it ends there."""
    seen = [error]
    while (cause := seen[-1].__cause__) is not None and not any(cause is each for each in seen):
        seen.append(cause)
    return seen[-1]


class Failed(PenstockError):
    """The task cannot go on: the platform stops it, marks it FAILED and shows this error as its trace."""

    code = "failed"


class RetryLater(PenstockError):
    """A passing condition. The platform calls again with the same input after `after_seconds`.

    From `Source.read` it ends the generator; `read` is called anew from the last acknowledged positions.
    """

    code = "retry-later"

    def __init__(
        self, message: str, *, after_seconds: float = 1.0, code: str = "", where: str = "", hint: str = ""
    ) -> None:
        super().__init__(message, code=code, where=where, hint=hint)
        self.after_seconds = after_seconds


class ConnectionLost(RetryLater):
    """The external system went away. The platform closes the connector, opens it again and goes on from
    the last acknowledged positions."""

    code = "connection-lost"


class SkipRecord(PenstockError):
    """A record of the batch can never be written; the others can. From `Sink.write`: which it is, the platform finds
    out by writing halves of the batch. Whether the task goes on without it, `errors.tolerance` says."""

    code = "skip-record"


class WriteFailed(PenstockError):
    """A sink wrote a part of a batch: all records but those in `failed`, named by their index, with the cause.

    Those whose cause is RetryLater are written again, after a pause; the others fail for good, see `errors.tolerance`.
    """

    code = "write-failed"

    def __init__(self, message: str, failed: Mapping[int, Exception], *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.failed = dict(failed)


class BadConfiguration(PenstockError):
    """The configuration is wrong in one or more places; nothing was started and nothing was changed.

    Raised from `open`, it marks the task FAILED and is not retried: only a new configuration helps.
    """

    code = "bad-configuration"

    def __init__(self, problems: Sequence[Problem] | str, *, where: str = "", hint: str = "") -> None:
        if isinstance(problems, str):
            problems = [Problem(self.code, problems, where, hint)]
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = list(problems)
        if len(self.problems) == 1:
            (only,) = self.problems
            self.problem = Problem(self.code, only.message, only.where, only.hint)
