"""Records that fail, at every stage of sinks and sources: the others arrive, in order, and the dead letters say why."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from penstock import Positions
from penstock_workers.task_host import Ended, Failed, Progress

from .conftest import Hosted, Run, none_stored
from .reading import read_all, read_positions, write_topic

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOLERANT = {"errors_tolerance": "all"}


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def headers_of(record: ConsumerRecord[Any, Any]) -> dict[str, str]:
    prefix = "__connect.errors."
    return {name.removeprefix(prefix): value.decode() for name, value in record.headers if name.startswith("__")}


async def read_records(servers: str, topic: str, count: int) -> list[ConsumerRecord[Any, Any]]:
    """So many of them, of the only partition, once they are committed: the end of a transaction is answered before it
    is seen."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=servers,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        max_partition_fetch_bytes=8 << 20,
    )
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, 0)])
        records: list[ConsumerRecord[Any, Any]] = []
        while len(records) < count:
            for more in (await consumer.getmany(timeout_ms=200)).values():
                records += more
        return records
    finally:
        await consumer.stop()


async def committed(servers: str, connector: str, topic: str) -> int | None:
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, group_id=f"connect-{connector}", enable_auto_commit=False)
    await consumer.start()
    try:
        offset: int | None = await consumer.committed(TopicPartition(topic, 0))
        return offset
    finally:
        await consumer.stop()


async def make_topic(servers: str, topic: str, **options: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 1, 1, topic_configs=options)])
    await admin.close()


def last_progress(hosted: Hosted) -> Progress:
    return next((event for event in reversed(hosted.events) if isinstance(event, Progress)), Progress())


def sink_options(servers: str, topic: str, file: Path) -> dict[str, str]:
    return {
        "bootstrap_servers": servers,
        "name": topic,
        "topics": topic,
        "file": str(file),
        "errors_deadletterqueue_topic_name": f"{topic}-dead",
    }


async def test_a_sinks_poison_goes_to_the_dead_letters_and_its_neighbours_arrive_in_order(
    run: Run, kafka: str, fresh_topic: str, tmp_path: Path
) -> None:
    values = [b"poison %d" % number if number in (3, 4, 77) else b"value %d" % number for number in range(100)]
    await write_topic(kafka, fresh_topic, values)
    options = sink_options(kafka, fresh_topic, tmp_path / "out")
    hosted = await run("failing:Lines", **options, **TOLERANT)
    await hosted.until(lambda: lines(tmp_path / "out")[-1:] == ["value 99"])
    assert lines(tmp_path / "out") == [value.decode() for value in values if b"poison" not in value]
    dead = await read_records(kafka, f"{fresh_topic}-dead", 3)
    assert [record.value for record in dead] == [b"poison 3", b"poison 4", b"poison 77"]
    context = headers_of(dead[2])
    assert "ValueError: too odd" in context.pop("exception.stacktrace")
    assert context == {
        "topic": fresh_topic,
        "partition": "0",
        "offset": "77",
        "connector.name": fresh_topic,
        "task.id": "0",
        "stage": "TASK_PUT",
        "class.name": "hosted_connectors.failing.Lines",
        "exception.class.name": "ValueError",
        "exception.message": "too odd",
    }
    await hosted.host.stop(60)
    assert await committed(kafka, fresh_topic, fresh_topic) == 100
    progress = last_progress(hosted)
    assert (progress.records_total, progress.records_failed, progress.records_skipped) == (100, 3, 3)
    assert (progress.dead_letters, progress.retries) == (3, 0)


async def test_without_tolerance_the_record_is_named_and_all_before_it_is_committed(
    run: Run, log: str, fresh_topic: str, tmp_path: Path
) -> None:
    values = [b"poison" if number in (37, 60) else b"value %d" % number for number in range(100)]
    await write_topic(log, fresh_topic, values)
    hosted = await run("failing:Lines", **sink_options(log, fresh_topic, tmp_path / "out"))
    failed = await hosted.until_event(Failed)
    assert (failed.problem["code"], failed.problem["where"]) == ("write-failed", f"{fresh_topic}-0")
    assert "offsets 37: ValueError: too odd" in failed.problem["message"]
    assert "errors.tolerance=all" in failed.problem["hint"]
    assert not failed.retryable
    assert failed.unexpected, "nobody said whose fault it was: it may be the store's, and pass"
    assert lines(tmp_path / "out") == [f"value {number}" for number in range(37)]
    assert await committed(log, fresh_topic, fresh_topic) == 37


