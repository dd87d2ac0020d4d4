"""The supervisor alone: runs that end before they have begun, and errors that nobody foresaw."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from tests.workers.worker.conftest import PLUGINS, wait_until

from penstock import Positions
from penstock_workers.desired import DesiredConnector, StringMap
from penstock_workers.log_connection import LogConnection
from penstock_workers.reconcile import Phase
from penstock_workers.status import TargetState, TaskId
from penstock_workers.supervisor import Supervisor
from penstock_workers.task_host import TaskSpec

CONFIG = {"connector.class": "Numbers", "topic": "numbers", "restart.backoff.seconds": "0.01"}
CONNECTOR = DesiredConnector("numbers", CONFIG, TargetState.RUNNING, [CONFIG], PLUGINS[0])
TASK = TaskId("numbers", 0)
NOWHERE = LogConnection(bootstrap_servers="127.0.0.1:1")


@asynccontextmanager
async def supervising(
    desired: Callable[[], Mapping[str, DesiredConnector]],
    prepare: Callable[[TaskId, StringMap], Awaitable[TaskSpec]],
) -> AsyncIterator[Supervisor]:
    async def positions(_connector: str) -> Positions:
        return Positions()

    supervisor = Supervisor(
        desired,
        prepare,
        positions,
        on_change=lambda: None,
        on_topics=lambda _task, _topics: None,
        on_split_requested=lambda _connector: None,
        graceful_timeout_seconds=60.0,
    )
    await supervisor.start()
    try:
        yield supervisor
    finally:
        await supervisor.stop()


def spec(task: TaskId, config: StringMap) -> TaskSpec:
    return TaskSpec(
        connector=task.connector,
        task=task.task,
        import_path="penstock_demo:Numbers",
        type="source",
        config=config,
        log=NOWHERE,
        offset_topic="connect-offsets",
    )


async def test_what_is_killed_while_its_process_is_being_made_is_gone_then() -> None:
    wanted, prepared = {"numbers": CONNECTOR}, asyncio.Event()

    async def prepare(task: TaskId, config: StringMap) -> TaskSpec:
        prepared.set()
        return spec(task, config)

    async with supervising(lambda: wanted, prepare) as supervisor:
        await prepared.wait()
        wanted.clear()
        await supervisor.kill([TASK])
        assert TASK not in supervisor.runs


async def test_a_kill_waits_for_no_run_that_is_begun_after_it() -> None:
    """A worker that was given a task, lost it and is given it again has to kill the run that it had, and to have the
    right to go on with the next one."""
    tries = 0

    async def prepare(task: TaskId, config: StringMap) -> TaskSpec:
        nonlocal tries
        tries += 1
        return spec(task, config)

    async with supervising(lambda: {"numbers": CONNECTOR}, prepare) as supervisor:
        await wait_until(lambda: TASK in supervisor._hosts)
        before = tries
        async with asyncio.timeout(60):
            await supervisor.kill([TASK])
        await wait_until(lambda: tries > before)


async def test_a_task_that_a_defect_keeps_from_starting_says_so_and_is_tried_again() -> None:
    tries = 0

    async def prepare(_task: TaskId, _config: StringMap) -> TaskSpec:
        nonlocal tries
        tries += 1
        raise ZeroDivisionError("a defect")

    async with supervising(lambda: {"numbers": CONNECTOR}, prepare) as supervisor:
        await wait_until(lambda: tries > 1)
        await wait_until(lambda: supervisor.runs[TASK].phase is Phase.FAILED)
        assert "ZeroDivisionError: a defect" in supervisor.runs[TASK].trace


async def test_a_defect_does_not_end_the_watch_over_all_tasks() -> None:
    looks, prepared = 0, asyncio.Event()

    def desired() -> Mapping[str, DesiredConnector]:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise ZeroDivisionError("a defect")
        return {"numbers": CONNECTOR}

    async def prepare(_task: TaskId, _config: StringMap) -> TaskSpec:
        prepared.set()
        return await asyncio.Future()

    async with supervising(desired, prepare):
        async with asyncio.timeout(60):
            await prepared.wait()
