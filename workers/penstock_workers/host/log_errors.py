"""Whose error it is: a connector's RetryLater is for its task to handle, the log's ends the task.

A task that lost the log is started again by the worker, in a new process and from what is stored, which is simpler
and surer than taking up a half-done delivery.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from penstock import PenstockError, RetryLater
from penstock_workers.errors import LogUnavailable

T = TypeVar("T")


async def of_the_log(answer: Awaitable[T]) -> T:
    """Await what the client of the log answers."""
    try:
        return await answer
    except RetryLater as error:
        raise as_log_unavailable(error) from error


def as_log_unavailable(error: PenstockError) -> PenstockError:
    if not isinstance(error, RetryLater):
        return error
    problem = error.problem
    return LogUnavailable(problem.message, where=problem.where, hint=problem.hint)