async def test_what_cannot_be_converted_never_reaches_the_sink(
    run: Run, log: str, fresh_topic: str, tmp_path: Path
) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=log)
    await producer.start()
    for key, value in [(b"\0\0\0\1", b'{"a": 1}'), (b"?", b"{}"), (b"\0\0\0\2", b"not json"), (b"\0\0\0\3", b"[2]")]:
        await producer.send_and_wait(fresh_topic, value, key=key, headers=[("h", b"5")], partition=0)
    await producer.stop()
    options = sink_options(log, fresh_topic, tmp_path / "out")
    hosted = await run("failing:Values", key_converter="integer", **options, **TOLERANT, errors_log_enable="true")
    await hosted.until(lambda: len(lines(tmp_path / "out")) == 2)
    assert lines(tmp_path / "out") == ["(1, {'a': 1}, [('h', 5)])", "(3, [2], [('h', 5)])"]
    dead = await read_records(log, f"{fresh_topic}-dead", 2)
    assert [(record.key, record.value, record.headers[0]) for record in dead] == [
        (b"?", b"{}", ("h", b"5")),
        (b"\0\0\0\2", b"not json", ("h", b"5")),
    ]
    assert [headers_of(record)["stage"] for record in dead] == ["KEY_CONVERTER", "VALUE_CONVERTER"]

    def logged() -> list[str]:
        return [line["line"] for line in hosted.all_printed("text") if "record skipped" in line["line"]]

    await hosted.until(lambda: len(logged()) == 2)
    assert f"place={fresh_topic}-0 offset=2" in logged()[1]


async def test_without_tolerance_what_comes_before_a_record_that_cannot_be_converted_is_written(
    run: Run, log: str, fresh_topic: str, tmp_path: Path
) -> None:
    """And only that is committed: started again, the task fails at the same record, and nothing is lost or doubled."""
    await write_topic(log, fresh_topic, [b"0", b"1", b"odd", b"3", b"{"])
    options = sink_options(log, fresh_topic, tmp_path / "out")
    for _ in range(2):
        hosted = await run("failing:Values", **options)
        failed = await hosted.until_event(Failed)
        assert failed.problem["code"] == "value-converter-failed"
        assert not failed.unexpected, "it fails whenever it is tried"
        assert "at offsets 2" in failed.problem["message"]
        assert "it looks like text: set value.converter=string; or" in failed.problem["hint"]
        await hosted.host.stop(60)
        assert lines(tmp_path / "out") == ["(None, 0, [])", "(None, 1, [])"]
        assert await committed(log, fresh_topic, fresh_topic) == 2


@pytest.mark.parametrize(("poison", "converter"), [(b"poison", "bytes"), (b"{", "json")])
async def test_a_sink_with_offsets_of_its_own_gets_no_record_before_the_dead_letters_of_those_before_it(
    run: Run, log: str, fresh_topic: str, tmp_path: Path, poison: bytes, converter: str
) -> None:
    """It would not be given them again: the dead-letter topic takes nothing, so that the task fails at the first."""
    await make_topic(log, f"{fresh_topic}-dead", **{"max.message.bytes": "100"})
    await write_topic(log, fresh_topic, [b"0", b"1", poison, b"3", b"4"])
    options = sink_options(log, fresh_topic, tmp_path / "out") | TOLERANT | {"value_converter": converter}
    hosted = await run("failing:Keeping", **options)
    failed = await hosted.until_event(Failed)
    assert (failed.problem["code"], failed.problem["where"]) == ("record-too-large", f"{fresh_topic}-dead")
    assert lines(tmp_path / "out") == ["0", "1"]


async def test_a_sink_with_offsets_of_its_own_goes_on_where_it_says_behind_its_poison(
    run: Run, log: str, fresh_topic: str, tmp_path: Path
) -> None:
    options = sink_options(log, fresh_topic, tmp_path / "out") | TOLERANT
    await write_topic(log, fresh_topic, [b"0", b"poison", b"2", b"3"])
    hosted = await run("failing:Keeping", **options)
    await hosted.until(lambda: any(kept["next"] == 4 for kept in hosted.all_printed("kept")))
    await hosted.host.kill()
    await write_topic(log, fresh_topic, [b"4"])
    hosted = await run("failing:Keeping", **options)
    await hosted.until(lambda: lines(tmp_path / "out")[-1] == "4")
    assert lines(tmp_path / "out") == ["0", "2", "3", "4"]
    assert [record.value for record in await read_records(log, f"{fresh_topic}-dead", 1)] == [b"poison"]


