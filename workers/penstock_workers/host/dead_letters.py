"""A record that failed as a dead letter: its bytes as they were, and in headers where it comes from and why. Pure.

The names of the headers are Kafka Connect's; those that it has no name for begin with `__penstock.errors.`.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from penstock import Batch, Header
from penstock_workers.connector_config import CommonConnectorConfig
from penstock_workers.host.messages import TaskSpec
from penstock_workers.host.secrets import without_secrets
from penstock_workers.host.stages import RecordFailure

PREFIX, OWN_PREFIX = "__connect.errors.", "__penstock.errors."
LONGEST_STACKTRACE = 8000


def dead_letters(spec: TaskSpec, config: CommonConnectorConfig, failures: Sequence[RecordFailure]) -> Batch:
    """One batch for the dead-letter topic, without a position; all `failures` are of one batch."""
    batch = failures[0].batch
    with_context = config.errors_deadletterqueue_context_headers_enable
    headers = [_own_headers(failure) + (list(_context(spec, failure)) if with_context else []) for failure in failures]
    rows = [failure.index for failure in failures]
    return Batch(
        config.errors_deadletterqueue_topic_name,
        [raw_bytes(batch.values[row]) for row in rows],
        keys=None if batch.keys is None else [raw_bytes(batch.keys[row]) for row in rows],
        timestamps=None if batch.timestamps is None else [batch.timestamps[row] for row in rows],
        headers=headers if any(headers) else None,
        source_partition=batch.source_partition,
    )


def text_of_cause(failure: RecordFailure) -> str:
    cause = failure.cause
    return f"{type(cause).__name__}: {cause}"


def raw_bytes(value: Any) -> bytes | None:
    """As it is; what a source yielded that is no bytes, as JSON, or in Python's words where even that fails."""
    if value is None or isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    try:
        return orjson.dumps(value, repr, orjson.OPT_NON_STR_KEYS)
    except TypeError:
        return repr(value).encode()


def _own_headers(failure: RecordFailure) -> list[Header]:
    headers = failure.batch.headers
    return [] if headers is None else [(name, raw_bytes(value)) for name, value in headers[failure.index]]


def _context(spec: TaskSpec, failure: RecordFailure) -> Iterator[Header]:
    batch, index, cause = failure.batch, failure.index, failure.cause
    yield f"{PREFIX}topic", batch.topic.encode()
    if batch.partition is not None:
        yield f"{PREFIX}partition", str(batch.partition).encode()
    if batch.offsets is not None:
        yield f"{PREFIX}offset", str(batch.offsets[index]).encode()
    else:
        yield f"{OWN_PREFIX}source.partition", json.dumps(dict(batch.source_partition)).encode()
        if batch.position is not None:
            yield f"{OWN_PREFIX}source.position", json.dumps(dict(batch.position)).encode()
    yield f"{PREFIX}connector.name", spec.connector.encode()
    yield f"{PREFIX}task.id", str(spec.task).encode()
    yield f"{PREFIX}stage", failure.stage.encode()
    yield f"{PREFIX}class.name", failure.by.encode()
    kind = type(cause)
    yield f"{PREFIX}exception.class.name", f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.").encode()
    yield f"{PREFIX}exception.message", without_secrets(str(cause)).encode("utf-8", "backslashreplace")
    trace = without_secrets("".join(traceback.format_exception(failure.error)))[-LONGEST_STACKTRACE:]
    yield f"{PREFIX}exception.stacktrace", trace.encode("utf-8", "backslashreplace")
