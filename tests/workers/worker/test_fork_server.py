"""The fork server of a worker is killed: its tasks die with it, and each runs again, once, from another."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import psutil
from tests.processes import is_running

from penstock_workers.status import State, TaskId
from penstock_workers.worker import Worker

from .conftest import read_topic, wait_for_state, wait_until

NAMES = ("first", "second")


def fork_servers() -> list[psutil.Process]:
    """That have task hosts."""
    found = []
    for each in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):  # it has just ended
            if each.cmdline()[:1] == ["penstock fork server"] and each.children():
                found.append(each)
    return found


async def test_another_takes_its_place(worker: Worker, kafka: str, fresh_topic: str) -> None:
    def numbers(count: int) -> dict[str, str]:
        return {"connector.class": "penstock_demo.Numbers", "topic": fresh_topic, "count": str(count)}

    for name in NAMES:
        await worker.changes.create(name, numbers(100))
        await wait_until(lambda name=name: records_of(worker, name) == 100)  # type: ignore[misc]
    (killed,) = fork_servers()
    before = killed.children()
    assert len(before) == len(NAMES)
    killed.kill()
    await wait_until(lambda: all(restarts_of(worker, name) == 1 for name in NAMES))
    for name in NAMES:
        await wait_for_state(worker, name, State.RUNNING)
    assert not [process for process in before if is_running(process)]
    (another,) = fork_servers()
    assert len(another.children()) == len(NAMES)

    for name in NAMES:
        await worker.changes.put_config(name, lambda _: numbers(150))
    values: list[int] = []
    async with asyncio.timeout(60):
        while len(values) < 150 * len(NAMES):
            values = [int(value or b"") for _, value in await read_topic(kafka, fresh_topic)]
    assert sorted(values) == sorted([*range(150)] * len(NAMES)), "of each connector every number once"


def records_of(worker: Worker, name: str) -> int:
    task = TaskId(name, 0)
    return worker.metrics()[task].records_total if task in worker.metrics() else 0


def restarts_of(worker: Worker, name: str) -> int:
    return worker.metrics()[TaskId(name, 0)].restarts
