"""`penstock group` on a running log, with groups of a real client."""

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from uuid import uuid4

import kafka as untyped_kafka_python
import pytest

from .conftest import Run

kafka_python: Any = untyped_kafka_python
TIMEOUT_SECONDS = 30


@pytest.fixture
def on_log(kafka: str) -> tuple[str, str]:
    return "--bootstrap-servers", kafka


@pytest.fixture
def group() -> str:
    return f"group-{uuid4().hex}"


@pytest.fixture
def topic(penstock: Run, on_log: tuple[str, str], fresh_topic: str) -> str:
    """One with ten records in its only partition."""
    penstock("topic", "create", fresh_topic, *on_log)
    penstock("produce", fresh_topic, *on_log, input="".join(f"{number}\n" for number in range(10)))
    return fresh_topic


def consume(kafka: str, group: str, topic: str, count: int) -> Any:
    """A member of the group that has committed so many records, and is still there."""
    consumer = kafka_python.KafkaConsumer(
        topic,
        bootstrap_servers=kafka,
        group_id=group,
        client_id="reader",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_poll_records=1,
    )
    while not consumer.partitions_for_topic(topic):
        pass  # it joins with the first poll: before it knows the topic, it would get nothing, or join once more
    for _ in range(count):
        next(consumer)
    consumer.commit()
    return consumer


@pytest.fixture
def empty_group(kafka: str, group: str, topic: str) -> str:
    """It has read four of the ten records and left."""
    consume(kafka, group, topic, 4).close()
    return group


@pytest.fixture
def busy_group(kafka: str, group: str, topic: str) -> Iterator[str]:
    with closing(consume(kafka, group, topic, 4)):
        yield group


def committed(penstock: Run, on_log: tuple[str, str], group: str) -> int:
    described = json.loads(penstock("group", "describe", group, "-o", "json", *on_log).stdout)
    offset: int = described["partitions"][0]["committed"]
    return offset


def test_a_group_without_members_and_its_lag(penstock: Run, on_log: tuple[str, str], empty_group: str) -> None:
    listed = json.loads(penstock("group", "list", "-o", "json", *on_log).stdout)
    (found,) = [entry for entry in listed if entry["group"] == empty_group]
    assert found == {"group": empty_group, "state": "Empty", "members": 0, "lag": 6}
    described = penstock("group", "describe", empty_group, *on_log)
    assert described.stdout.splitlines()[1].split()[1:] == ["0", "4", "10", "6"]
    assert "Empty, 0 members" in described.stderr


def test_a_group_with_a_member_names_it_and_is_not_reset_or_deleted(
    penstock: Run, on_log: tuple[str, str], busy_group: str
) -> None:
    described = json.loads(penstock("group", "describe", busy_group, "-o", "json", *on_log).stdout)
    assert (described["state"], described["members"]) == ("Stable", 1)
    assert described["partitions"][0]["member"] == "reader"
    reset = penstock("group", "reset-offsets", busy_group, "--to", "earliest", "--execute", *on_log)
    assert (reset.returncode, "group-active" in reset.stderr) == (1, True)
    deleted = penstock("group", "delete", busy_group, "--yes", *on_log)
    assert (deleted.returncode, "group-active" in deleted.stderr) == (1, True)
    assert committed(penstock, on_log, busy_group) == 4


def test_where_a_reset_would_lead(penstock: Run, on_log: tuple[str, str], empty_group: str) -> None:
    for to, expected in {
        "earliest": 0,
        "latest": 10,
        "7": 7,
        "99": 10,
        "2020-01-01": 0,
        "2100-01-01T10:00Z": 10,
    }.items():
        planned = penstock("group", "reset-offsets", empty_group, "--to", to, "-o", "json", *on_log)
        (partition,) = json.loads(planned.stdout)["partitions"]
        assert (partition["from"], partition["to"]) == (4, expected), to
    assert "nothing is changed yet" in planned.stderr
    refused = penstock("group", "reset-offsets", empty_group, "--to", "soon", *on_log)
    assert (refused.returncode, "--to soon" in refused.stderr) == (2, True)


def test_a_reset_is_carried_out_when_told_to(penstock: Run, on_log: tuple[str, str], empty_group: str) -> None:
    penstock("group", "reset-offsets", empty_group, "--to", "2", *on_log)
    assert committed(penstock, on_log, empty_group) == 4
    done = penstock("group", "reset-offsets", empty_group, "--to", "2", "--execute", *on_log)
    assert (done.returncode, "offsets are reset" in done.stderr) == (0, True)
    assert committed(penstock, on_log, empty_group) == 2


def test_a_deleted_group_is_gone(penstock: Run, on_log: tuple[str, str], empty_group: str) -> None:
    assert penstock("group", "delete", empty_group, "--yes", *on_log).returncode == 0
    for arguments in (("describe", empty_group), ("delete", empty_group, "--yes")):
        gone = penstock("group", *arguments, *on_log)
        assert (gone.returncode, f"unknown-group  {empty_group}" in gone.stderr) == (2, True)


def test_a_group_whose_topic_is_gone_is_still_a_group(
    penstock: Run, on_log: tuple[str, str], empty_group: str, topic: str
) -> None:
    penstock("topic", "delete", topic, "--yes", *on_log)
    described = penstock("group", "describe", empty_group, "-o", "json", *on_log)
    if described.returncode:  # the log may forget a group with its last offset
        assert "unknown-group" in described.stderr
    else:
        assert json.loads(described.stdout)["partitions"] == []
