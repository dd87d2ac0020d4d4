"""Topics that sources make, as their configurations say, before the first record."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType  # type: ignore[attr-defined]

from penstock_workers.task_host import Ended, Failed

from .conftest import Hosted, Run

pytestmark = pytest.mark.asyncio(loop_scope="module")
DEADLINE_SECONDS = 60.0
THREE_COMPACTED = {
    "topic_creation_groups": "tests",
    "topic_creation_tests_include": "no-such-topic, test-.*",
    "topic_creation_tests_partitions": "3",
    "topic_creation_tests_cleanup_policy": "compact",
    "topic_creation_tests_retention_ms": "7200000",
    "topic_creation_default_partitions": "7",
    "topic_creation_default_replication_factor": "3",
}


async def made(run: Run, servers: str, topic: str, **options: Any) -> Hosted:
    hosted: Hosted = await run(
        "sources:CountingWithKeys", bootstrap_servers=servers, name=topic, topic=topic, end="100", **options
    )
    return hosted


def partitions(servers: str, topic: str) -> int:
    admin = AdminClient({"bootstrap.servers": servers})
    return len(admin.list_topics(topic, timeout=DEADLINE_SECONDS).topics[topic].partitions)


def topic_config(servers: str, topic: str, key: str) -> str:
    resource = ConfigResource(ResourceType.TOPIC, topic)
    admin = AdminClient({"bootstrap.servers": servers})
    (described,) = admin.describe_configs([resource]).values()
    return str(described.result(DEADLINE_SECONDS)[key].value)


@pytest.mark.parametrize("exactly_once", [True, False])
async def test_tasks_at_the_same_time_make_a_topic_as_its_group_says(
    run: Run, kafka: str, fresh_topic: str, exactly_once: bool
) -> None:
    tasks = [await made(run, kafka, fresh_topic, task=n, exactly_once=exactly_once, **THREE_COMPACTED) for n in (0, 1)]
    for task in tasks:
        await task.until_event(Ended)
    assert partitions(kafka, fresh_topic) == 3
    assert topic_config(kafka, fresh_topic, "cleanup.policy") == "compact"
    assert topic_config(kafka, fresh_topic, "retention.ms") == "7200000"


async def test_the_logs_defaults_can_be_asked_for(run: Run, kafka: str, fresh_topic: str) -> None:
    default = {"topic_creation_default_partitions": "-1", "topic_creation_default_replication_factor": "-1"}
    hosted = await made(run, kafka, fresh_topic, topic_creation_default_retention_ms="7200000", **default)
    await hosted.until_event(Ended)
    assert partitions(kafka, fresh_topic) == 1
    assert topic_config(kafka, fresh_topic, "retention.ms") == "7200000"


async def test_a_topic_that_exists_stays_as_it_is(run: Run, log: str, fresh_topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": log})
    admin.create_topics([NewTopic(fresh_topic, 2, 1)])[fresh_topic].result(DEADLINE_SECONDS)
    await (await made(run, log, fresh_topic, **THREE_COMPACTED)).until_event(Ended)
    assert partitions(log, fresh_topic) == 2
    assert topic_config(log, fresh_topic, "cleanup.policy") == "delete"


async def test_a_worker_may_forbid_it(run: Run, log: str, fresh_topic: str) -> None:
    await (await made(run, log, fresh_topic, topic_creation_enable=False, **THREE_COMPACTED)).until_event(Ended)
    assert partitions(log, fresh_topic) == 1


@pytest.mark.parametrize(("option", "value"), [("cleanup.policy", "sideways"), ("retention.mss", "1")])
async def test_what_the_log_refuses_fails_the_task_and_names_the_option(
    run: Run, kafka: str, fresh_topic: str, option: str, value: str
) -> None:
    refused = {f"topic.creation.tests.{option}": value}
    failed = await (await made(run, kafka, fresh_topic, **THREE_COMPACTED | refused)).until_event(Failed)
    assert not failed.retryable
    assert failed.problem["where"] == f"topic.creation.tests.{option}"
    assert failed.problem["code"] == "topic-refused"
    assert fresh_topic in failed.problem["message"]
    assert option in failed.problem["message"]
