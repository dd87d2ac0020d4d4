"""Clients that others wrote, by each security protocol and mechanism; users made, changed and deleted by them."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kafka as untyped_kafka_python
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)
from tests.secured_log import MECHANISMS, USERS, SecuredLog

from penstock_log.dump import dump

# It has no types.
kafka_python: Any = untyped_kafka_python
WAYS = [
    ("SSL", None),
    *(("SASL_PLAINTEXT", mechanism) for mechanism in MECHANISMS),
    ("SASL_SSL", "SCRAM-SHA-512"),
]
DEADLINE_SECONDS = 60
Options = dict[str, str]


def for_librdkafka(options: Options) -> dict[str, Any]:
    return {key.replace("ssl.truststore.location", "ssl.ca.location"): value for key, value in options.items()}


def for_aiokafka(log: SecuredLog, options: Options) -> dict[str, Any]:
    """kafka-python has the same names."""
    names = {"sasl.username": "sasl_plain_username", "sasl.password": "sasl_plain_password"}
    known = {names.get(key, key.replace(".", "_")): value for key, value in options.items() if key[:4] != "ssl."}
    return known | {"ssl_context": log.client_context()}


def by_confluent_kafka(log: SecuredLog, options: Options, topic: str) -> bytes:
    config = for_librdkafka(options)
    producer = Producer(config)
    producer.produce(topic, b"confluent-kafka")
    assert producer.flush(DEADLINE_SECONDS) == 0
    consumer = Consumer(config | {"group.id": topic, "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    try:
        message = consumer.poll(DEADLINE_SECONDS)
        assert message is not None
        return message.value() or b""
    finally:
        consumer.close()


def by_aiokafka(log: SecuredLog, options: Options, topic: str) -> bytes:
    config = for_aiokafka(log, options)

    async def round_trip() -> bytes:
        async with asyncio.timeout(DEADLINE_SECONDS):
            async with AIOKafkaProducer(**config) as producer:
                await producer.send_and_wait(topic, b"aiokafka")
            async with AIOKafkaConsumer(topic, auto_offset_reset="earliest", **config) as consumer:
                return (await consumer.getone()).value or b""

    return asyncio.run(round_trip())


def by_kafka_python(log: SecuredLog, options: Options, topic: str) -> bytes:
    config = for_aiokafka(log, options)
    producer = kafka_python.KafkaProducer(**config)
    producer.send(topic, b"kafka-python").get(DEADLINE_SECONDS)
    producer.close()
    timeout_ms = DEADLINE_SECONDS * 1000
    consumer = kafka_python.KafkaConsumer(topic, auto_offset_reset="earliest", consumer_timeout_ms=timeout_ms, **config)
    try:
        while not consumer.partitions_for_topic(topic):
            pass  # it may never look again for a topic that it did not find at first
        return bytes(next(consumer).value)
    finally:
        consumer.close()


@pytest.mark.parametrize("round_trip", [by_confluent_kafka, by_aiokafka, by_kafka_python])
@pytest.mark.parametrize(("protocol", "mechanism"), WAYS)
def test_a_round_trip(
    secured_log: SecuredLog,
    fresh_topic: str,
    round_trip: Callable[[SecuredLog, Options, str], bytes],
    protocol: str,
    mechanism: str | None,
) -> None:
    # kafka-python writes names with commas as no SCRAM server can read them.
    user = "alice" if round_trip is by_kafka_python else "bob, the 2nd"
    options = secured_log.options(protocol, mechanism, user)
    assert round_trip(secured_log, options, fresh_topic).decode() in round_trip.__name__.replace("_", "-")


def test_librdkafka_says_that_a_login_failed(secured_log: SecuredLog) -> None:
    options = secured_log.options("SASL_SSL", "SCRAM-SHA-256") | {"sasl.password": "other"}
    errors: list[KafkaError] = []
    client = AdminClient(for_librdkafka(options) | {"error_cb": errors.append})
    deadline = time.monotonic() + DEADLINE_SECONDS
    while KafkaError._AUTHENTICATION not in [error.code() for error in errors]:
        assert time.monotonic() < deadline, errors
        client.poll(0.1)
    with pytest.raises(KafkaException):
        client.list_topics(timeout=0.1)


def admin(log: SecuredLog) -> AdminClient:
    return AdminClient(for_librdkafka(log.options("SASL_SSL", "SCRAM-SHA-512")))


def alter(client: Any, change: Any) -> str | None:
    """The name of the error, None where it was done."""
    try:
        for future in client.alter_user_scram_credentials([change]).values():
            future.result(DEADLINE_SECONDS)
    except KafkaException as error:
        return str(error.args[0].name())
    return None


def upsertion(user: str, password: str, iterations: int = 4096) -> UserScramCredentialUpsertion:
    return UserScramCredentialUpsertion(
        user, ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, iterations), password.encode(), b"salt"
    )


def described(client: Any, user: str) -> list[tuple[Any, int]] | str:
    try:
        (future,) = client.describe_user_scram_credentials([user]).values()
        infos = future.result(DEADLINE_SECONDS).scram_credential_infos
    except KafkaException as error:
        return str(error.args[0].name())
    return [(info.mechanism, info.iterations) for info in infos]


def test_users_come_and_go_while_the_node_runs(secured_log: SecuredLog, fresh_topic: str) -> None:
    client = admin(secured_log)
    assert described(client, "carol") == "RESOURCE_NOT_FOUND"
    assert alter(client, upsertion("carol", "carol-secret", iterations=8192)) is None
    assert described(client, "carol") == [(ScramMechanism.SCRAM_SHA_256, 8192)]
    options = secured_log.options("SASL_SSL", "SCRAM-SHA-256") | {
        "sasl.username": "carol",
        "sasl.password": "carol-secret",
    }
    assert by_aiokafka(secured_log, options, fresh_topic) == b"aiokafka"
    assert by_aiokafka(secured_log, options | {"sasl.mechanism": "PLAIN"}, fresh_topic) == b"aiokafka"
    deletion = UserScramCredentialDeletion("carol", ScramMechanism.SCRAM_SHA_256)
    assert alter(client, deletion) is None
    assert alter(client, deletion) == "RESOURCE_NOT_FOUND"
    with pytest.raises(Exception, match="Unable to bootstrap"):
        by_aiokafka(secured_log, options, fresh_topic)


@pytest.mark.parametrize("iterations", [4095, 16385])
def test_too_few_or_too_many_iterations_are_refused(secured_log: SecuredLog, iterations: int) -> None:
    assert alter(admin(secured_log), upsertion("dave", "x", iterations)) == "UNACCEPTABLE_CREDENTIAL"


def test_users_outlive_the_node_and_the_file_does_not_bring_old_passwords_back(tmp_path: Path) -> None:
    log = SecuredLog(tmp_path / "log")
    log.start()
    assert alter(admin(log), upsertion("alice", "new-secret")) is None
    log.node.kill()
    log.start()
    try:
        client: Any = AdminClient(
            for_librdkafka(log.options("SASL_SSL", "SCRAM-SHA-256") | {"sasl.password": "new-secret"})
        )
        everybody = client.describe_user_scram_credentials().result(DEADLINE_SECONDS)
        assert sorted(everybody) == sorted(USERS)
        shown = "\n".join(dump(log.node.data_dir / "__cluster_metadata-0", with_records=True))
        assert "ScramCredential(iterations=4096, hidden)" in shown
    finally:
        log.node.stop()
