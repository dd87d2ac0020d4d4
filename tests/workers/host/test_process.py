"""What connector code may do to its process, and what the worker hears of it. No log is needed for most of it."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.processes import is_running, parent_of, until_gone

from penstock_workers.task_host import Died, Failed, ForkServer, Started

from .conftest import Run

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_blocking_code_is_killed_and_its_place_is_named(run: Run, log: str, fresh_topic: str) -> None:
    hosted = await run("sources:Blocking", bootstrap_servers=log, topic=fresh_topic, call_timeout_seconds=3.0)
    pid = hosted.host.pid
    failed = await hosted.until_event(Failed)
    assert failed.problem["code"] == "call-timeout"
    assert "in after_batch" in failed.problem["where"]
    assert "sources.py" in failed.problem["where"]
    assert "in after_batch" in failed.trace
    assert not failed.retryable
    assert not is_running(pid)
    assert hosted.host.pid is None


async def test_a_call_that_awaits_too_long_fails_also_where_it_cannot_be_cancelled(
    run: Run, log: str, fresh_topic: str
) -> None:
    hosted = await run("sources:Hanging", bootstrap_servers=log, topic=fresh_topic, call_timeout_seconds=3.0)
    failed = await hosted.until_event(Failed)
    assert failed.problem["code"] == "call-timeout"
    assert failed.problem["message"] == "open did not return in 3 s"
    assert "sources.py" in failed.problem["where"] or "locks.py" in failed.problem["where"]


@pytest.mark.parametrize(("connector", "exit_code"), [("KillingItself", -signal.SIGKILL), ("Exiting", 3)])
async def test_a_process_that_ends_itself(run: Run, log: str, fresh_topic: str, connector: str, exit_code: int) -> None:
    hosted = await run(f"sources:{connector}", bootstrap_servers=log, topic=fresh_topic)
    assert await hosted.until_event(Died) == Died(exit_code)


async def test_memory_ends_at_the_limit_and_the_line_that_asked_for_it_is_named(
    run: Run, log: str, fresh_topic: str
) -> None:
    limit = str(200 << 20)
    hosted = await run("sources:Leaking", bootstrap_servers=log, topic=fresh_topic, memory_max_bytes=limit)
    failed = await hosted.until_event(Failed)
    assert failed.problem["code"] == "out-of-memory"
    assert f"memory.max.bytes={limit}" in failed.problem["message"]
    assert "sources.py" in failed.problem["where"]
    assert "self.leak.append" in failed.trace
    assert failed.unexpected
    assert hosted.all_printed("leaked")[-1]["megabytes"] > 100


async def test_a_memory_limit_that_leaves_no_room_is_a_bad_configuration(run: Run) -> None:
    hosted = await run("sources:Leaking", topic="t", memory_max_bytes="1000000")
    failed = await hosted.until_event(Failed)
    assert (failed.problem["code"], failed.problem["where"]) == ("bad-configuration", "memory.max.bytes")


async def test_processor_time_ends_at_the_limit_with_the_stacks(run: Run, log: str, fresh_topic: str) -> None:
    hosted = await run("sources:Spinning", bootstrap_servers=log, topic=fresh_topic, cpu_max_seconds="1")
    assert await hosted.until_event(Died) == Died(-signal.SIGXCPU)
    assert any(line["line"].startswith("Current thread") for line in hosted.all_printed("text"))


async def test_stop_ends_what_ignores_it_and_sigterm(run: Run, log: str, fresh_topic: str) -> None:
    hosted = await run("sources:Stubborn", bootstrap_servers=log, topic=fresh_topic)
    await hosted.until_printed("stubborn")
    pid = hosted.host.pid
    await hosted.host.stop(0.1)
    assert not is_running(pid)
    assert not [event for event in hosted.events if isinstance(event, Died)]


async def test_stop_does_not_wait_for_a_slow_open(run: Run, log: str, fresh_topic: str) -> None:
    hosted = await run("sources:Waiting", bootstrap_servers=log, topic=fresh_topic)
    await hosted.until_printed("open")
    await hosted.host.stop(60)
    assert hosted.all_printed("close")


async def test_processes_that_a_connector_started_end_with_it(run: Run, log: str, fresh_topic: str) -> None:
    hosted = await run("sources:WithChildren", bootstrap_servers=log, topic=fresh_topic)
    children = (await hosted.until_printed("children"))["pids"]
    assert all(is_running(child) for child in children)
    await hosted.host.stop(60)
    await until_gone(*children)


async def test_a_task_host_inherits_nothing_of_others(run: Run, log: str, fresh_topic: str) -> None:
    other = await run("sources:Looking", bootstrap_servers=log, topic=fresh_topic, name="other", pause_seconds="9")
    of_other = await other.until_printed("inherited")
    hosted = await run("sources:Looking", bootstrap_servers=log, topic=fresh_topic, name="looking", task=3)
    inherited = await hosted.until_printed("inherited")
    assert inherited["title"] == "penstock task looking-3"
    assert inherited["group"] == inherited["pid"]
    assert not set(inherited["sockets"]) & set(of_other["sockets"])


@pytest.mark.parametrize(
    ("connector", "config", "code", "words"),
    [
        ("missing:Connector", {}, "plugin-import-failed", "No module named 'hosted_connectors.missing'"),
        ("sources:Missing", {}, "plugin-import-failed", "has no attribute 'Missing'"),
        ("sources:Counting", {}, "bad-configuration", "topic: is required"),
        ("sources:Counting", {"topic": "t", "end": "x"}, "bad-configuration", "end: 'x' is not of type integer"),
    ],
)
async def test_what_cannot_start_says_why(
    run: Run, connector: str, config: dict[str, Any], code: str, words: str
) -> None:
    hosted = await run(connector, **config)
    failed = await hosted.until_event(Failed)
    assert failed.problem["code"] == code
    assert words in failed.trace
    assert not failed.retryable


async def test_a_log_that_is_not_there_is_worth_a_retry(run: Run) -> None:
    hosted = await run("sources:Counting", topic="unreachable")
    failed = await hosted.until_event(Failed)
    assert failed.retryable
    assert failed.problem["code"] == "log-unavailable"


async def test_the_first_lines_of_a_trace_are_the_problem_and_its_cause(run: Run, log: str, fresh_topic: str) -> None:
    hosted = await run("sources:Failing", bootstrap_servers=log, topic=fresh_topic)
    failed = await hosted.until_event(Failed)
    assert failed.trace.splitlines()[:2] == [
        "the disk is full",
        "Caused by OSError: No space left on device",
    ]
    assert "in after_batch" in failed.trace


async def test_a_defect_names_its_place(run: Run, log: str, fresh_topic: str) -> None:
    hosted = await run("sources:Defective", bootstrap_servers=log, topic=fresh_topic)
    failed = await hosted.until_event(Failed)
    assert failed.problem["message"] == "KeyError: 'defect'"
    assert "sources.py:" in failed.problem["where"]
    assert not failed.retryable


@pytest.mark.parametrize("of_its_guard", [False, True])
async def test_the_end_of_the_fork_server_is_the_end_of_its_descendants_and_the_next_task_starts_another(
    run: Run, log: str, fresh_topic: str, of_its_guard: bool
) -> None:
    hosted = await run("sources:WithChildren", bootstrap_servers=log, topic=fresh_topic)
    pids = [hosted.host.pid, *(await hosted.until_printed("children"))["pids"]]
    fork_server = parent_of(hosted.host.pid)
    os.kill(parent_of(fork_server) if of_its_guard else fork_server, signal.SIGKILL)
    assert await hosted.until_event(Died) == Died(-signal.SIGKILL)
    await until_gone(fork_server, *pids)
    again = await run("sources:Counting", bootstrap_servers=log, topic=fresh_topic, name="again")
    await again.until_event(Started)


WORKER = """
import asyncio, sys
from penstock import Positions
from penstock_workers.log_connection import LogConnection
from penstock_workers.task_host import ForkServer, TaskHost, TaskSpec

