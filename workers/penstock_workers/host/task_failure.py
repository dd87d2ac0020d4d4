"""What ended a task, as the one error object and as a trace: the problem, its place and its cause first."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path

from penstock import Failed as ConnectorFailed
from penstock import PenstockError
from penstock_workers.errors import LogUnavailable
from penstock_workers.host.failures import RecordsFailed
from penstock_workers.host.limits import memory_error
from penstock_workers.host.messages import Failed, TaskSpec
from penstock_workers.host.stages import Stage

CALL_TIMEOUT = "call-timeout"


def failure(error: Exception, spec: TaskSpec) -> Failed:
    """Any exception as the one error object, and as a trace with the problem and its cause first."""
    named = as_named(error, spec)
    problem = named.to_dict()
    first = [str(named)]
    if named is not error or problem["where"].startswith(os.sep):  # a place in code: what is wrong comes first
        hint = f" ({problem['hint']})" if named is error else ""
        first = [problem["message"] + hint, f"  at {problem['where']}"]
    if problem["cause"]:
        first.append(f"Caused by {problem['cause']}")
    trace = "".join(traceback.format_exception(error))
    of_record = error if isinstance(error, RecordsFailed) else None
    return Failed(
        problem,
        "\n".join([*first, "", trace]),
        retryable=isinstance(error, LogUnavailable),
        unexpected=named is not error or problem["code"] == CALL_TIMEOUT or is_of_unnamed(error),
        stage=of_record.stage if of_record else "",
        record=of_record.record if of_record else None,
    )


def is_of_unnamed(error: Exception) -> bool:
    """A sink failed at records by an exception that it did not name: where it writes to may be the cause."""
    is_of_sink = isinstance(error, RecordsFailed) and error.stage is Stage.TASK_PUT
    return is_of_sink and not isinstance(error.__cause__, PenstockError)


def as_named(error: Exception, spec: TaskSpec) -> PenstockError:
    """The same error where it is one of ours."""
    if isinstance(error, PenstockError):
        return error
    where = place(error, spec.import_path) or spec.import_path
    if isinstance(error, MemoryError):
        return memory_error(spec.config, where)
    named = ConnectorFailed(f"{type(error).__name__}: {_text_of(error)}", where=where, hint="see the traceback")
    named.__cause__ = error.__cause__
    return named


def _text_of(error: Exception) -> str:
    try:
        return str(error)
    except Exception as other:  # of its author's class
        return f"(its text cannot be had: {type(other).__name__})"


def place(error: Exception, import_path: str) -> str:
    """Where the connector's own code raised it or called what did; where it had no part in it, where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename.startswith(_home_of(import_path) or "\0")]
    innermost = (own or frames)[-1:]
    return "".join(f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in innermost)


def _home_of(import_path: str) -> str:
    """The directory of the connector's package, or the file of the one module that it is."""
    package = sys.modules.get(import_path.partition(":")[0].partition(".")[0])
    file = (package and package.__file__) or ""
    return str(Path(file).parent) + os.sep if hasattr(package, "__path__") and file else file