async def test_poison_behind_all_that_a_sink_with_offsets_of_its_own_has_written_is_put_aside_once(
    run: Run, kafka: str, fresh_topic: str, tmp_path: Path
) -> None:
    """Its own offset stands still meanwhile, through any number of restarts."""
    options = sink_options(kafka, fresh_topic, tmp_path / "out") | TOLERANT
    await write_topic(kafka, fresh_topic, [b"0", b"poison 1", b"poison 2"])
    for end in (3, 4):
        hosted = await run("failing:Keeping", **options)
        if end == 4:
            await write_topic(kafka, fresh_topic, [b"poison 3"])
        while await committed(kafka, fresh_topic, fresh_topic) != end:
            pass
        await hosted.host.stop(60)
    hosted = await run("failing:Keeping", **options)
    await write_topic(kafka, fresh_topic, [b"4"])
    await hosted.until(lambda: lines(tmp_path / "out") == ["0", "4"])
    assert await read_all(kafka, f"{fresh_topic}-dead") == [b"poison 1", b"poison 2", b"poison 3"]


async def test_an_answer_of_assigned_that_is_no_offset_is_a_defect(
    run: Run, log: str, fresh_topic: str, tmp_path: Path
) -> None:
    await write_topic(log, fresh_topic, [b"0"])
    hosted = await run("failing:Confused", **sink_options(log, fresh_topic, tmp_path / "out"))
    failed = await hosted.until_event(Failed)
    assert "assigned answered -1" in failed.problem["message"]
    assert failed.problem["where"] == f"{fresh_topic}-0"


async def test_a_dead_letter_topic_that_the_sink_reads_is_refused(run: Run, fresh_topic: str, tmp_path: Path) -> None:
    options = sink_options("127.0.0.1:1", fresh_topic, tmp_path / "out") | {"topics": f"{fresh_topic}-dead"}
    failed = await (await run("failing:Lines", **options)).until_event(Failed)
    assert (failed.problem["code"], failed.problem["where"]) == (
        "bad-configuration",
        "errors.deadletterqueue.topic.name",
    )


async def test_a_record_that_never_passes_is_found_when_its_time_is_up(
    run: Run, log: str, fresh_topic: str, tmp_path: Path
) -> None:
    values = [b"poison" if number == 5 else b"value %d" % number for number in range(20)]
    await write_topic(log, fresh_topic, values)
    options = sink_options(log, fresh_topic, tmp_path / "out")
    hosted = await run("failing:NeverReady", **options, **TOLERANT, errors_retry_timeout="100")
    await hosted.until(lambda: len(lines(tmp_path / "out")) == 19)
    (dead,) = await read_records(log, f"{fresh_topic}-dead", 1)
    assert headers_of(dead)["exception.message"] == "too odd"
    await hosted.until(lambda: last_progress(hosted).records_failed == 1)
    assert last_progress(hosted).retries > 0


async def test_a_sink_whose_records_are_looked_for_holds_nobody_up(
    run: Run, log: str, fresh_topic: str, tmp_path: Path
) -> None:
    """The second task joins while the first is busy with a batch that takes it half a minute."""
    await write_topic(log, fresh_topic, [b"value %d" % number for number in range(200)])
    options = sink_options(log, fresh_topic, tmp_path / "out") | TOLERANT
    first = await run("failing:SlowAtMany", **options)
    await first.until_printed("refused")
    second = await run("failing:SlowAtMany", task=1, **options)
    await second.until_printed("assigned")
    await first.until_printed("assigned", count=2)
    assert len(lines(tmp_path / "out")) < 200


async def test_when_time_is_up_and_nothing_is_tolerated_the_task_fails(
    run: Run, log: str, fresh_topic: str, tmp_path: Path
) -> None:
    await write_topic(log, fresh_topic, [b"poison"])
    options = sink_options(log, fresh_topic, tmp_path / "out")
    hosted = await run("failing:NeverReady", **options, errors_retry_timeout="0")
    assert (await hosted.until_event(Failed)).problem["code"] == "retries-exhausted"


async def test_a_dead_letter_is_in_the_log_before_its_offset_is_committed(
    run: Run, log: str, fresh_topic: str, tmp_path: Path
) -> None:
    """Killed before the commit, the sink meets the record again; the dead letter was there all the same."""
    await write_topic(log, fresh_topic, [b"value", b"poison"])
    options = sink_options(log, fresh_topic, tmp_path / "out")
    hosted = await run("failing:Unflushed", **options, **TOLERANT)
    assert [record.value for record in await read_records(log, f"{fresh_topic}-dead", 1)] == [b"poison"]
    await hosted.host.kill()
    assert await committed(log, fresh_topic, fresh_topic) is None


def source_options(servers: str, topic: str) -> dict[str, str]:
    return {
        "bootstrap_servers": servers,
        "name": topic,
        "topic": topic,
        "errors_deadletterqueue_topic_name": f"{topic}-dead",
    }