async def no_positions():
    return Positions()

async def main():
    fork_server = ForkServer()
    for number, connector in enumerate(["Blocking", "WithChildren", "Stubborn"]):
        spec = TaskSpec(
            connector="orphan", task=number, import_path=f"hosted_connectors.sources:{connector}", type="source",
            config={"name": "orphan", "connector.class": "x", "topic": sys.argv[2], "pause.seconds": "0.1"},
            log=LogConnection(bootstrap_servers=sys.argv[1]), offset_topic="o", call_timeout_seconds=600.0)
        told = lambda event, task=number: print(f"task={task}", event, flush=True)
        host = TaskHost(spec, told, fork_server, no_positions)
        await host.start()
        print("pid", host.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def blocked(lines: Sequence[str]) -> bool:
    """The first task has yielded, after which it blocks its event loop."""
    return any("yield" in line and "task=0" in line for line in lines)


async def test_a_killed_worker_leaves_no_process(log: str, fresh_topic: str) -> None:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).with_name("plugins"))}
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WORKER, log, fresh_topic, stdout=PIPE, env=environment
    )
    assert worker.stdout is not None
    lines: list[str] = []
    async with asyncio.timeout(60):  # what the connectors print
        while not (blocked(lines) and all(any(word in line for line in lines) for word in ("stubborn", "children"))):
            lines.append((await worker.stdout.readline()).decode())
    telling = [line for line in lines if line.startswith("pid") or "children" in line]
    pids = [int(pid) for line in telling for pid in re.findall(r"\d+", line.partition("pid")[2])]
    assert len(pids) == 6
    assert all(is_running(pid) for pid in pids)
    worker.kill()
    await worker.wait()
    await until_gone(*pids)


async def test_start_after_the_fork_server_was_stopped_makes_a_new_one(fork_server: ForkServer, run: Run) -> None:
    await fork_server.stop()
    hosted = await run("sources:Missing")
    await hosted.until_event(Failed)
