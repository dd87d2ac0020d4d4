"""The log goes away under a worker, and comes back."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import pytest
from tests.conftest import LogNode

from penstock_workers.config import WorkerConfig
from penstock_workers.errors import LogUnavailable
from penstock_workers.status import State, TargetState
from penstock_workers.store import tables
from penstock_workers.worker import Worker

from .conftest import PLUGINS, give_up_after, read_topic, wait_for_state, worker_config


async def running(config: dict[str, str], log: LogNode, **options: Any) -> Worker:
    """A worker with the connector `lines`, whose task runs."""
    worker = Worker(worker_config(log.bootstrap_servers, **options), PLUGINS)
    await worker.start()
    await worker.changes.create("lines", config)
    await wait_for_state(worker, "lines", State.RUNNING)
    return worker


async def test_a_change_is_refused_while_the_log_is_away_and_works_when_it_is_back(
    own_log_node: Any, fresh_topic: str
) -> None:
    config = {"connector.class": "Numbers", "topic": fresh_topic}
    worker = await running(config, own_log_node)

    own_log_node.kill()
    give_up_after(worker, 1)
    changes = [worker.changes.set_target_state("lines", TargetState.PAUSED), worker.changes.create("more", config)]
    for outcome in await asyncio.gather(*changes, return_exceptions=True):
        assert isinstance(outcome, LogUnavailable)
        assert own_log_node.bootstrap_servers in str(outcome)
    assert worker.status("lines").connector.state is State.RUNNING, "reads go on answering"

    own_log_node.start()
    give_up_after(worker, 30)
    await _until_accepted(worker, TargetState.PAUSED)
    await wait_for_state(worker, "lines", State.PAUSED)
    assert worker.connectors() == ["lines"], "what was refused does not happen later"
    await worker.changes.set_target_state("lines", TargetState.RUNNING)
    await wait_for_state(worker, "lines", State.RUNNING)

    async def delivered() -> set[int]:
        return {int(value or b"") for _, value in await read_topic(own_log_node.bootstrap_servers, fresh_topic)}

    async with asyncio.timeout(60):
        while await delivered() != set(range(100)):
            await asyncio.sleep(0.1)
    await worker.stop()


async def test_what_a_frozen_log_did_not_confirm_is_made_as_a_whole_or_not_at_all(
    own_log_node: Any, fresh_topic: str
) -> None:
    """The request lies in its socket, where nobody can call it back."""
    config = {"connector.class": "Numbers", "topic": fresh_topic}
    worker = await running(config, own_log_node)
    give_up_after(worker, 1)

    own_log_node.process.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(LogUnavailable, match="did not confirm"):
            await worker.changes.create("more", config)
        with pytest.raises(LogUnavailable):
            await worker.changes.delete("lines")
    finally:
        own_log_node.process.send_signal(signal.SIGCONT)
    give_up_after(worker, 30)
    await _until_accepted(worker, TargetState.PAUSED)
    await wait_for_state(worker, "lines", State.PAUSED)
    if "more" in worker.connectors():
        assert worker.info("more").config == {"name": "more", **config}
        await wait_for_state(worker, "more", State.RUNNING)
    await worker.stop()


async def _until_accepted(worker: Worker, state: TargetState) -> None:
    async with asyncio.timeout(90):
        while True:
            try:
                return await worker.changes.set_target_state("lines", state)
            except LogUnavailable:
                continue


async def test_a_worker_stops_while_the_log_is_away(own_log_node: Any, fresh_topic: str) -> None:
    config = {"connector.class": "Numbers", "topic": fresh_topic}
    worker = await running(config, own_log_node, task_shutdown_graceful_timeout_seconds=0.5)
    own_log_node.kill()
    await asyncio.wait_for(worker.stop(), 60)


async def test_a_worker_waits_for_a_log_that_starts_after_it(own_log_node: Any) -> None:
    own_log_node.stop()
    worker = Worker(worker_config(own_log_node.bootstrap_servers), PLUGINS)
    starting = asyncio.create_task(worker.start())
    await asyncio.wait({starting}, timeout=0.5)
    assert not starting.done()
    own_log_node.start()
    await asyncio.wait_for(starting, 60)
    await worker.stop()


async def test_a_log_that_never_comes_is_named_with_the_option_that_says_where_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tables, "START_TIMEOUT_SECONDS", 0.3)
    worker = Worker(WorkerConfig(bootstrap_servers="127.0.0.1:1"), PLUGINS)
    with pytest.raises(LogUnavailable, match=r"127\.0\.0\.1:1\b") as error:
        await worker.start()
    assert "bootstrap.servers" in error.value.problem.hint
    await worker.stop()
