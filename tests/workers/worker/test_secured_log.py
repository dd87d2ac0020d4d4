"""A worker on a log that asks for TLS and a login."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.secured_log import SecuredLog

from penstock_workers.errors import LogRefusesConnection
from penstock_workers.status import State
from penstock_workers.worker import Worker

from .conftest import PLUGINS, wait_for_state, wait_until, worker_config


async def test_records_pass_through_a_secured_log(secured_log: SecuredLog, fresh_topic: str, tmp_path: Path) -> None:
    """By the worker's own tables and membership, a source that delivers exactly once, and a sink."""
    worker = Worker(worker_config(**as_attributes(secured_log.options("SASL_SSL", "SCRAM-SHA-512"))), PLUGINS)
    await worker.start()
    try:
        await worker.changes.create(
            f"in-{fresh_topic}", {"connector.class": "penstock_demo.Numbers", "topic": fresh_topic}
        )
        sink = {"connector.class": "penstock_demo.Collect", "topics": fresh_topic, "directory": str(tmp_path)}
        await worker.changes.create(f"out-{fresh_topic}", sink)
        await wait_for_state(worker, f"out-{fresh_topic}", State.RUNNING)
        await wait_until(lambda: len(collected(tmp_path)) == 100)
    finally:
        await worker.stop()


async def test_a_wrong_password_is_told_at_once(secured_log: SecuredLog) -> None:
    options = as_attributes(secured_log.options("SASL_SSL", "SCRAM-SHA-256")) | {"sasl_password": "other"}
    worker = Worker(worker_config(**options), PLUGINS)
    with pytest.raises(LogRefusesConnection) as error:
        await worker.start()
    assert error.value.problem.code == "authentication-failed"
    await worker.stop()


def as_attributes(options: dict[str, str]) -> dict[str, str]:
    return {key.replace(".", "_"): value for key, value in options.items()}


def collected(directory: Path) -> set[str]:
    return {line for file in directory.iterdir() for line in file.read_text().splitlines()}
