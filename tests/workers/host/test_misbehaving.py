"""Whatever connector code does to its own process: the worker hears how it ended, or the task works on and can be
stopped; nothing that it started outlives it."""

from __future__ import annotations

import signal

import pytest
from tests.processes import is_running, until_gone

from penstock_workers.task_host import Died, Failed, Started

from .conftest import Hosted, Run

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def running(run: Run, log: str, topic: str, connector: str) -> Hosted:
    hosted: Hosted = await run(
        f"misbehaving:{connector}", bootstrap_servers=log, topic=topic, name=connector, pause_seconds="0.01"
    )
    return hosted


@pytest.mark.parametrize(
    ("connector", "exit_code"),
    [
        ("Crashing", -signal.SIGSEGV),
        ("Aborting", -signal.SIGABRT),
        ("LeavingAtOnce", 7),
        ("Interrupting", 1),
    ],
)
async def test_what_ends_the_process_is_told(
    run: Run, log: str, fresh_topic: str, connector: str, exit_code: int
) -> None:
    hosted = await running(run, log, fresh_topic, connector)
    assert await hosted.until_event(Died) == Died(exit_code)


async def test_a_crash_of_native_code_leaves_its_stacks(run: Run, log: str, fresh_topic: str) -> None:
    hosted = await running(run, log, fresh_topic, "Crashing")
    await hosted.until_event(Died)
    text = "\n".join(line["line"] for line in hosted.all_printed("text"))
    assert "Segmentation fault" in text
    assert "misbehaving.py" in text


async def test_a_process_that_closes_all_its_descriptors_ends(run: Run, log: str, fresh_topic: str) -> None:
    hosted = await running(run, log, fresh_topic, "ClosingAllDescriptors")
    pid = hosted.host.pid
    assert pid is not None
    await hosted.until_event(Died)
    await until_gone(pid)


@pytest.mark.parametrize(
    "connector", ["PrintingMuch", "TurningOutputAway", "WithThread", "BlockingSignals", "ChangingSignals", "WithDaemon"]
)
async def test_what_a_task_survives_and_how_it_is_stopped(run: Run, log: str, fresh_topic: str, connector: str) -> None:
    hosted = await running(run, log, fresh_topic, connector)
    await hosted.until_event(Started)
    await hosted.until(lambda: (progress := hosted.progress()) and progress.records_total >= 10)
    pid = hosted.host.pid
    assert pid is not None
    await hosted.host.stop(60)
    assert not is_running(pid)
    assert not [event for event in hosted.events if isinstance(event, Died)], "it was asked, and it stopped"


@pytest.mark.parametrize("how", ["stop", "kill"])
async def test_a_daemon_ends_with_the_task_that_started_it_and_not_before(
    run: Run, log: str, fresh_topic: str, how: str
) -> None:
    hosted = await running(run, log, fresh_topic, "WithDaemon")
    daemon = (await hosted.until_printed("daemon"))["pid"]
    await hosted.until_event(Started)
    assert is_running(daemon)
    await (hosted.host.stop(60) if how == "stop" else hosted.host.kill())
    await until_gone(daemon)


@pytest.mark.parametrize(
    ("connector", "message"),
    [
        ("RaisingWhatHasNoText", "Unprintable: (its text cannot be had: RuntimeError)"),
        ("RaisingHalfACharacter", r"FileNotFoundError: [Errno 2] No such file: 'caf\udce9'"),
        ("RaisingMuch", "ValueError: zzz"),
        ("YieldingANumberAmongBytes", "what read yields cannot be sent: values[1] is 5 (int), not bytes"),
    ],
)
async def test_whatever_it_raises_is_told_and_fits_a_record(
    run: Run, log: str, fresh_topic: str, connector: str, message: str
) -> None:
    failed = await (await running(run, log, fresh_topic, connector)).until_event(Failed)
    assert failed.problem["message"].startswith(message)
    assert "misbehaving.py" in failed.trace
    assert len(failed.trace.encode()) < 200_000
