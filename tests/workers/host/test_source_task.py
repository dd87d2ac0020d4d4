"""Sources in task hosts, against a log: what is delivered, when it is acknowledged, from where it goes on."""

from __future__ import annotations

import asyncio
import random
import signal
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from penstock import Positions
from penstock_workers.task_host import Ended, Failed, Progress

from .conftest import Run, none_stored
from .reading import read_all, read_positions

if TYPE_CHECKING:
    from tests.conftest import LogNode

pytestmark = pytest.mark.asyncio(loop_scope="module")


def numbers(values: list[bytes]) -> list[int]:
    return [int(value) for value in values]


def line_at(place: str) -> str:
    """Of `FILE:LINE in FUNCTION`."""
    file, _, line = place.partition(" in ")[0].rpartition(":")
    return Path(file).read_text(encoding="utf-8").splitlines()[int(line) - 1]


async def test_all_is_delivered_in_order_and_the_task_waits_to_be_stopped(
    run: Run, kafka: str, fresh_topic: str
) -> None:
    hosted = await run("sources:Counting", bootstrap_servers=kafka, name=fresh_topic, topic=fresh_topic, end="1000")
    await hosted.until_event(Ended)
    assert numbers(await read_all(kafka, fresh_topic)) == list(range(1000))
    assert (await read_positions(kafka, f"{fresh_topic}-offsets"))[-1] == ([fresh_topic, {}], {"next": 1000})
    await hosted.host.stop(60)
    assert hosted.order_of("open", "read", "generator closed", "close") == ["open", "read", "generator closed", "close"]
    progress = [event for event in hosted.events if isinstance(event, Progress)][-1]
    assert (progress.records_total, progress.records_in_flight) == (1000, 0)
    assert progress.bytes_total == sum(len(str(number)) for number in range(1000))


async def test_acknowledged_comes_after_the_records_and_the_position_are_in_the_log(
    run: Run, kafka: str, fresh_topic: str
) -> None:
    hosted = await run(
        "sources:FreezingAtAcknowledgement",
        bootstrap_servers=kafka,
        name=fresh_topic,
        topic=fresh_topic,
        pause_seconds="0.01",
    )
    acknowledged = (await hosted.until_printed("acknowledged", count=3))["next"]
    await hosted.host.kill()
    assert len(await read_all(kafka, fresh_topic)) >= acknowledged
    stored = [value["next"] for _, value in await read_positions(kafka, f"{fresh_topic}-offsets")]
    assert acknowledged in stored
    assert stored == sorted(set(stored))


async def test_stop_closes_the_generator_delivers_and_stores_the_last_position(
    run: Run, kafka: str, fresh_topic: str
) -> None:
    hosted = await run(
        "sources:Counting", bootstrap_servers=kafka, name=fresh_topic, topic=fresh_topic, pause_seconds="0.001"
    )
    await hosted.until_printed("acknowledged", count=2)
    await hosted.host.stop(60)
    yielded = hosted.all_printed("yield")[-1]["next"]
    assert hosted.all_printed("acknowledged")[-1]["next"] == yielded
    assert hosted.order_of("generator closed", "close") == ["generator closed", "close"]
    assert numbers(await read_all(kafka, fresh_topic)) == list(range(yielded))
    assert not [event for event in hosted.events if isinstance(event, Failed)]


@pytest.mark.parametrize(("connector", "opened"), [("Retrying", 1), ("Reconnecting", 2), ("LosingAcknowledgements", 2)])
async def test_after_an_error_of_its_own_a_source_reads_on_where_it_was(
    run: Run, kafka: str, fresh_topic: str, trouble_file: str, connector: str, opened: int
) -> None:
    hosted = await run(
        f"sources:{connector}",
        bootstrap_servers=kafka,
        name=fresh_topic,
        topic=fresh_topic,
        end="1000",
        trouble_file=trouble_file,
    )
    await hosted.until_event(Ended)
    assert numbers(await read_all(kafka, fresh_topic)) == list(range(1000))
    assert len(hosted.all_printed("open")) == opened
    assert len(hosted.all_printed("close")) == opened - 1
    assert hosted.all_printed("acknowledged")[-1]["next"] == 1000


async def test_what_was_yielded_before_a_failure_is_delivered(run: Run, kafka: str, fresh_topic: str) -> None:
    hosted = await run("sources:Failing", bootstrap_servers=kafka, name=fresh_topic, topic=fresh_topic)
    failed = await hosted.until_event(Failed)
    assert not failed.retryable
    assert numbers(await read_all(kafka, fresh_topic)) == list(range(50))
    assert hosted.all_printed("acknowledged")[-1]["next"] == 50
    assert hosted.all_printed("close")


@pytest.mark.parametrize("connector", ["YieldingText", "CallingWhatFails"])
async def test_the_line_of_the_author_that_failed_is_named(
    run: Run, kafka: str, fresh_topic: str, connector: str
) -> None:
    """Not the line of a library that it called, nor one of ours."""
    hosted = await run(f"sources:{connector}", bootstrap_servers=kafka, name=fresh_topic, topic=fresh_topic)
    assert "the line that is named" in line_at((await hosted.until_event(Failed)).problem["where"])


