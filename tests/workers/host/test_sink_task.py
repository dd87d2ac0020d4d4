"""Sinks in task hosts, against a log: what is written, when it is committed, what comes again."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from penstock_workers.task_host import Failed, Progress

from .conftest import Hosted, Run
from .reading import write_topic

if TYPE_CHECKING:
    from tests.conftest import LogNode

pytestmark = pytest.mark.asyncio(loop_scope="module")


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


async def until_written(hosted: Hosted, file: Path, count: int) -> None:
    await hosted.until(lambda: len(lines(file)) >= count)


def expected(count: int, start: int = 0) -> list[str]:
    return [f"0 {number} value {number}" for number in range(start, count)]


async def write_numbers(servers: str, topic: str, count: int, start: int = 0) -> None:
    await write_topic(servers, topic, [b"value %d" % number for number in range(start, count)])


async def test_what_a_clean_stop_committed_does_not_come_again(
    run: Run, kafka: str, fresh_topic: str, tmp_path: Path
) -> None:
    file = tmp_path / "out"
    options = {"bootstrap_servers": kafka, "name": fresh_topic, "topics": fresh_topic, "file": str(file)}
    await write_numbers(kafka, fresh_topic, 100)
    first = await run("sinks:Writing", **options)
    await until_written(first, file, 100)
    await first.host.stop(60)
    assert first.order_of("flush", "close")[-2:] == ["flush", "close"]
    await write_numbers(kafka, fresh_topic, 150, start=100)
    second = await run("sinks:Writing", **options)
    await until_written(second, file, 150)
    await second.host.stop(60)
    assert lines(file) == expected(150)


async def test_a_killed_sink_gets_again_what_was_not_committed(
    run: Run, kafka: str, fresh_topic: str, tmp_path: Path
) -> None:
    file = tmp_path / "out"
    options = {"bootstrap_servers": kafka, "name": fresh_topic, "topics": fresh_topic, "file": str(file)}
    await write_numbers(kafka, fresh_topic, 100)
    first = await run("sinks:Writing", **options)
    await until_written(first, file, 100)
    await first.host.kill()
    second = await run("sinks:Writing", **options)
    await write_numbers(kafka, fresh_topic, 101, start=100)
    await second.until(lambda: expected(101)[-1] in lines(file))
    assert set(lines(file)) == set(expected(101))


async def test_a_sink_that_keeps_offsets_says_where_to_resume(
    run: Run, log: str, fresh_topic: str, tmp_path: Path
) -> None:
    file = tmp_path / "out"
    await write_numbers(log, fresh_topic, 100)
    hosted = await run(
        "sinks:Writing", bootstrap_servers=log, name=fresh_topic, topics=fresh_topic, file=str(file), resume="90"
    )
    await until_written(hosted, file, 10)
    assert lines(file) == expected(100, start=90)


async def test_retry_later_brings_the_same_batch_again(
    run: Run, log: str, fresh_topic: str, tmp_path: Path, trouble_file: str
) -> None:
    file = tmp_path / "out"
    await write_numbers(log, fresh_topic, 100)
    hosted = await run(
        "sinks:Retrying",
        bootstrap_servers=log,
        name=fresh_topic,
        topics=fresh_topic,
        file=str(file),
        trouble_file=trouble_file,
    )
    await until_written(hosted, file, 100)
    assert lines(file) == expected(100)
    assert len(hosted.all_printed("open")) == 1


async def test_a_lost_connection_brings_again_what_was_not_flushed(
    run: Run, log: str, fresh_topic: str, tmp_path: Path, trouble_file: str
) -> None:
    file = tmp_path / "out"
    await write_numbers(log, fresh_topic, 10)
    hosted = await run(
        "sinks:Reconnecting",
        bootstrap_servers=log,
        name=fresh_topic,
        topics=fresh_topic,
        file=str(file),
        trouble_file=trouble_file,
    )
    await until_written(hosted, file, 20)
    assert hosted.order_of("open", "close") == ["open", "close", "open"]
    assert lines(file) == expected(10) * 2


async def test_records_that_cannot_be_written_are_named(run: Run, log: str, fresh_topic: str, tmp_path: Path) -> None:
    await write_topic(log, fresh_topic, [b"good", b"poison", b"good", b"poison"])
    hosted = await run(
        "sinks:Picky", bootstrap_servers=log, name=fresh_topic, topics=fresh_topic, file=str(tmp_path / "out")
    )
    failed = await hosted.until_event(Failed)
    assert failed.problem["code"] == "write-failed"
    assert failed.problem["where"] == f"{fresh_topic}-0"
    assert "offsets 1" in failed.problem["message"]
    assert "ValueError: too odd" in failed.problem["message"]
    assert not failed.retryable


async def test_a_second_task_takes_partitions_over_after_a_flush(
    run: Run, log: str, fresh_topic: str, tmp_path: Path
) -> None:
    file = tmp_path / "out"
    options = {"bootstrap_servers": log, "name": fresh_topic, "topics": fresh_topic, "file": str(file)}
    await write_numbers(log, fresh_topic, 100)
    first = await run("sinks:Writing", **options)
    await until_written(first, file, 100)
    second = await run("sinks:Writing", task=1, **options)
    await second.until_printed("assigned")
    order = first.order_of("written", "flush", "revoked")
    assert order.index("flush") < order.index("revoked")
    await first.host.stop(60)
    await write_numbers(log, fresh_topic, 150, start=100)
    await until_written(second, file, 150)
    assert lines(file) == expected(150)


async def test_a_sink_that_waits_to_try_again_holds_nobody_up(
    run: Run, log: str, fresh_topic: str, tmp_path: Path
) -> None:
    """The only partition goes to whichever member the assignment prefers: in either case the other is not blocked."""
    file = tmp_path / "out"
    options = {"bootstrap_servers": log, "name": fresh_topic, "topics": fresh_topic, "file": str(file)}
    await write_numbers(log, fresh_topic, 10)
    stuck = await run("sinks:Stuck", **options)
    await stuck.until_printed("stuck")
    second = await run("sinks:Writing", task=1, **options)
    await second.until_printed("assigned")
    await stuck.until_printed("assigned", count=2)
    assert stuck.order_of("revoked", "assigned") == ["assigned", "revoked", "assigned"]
    if not stuck.all_printed("assigned")[-1]["partitions"]:
        await until_written(second, file, 10)
        assert lines(file) == expected(10)
    await stuck.host.stop(60)


@pytest.mark.long
async def test_a_sink_that_blocks_its_process_for_less_than_a_call_may_take_remains_a_member(
    run: Run, kafka: str, fresh_topic: str, tmp_path: Path
) -> None:
    """Else it would never get further: what it wrote could not be committed, and would come again for ever."""
    file = tmp_path / "out"
    options = {"bootstrap_servers": kafka, "name": fresh_topic, "topics": fresh_topic, "file": str(file)}
    await write_numbers(kafka, fresh_topic, 10)
    first = await run("sinks:Blocking", **options)
    await until_written(first, file, 10)
    await first.host.stop(60)
    assert not [event for event in first.events if isinstance(event, Failed)]
    await write_numbers(kafka, fresh_topic, 11, start=10)
    second = await run("sinks:Writing", **options)
    await until_written(second, file, 11)
    assert lines(file) == expected(11)


async def test_the_lag_is_reported_and_an_error_is_no_progress(
    run: Run, log: str, fresh_topic: str, tmp_path: Path
) -> None:
    await write_numbers(log, fresh_topic, 10)
    options = {"bootstrap_servers": log, "name": fresh_topic, "topics": fresh_topic, "file": str(tmp_path / "out")}
    stuck = await run("sinks:Stuck", **options)

    def last_lag() -> int | None:
        reports = [event for event in stuck.events if isinstance(event, Progress)]
        return reports[-1].records_lag if reports else None

    await stuck.until(lambda: last_lag() == 10)
    await write_numbers(log, fresh_topic, 15, start=10)
    await stuck.until(lambda: last_lag() == 15)


async def test_a_sink_goes_on_when_its_log_comes_back(
    run: Run, own_log_node: LogNode, fresh_topic: str, tmp_path: Path
) -> None:
    file = tmp_path / "out"
    servers = own_log_node.bootstrap_servers
    await write_numbers(servers, fresh_topic, 100)
    hosted = await run("sinks:Writing", bootstrap_servers=servers, name=fresh_topic, topics=fresh_topic, file=str(file))
    await until_written(hosted, file, 100)
    own_log_node.kill()
    own_log_node.start()
    await write_numbers(servers, fresh_topic, 150, start=100)
    await hosted.until(lambda: expected(150)[-1] in lines(file))
    assert set(lines(file)) == set(expected(150))


async def test_a_sink_begins_at_the_end_where_it_is_told_to(
    run: Run, log: str, fresh_topic: str, tmp_path: Path
) -> None:
    file = tmp_path / "out"
    options = {"bootstrap_servers": log, "name": fresh_topic, "topics": fresh_topic, "file": str(file)}
    await write_numbers(log, fresh_topic, 100)
    hosted = await run("sinks:Writing", **options, consumer_override_auto_offset_reset="latest")
    count = 100
    while not lines(file):  # where the end is, the sink asks a moment after it has begun
        await write_numbers(log, fresh_topic, count + 1, start=count)
        count += 1
        await asyncio.sleep(0.02)
    assert not set(lines(file)) & set(expected(100))
    await hosted.host.stop(60)


async def test_a_sink_may_go_on_where_another_group_is(run: Run, log: str, fresh_topic: str, tmp_path: Path) -> None:
    file = tmp_path / "out"
    options = {"bootstrap_servers": log, "topics": fresh_topic, "file": str(file)}
    options["consumer_override_group_id"] = f"{fresh_topic}-group"
    await write_numbers(log, fresh_topic, 100)
    for name, count in (("first", 100), ("second", 101)):
        await write_numbers(log, fresh_topic, count, start=100)
        hosted = await run("sinks:Writing", name=f"{fresh_topic}-{name}", **options)
        await until_written(hosted, file, count)
        await hosted.host.stop(60)
    assert lines(file) == expected(101)