def rows(values: Sequence[bytes]) -> list[int]:
    return [json.loads(value)["row"] for value in values]


@pytest.mark.parametrize("exactly_once", [True, False])
async def test_a_sources_poison_goes_to_the_dead_letters(
    run: Run, kafka: str, fresh_topic: str, exactly_once: bool
) -> None:
    options = source_options(kafka, fresh_topic)
    hosted = await run("failing:Rows", **options, **TOLERANT, exactly_once=exactly_once)
    await hosted.until_event(Ended)
    written = [record.value or b"" for record in await read_records(kafka, fresh_topic, 20)]
    assert rows(written) == [number for number in range(25) if number % 5 != 2]
    dead = await read_records(kafka, f"{fresh_topic}-dead", 5)
    assert [json.loads(record.value or b"")["row"] for record in dead] == [2, 7, 12, 17, 22]
    context = headers_of(dead[1])
    assert (context["topic"], context["stage"]) == (fresh_topic, "VALUE_CONVERTER")
    assert (context["__penstock.errors.source.partition"], context["__penstock.errors.source.position"]) == (
        "{}",
        '{"next": 2}',
    )
    await hosted.host.stop(60)
    assert (last_progress(hosted).records_total, last_progress(hosted).dead_letters) == (20, 5)


async def test_a_record_too_large_for_its_topic_finds_room_in_the_dead_letters(
    run: Run, kafka: str, fresh_topic: str
) -> None:
    options = source_options(kafka, fresh_topic)
    hosted = await run("failing:Rows", **options, **TOLERANT, batches="2", large_bytes=str(3 << 20))
    await hosted.until_event(Ended)
    written = [record.value or b"" for record in await read_records(kafka, fresh_topic, 8)]
    assert rows(written) == [number for number in range(10) if number % 5 != 2]
    dead = await read_records(kafka, f"{fresh_topic}-dead", 2)
    assert [json.loads(record.value or b"")["row"] for record in dead] == [2, 7]
    assert len(dead[0].value or b"") > 3 << 20
    context = headers_of(dead[0])
    assert context["stage"] == "KAFKA_PRODUCE"
    assert "of which the topic takes 1048588" in context["exception.message"]


async def test_without_tolerance_a_record_too_large_for_its_topic_is_named(
    run: Run, kafka: str, fresh_topic: str
) -> None:
    """And not sent: the log would refuse it, and with it the transaction of all that came before."""
    await make_topic(kafka, fresh_topic)
    hosted = await run("failing:Rows", **source_options(kafka, fresh_topic), large_bytes=str(3 << 20))
    failed = await hosted.until_event(Failed)
    assert failed.problem["code"] == "kafka-produce-failed"
    assert "1 of 5 records, at indexes 2" in failed.problem["message"]
    assert "raise max.message.bytes of the topic" in failed.problem["hint"]
    assert not failed.retryable
    assert not failed.unexpected


async def test_dead_letters_of_a_source_are_in_the_same_transaction_as_the_rest(
    run: Run, kafka: str, fresh_topic: str
) -> None:
    """Killed at any time, it writes each record once, be it to its topic or to the dead letters."""
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")
    chance = random.Random(seed)

    async def stored() -> Positions:
        found = await read_positions(kafka, f"{fresh_topic}-offsets")
        return Positions((key[1], value) for key, value in found[-1:])

    options = source_options(kafka, fresh_topic) | TOLERANT
    positions = none_stored
    for _ in range(3):
        hosted = await run("failing:Rows", **options, positions=positions, batches="100000", pause_seconds="0.005")
        await hosted.until_printed("yield", count=chance.randrange(5, 30))
        await hosted.until(lambda hosted=hosted: last_progress(hosted).records_total)
        await hosted.host.kill()
        positions = stored
    hosted = await run("failing:Rows", **options, positions=stored, batches="1")
    await hosted.until_event(Ended)  # what the one before left open is aborted
    end = 5 * next(iter(await stored()))[1]["next"]
    assert rows(await read_all(kafka, fresh_topic)) == [number for number in range(end) if number % 5 != 2]
    assert rows(await read_all(kafka, f"{fresh_topic}-dead")) == list(range(2, end, 5))


async def test_without_tolerance_a_source_fails_at_the_record_and_stores_what_came_before(
    run: Run, log: str, fresh_topic: str
) -> None:
    hosted = await run("failing:Rows", **source_options(log, fresh_topic))
    failed = await hosted.until_event(Failed)
    assert failed.problem["code"] == "value-converter-failed"
    assert failed.problem["where"] == f"on the way to {fresh_topic}"
    assert "1 of 5 records, at indexes 2: TypeError: set cannot be written as JSON" in failed.problem["message"]