@pytest.mark.parametrize("exactly_once", [True, False])
async def test_a_source_killed_at_any_time_goes_on_where_it_was(
    run: Run, kafka: str, fresh_topic: str, exactly_once: bool
) -> None:
    """Each run starts, as the worker starts it, from the last position in the log when it asks."""
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")
    chance = random.Random(seed)

    async def stored() -> Positions:
        found = await read_positions(kafka, f"{fresh_topic}-offsets")
        return Positions((key[1], value) for key, value in found[-1:])

    acknowledged = False
    for _ in range(5):
        hosted = await run(
            "sources:Counting",
            bootstrap_servers=kafka,
            name=fresh_topic,
            topic=fresh_topic,
            positions=stored if acknowledged else none_stored,
            exactly_once=exactly_once,
            pause_seconds="0.001",
        )
        await hosted.until_printed("yield", count=chance.randrange(1, 300))
        await hosted.until_printed("acknowledged")
        await hosted.host.kill()
        acknowledged = True
    last = await run(
        "sources:Counting", bootstrap_servers=kafka, name=fresh_topic, topic=fresh_topic, positions=stored, end="1"
    )
    await last.until_event(Ended)  # what the one before left open is aborted
    values = numbers(await read_all(kafka, fresh_topic))
    assert sorted(set(values)) == list(range(max(values) + 1))
    if exactly_once:
        assert values == sorted(set(values))
    # Else a step back is a kill: the numbers come again from there, each of them after the one before it.
    assert all(following <= number + 1 for number, following in pairwise(values))
    assert sum(following <= number for number, following in pairwise(values)) <= 4


async def test_a_task_is_fenced_by_its_successor_before_that_one_asks_where_to_read_on(
    run: Run, kafka: str, fresh_topic: str
) -> None:
    """Two processes of one task, as after a worker that hung: only what the second one does counts from then on."""

    async def stored() -> Positions:
        found = await read_positions(kafka, f"{fresh_topic}-offsets")
        return Positions((key[1], value) for key, value in found[-1:])

    options = {"bootstrap_servers": kafka, "name": fresh_topic, "topic": fresh_topic, "pause_seconds": "0.001"}
    first = await run("sources:Counting", **options)
    await first.until_printed("acknowledged", count=2)
    second = await run("sources:Counting", positions=stored, **options)
    failed = await first.until_event(Failed)
    assert failed.retryable
    await second.until_printed("acknowledged", count=2)
    await second.host.stop(60)
    values = numbers(await read_all(kafka, fresh_topic))
    assert values == list(range(second.all_printed("yield")[-1]["next"]))


async def test_a_record_that_comes_alone_is_committed_at_once(run: Run, kafka: str, fresh_topic: str) -> None:
    hosted = await run(
        "sources:Counting", bootstrap_servers=kafka, name=fresh_topic, topic=fresh_topic, pause_seconds="3600"
    )
    await hosted.until_printed("acknowledged")
    assert numbers(await read_all(kafka, fresh_topic)) == list(range(10))


async def test_a_log_that_comes_back_goes_on_with_the_same_process(
    run: Run, own_log_node: LogNode, fresh_topic: str
) -> None:
    """If it delivers at least once: a log that is gone when a transaction ends, or for longer than one may take, is the
    end of an exactly-once task."""
    servers = own_log_node.bootstrap_servers
    options = {"bootstrap_servers": servers, "name": fresh_topic, "topic": fresh_topic, "pause_seconds": "0.01"}
    hosted = await run("sources:Counting", **options, exactly_once=False)
    await hosted.until_printed("acknowledged")
    await asyncio.to_thread(own_log_node.kill)
    await asyncio.to_thread(own_log_node.start)  # what was acknowledged before is heard of meanwhile
    before = len(hosted.all_printed("acknowledged"))
    await hosted.until_printed("acknowledged", count=before + 3)
    await hosted.host.stop(60)
    values = numbers(await read_all(servers, fresh_topic))
    assert values == list(range(hosted.all_printed("yield")[-1]["next"]))


async def test_a_log_that_does_not_answer_holds_up_the_source_before_much_is_in_memory(
    run: Run, own_log_node: LogNode, fresh_topic: str
) -> None:
    """A source that never waits, in batches of half a megabyte: eight megabytes are taken from it, and no more."""
    options = {"bootstrap_servers": own_log_node.bootstrap_servers, "name": fresh_topic, "topic": fresh_topic}
    hosted = await run("sources:Counting", **options, batch_size="20000", exactly_once=False)
    await hosted.until_printed("acknowledged")

    def in_flight() -> int:
        return max((event.records_in_flight for event in hosted.events if isinstance(event, Progress)), default=0)

    own_log_node.process.send_signal(signal.SIGSTOP)
    await hosted.until(lambda: in_flight() >= 200_000)
    yielded = len(hosted.all_printed("yield"))
    own_log_node.process.send_signal(signal.SIGCONT)
    await hosted.until_printed("yield", count=yielded + 20)
    await hosted.host.stop(60)
    assert in_flight() < 400_000
