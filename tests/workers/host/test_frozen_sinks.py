"""A task that was frozen in the middle of a write and wakes late: the bundled sinks hold their files against it."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from penstock_workers.lease import Lease, now_ns
from penstock_workers.task_host import Failed, ForkServer

from .conftest import Hosted, Run
from .reading import write_topic

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def under_lease() -> AsyncIterator[tuple[ForkServer, Lease]]:
    """A fork server as workers have it, and the lease of its task hosts, which is held for now."""
    lease = Lease()
    lease.renew(now_ns() + 600_000_000_000)
    server = ForkServer(lease.descriptor)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).with_name("plugins")), prepend=os.pathsep)
        await server.start()
    yield server, lease
    await server.stop()


def numbers(*ranges: range) -> list[bytes]:
    return [b"%d" % number for each in ranges for number in each]


def content(output: Path) -> bytes:
    return output.read_bytes()


async def freeze_and_succeed(run: Run, kafka: str, topic: str, output: Path, connector: str, **options: str) -> None:
    """The first run freezes in its first write; the second has its place, waits for the file, and ends the work."""
    await write_topic(kafka, topic, numbers(range(10)))
    (output.parent / "freeze").touch()
    options = {"bootstrap_servers": kafka, "name": topic, "topics": topic, **options}
    frozen: Hosted = await run(f"files:{connector}", **options, call_timeout_seconds=600.0)
    await frozen.until_printed("freezes")
    torn = content(output)
    successor: Hosted = await run(f"files:{connector}", **options)
    await successor.until(lambda: (now := successor.progress()) and "another process writes" in now.last_error)
    assert content(output) == torn
    assert frozen.host.pid is not None
    os.kill(frozen.host.pid, signal.SIGCONT)
    assert (await frozen.until_event(Failed)).retryable
    await write_topic(kafka, topic, numbers(range(10, 20)))
    await successor.until(lambda: content(output).endswith(b"\n19\n"))
    await successor.host.stop(60)


async def test_a_file_sink_writes_each_record_once(run: Run, kafka: str, fresh_topic: str, tmp_path: Path) -> None:
    output = tmp_path / f"{fresh_topic}-0.log"
    await freeze_and_succeed(run, kafka, fresh_topic, output, "FreezingFileSink", directory=str(tmp_path))
    assert content(output).split() == numbers(range(20))


async def test_a_file_stream_sink_writes_nothing_behind_its_successor(
    run: Run, kafka: str, fresh_topic: str, tmp_path: Path
) -> None:
    """What was not committed comes twice, as Kafka Connect's does; but never once more behind that."""
    output = tmp_path / "output.txt"
    await freeze_and_succeed(run, kafka, fresh_topic, output, "FreezingFileStreamSink", file=str(output))
    assert content(output).split() == numbers(range(10), range(20))


async def test_a_task_whose_worker_is_frozen_lets_go_of_its_files(
    run: Run, kafka: str, fresh_topic: str, tmp_path: Path, under_lease: tuple[ForkServer, Lease]
) -> None:
    """It may not write, for its worker's lease has lapsed, and hears that another has its place."""
    fork_server, lease = under_lease
    output = tmp_path / f"{fresh_topic}-0.log"
    await write_topic(kafka, fresh_topic, numbers(range(10)))
    options = {"bootstrap_servers": kafka, "name": fresh_topic, "topics": fresh_topic, "directory": str(tmp_path)}
    frozen: Hosted = await run("files:FreezingFileSink", of=fork_server, **options)
    await frozen.until(lambda: (now := frozen.progress()) and now.records_total == 10)
    lease.renew(0)
    await write_topic(kafka, fresh_topic, numbers(range(10, 20)))
    await frozen.until(lambda: (now := frozen.progress()) and now.records_lag == 10)
    successor: Hosted = await run("files:FreezingFileSink", **options)
    assert (await frozen.until_event(Failed)).retryable
    await successor.until(lambda: content(output).endswith(b"\n19\n"))
    await successor.host.stop(60)
    assert content(output).split() == numbers(range(20))
