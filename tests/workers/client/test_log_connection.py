"""How the log is reached: what people write, and what of it they are told is wrong."""

from __future__ import annotations

import logging
import ssl
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from tests.secured_log import MECHANISMS, SecuredLog

from penstock import BadConfiguration, ConnectionLost
from penstock_workers import client
from penstock_workers.client.unreachable import why_unreachable
from penstock_workers.config import WorkerConfig
from penstock_workers.errors import LogRefusesConnection
from penstock_workers.log_connection import LogConnection
from penstock_workers.sink_topics import SinkTopics

JAAS = "org.apache.kafka.common.security.scram.ScramLoginModule required"


def connection(**options: str) -> LogConnection:
    return LogConnection.of({key.replace("_", "."): value for key, value in options.items()})


def test_a_file_of_kafkas_with_options_for_others_is_taken() -> None:
    found = LogConnection.of({"bootstrap.servers": "a:1", "acks": "all", "key.serializer": "x"})
    assert found == LogConnection(bootstrap_servers="a:1")


@pytest.mark.parametrize(
    ("text", "login"),
    [
        (f'{JAAS} username="alice" password="secret";', ("alice", "secret")),
        (f"  {JAAS}\n  username='alice'\n  password=secret ;\n", ("alice", "secret")),
        (f'{JAAS} password="a\\"b\\\\c; =d" debug="true" username="al ice";', ("al ice", 'a"b\\c; =d')),
        ('PlainLoginModule required username="alice" password="";', ("alice", "")),
    ],
)
def test_jaas_configurations(text: str, login: tuple[str, str]) -> None:
    options = connection(security_protocol="SASL_PLAINTEXT", sasl_mechanism="PLAIN", sasl_jaas_config=text)
    found = options.aiokafka_options()
    assert (found["sasl_plain_username"], found["sasl_plain_password"]) == login


@pytest.mark.parametrize(
    ("options", "where"),
    [
        ({"security_protocol": "TLS"}, "security.protocol"),
        ({"security_protocol": "SASL_PLAINTEXT", "sasl_username": "a", "sasl_password": "hush"}, "sasl.mechanism"),
        ({"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "PLAIN", "sasl_password": "hush"}, "sasl.username"),
        ({"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "GSSAPI"}, "sasl.mechanism"),
        ({"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "PLAIN", "sasl_jaas_config": "hush"}, "sasl.jaas"),
        ({"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "PLAIN", "sasl_jaas_config": f"{JAAS};"}, "sasl.j"),
        ({"security_protocol": "SSL", "ssl_truststore_location": "/nowhere/ca.pem"}, "ssl.truststore.location /now"),
        ({"security_protocol": "SSL", "ssl_keystore_location": __file__}, "ssl.keystore.location"),
        ({"security_protocol": "SSL", "ssl_truststore_type": "JKS"}, "ssl.truststore.type"),
    ],
)
def test_what_is_wrong_is_named_by_its_option(options: dict[str, str], where: str) -> None:
    with pytest.raises(BadConfiguration) as error:
        connection(**options).aiokafka_options()
    assert error.value.problem.where.startswith(where)
    assert "hush" not in str(error.value)


def test_secrets_do_not_show_in_text_and_reach_the_task_host() -> None:
    config = WorkerConfig(sasl_password="hush", sasl_jaas_config="hush", ssl_key_password="hush", rest_port=1)
    assert "hush" not in repr(config)
    assert "hush" not in repr(config.log)
    assert msgspec.json.decode(msgspec.json.encode(config.log), type=LogConnection) == config.log
    assert config.log.sasl_password == "hush"
    assert not hasattr(config.log, "rest_port")


def test_a_certificate_is_checked_and_must_name_the_host_unless_told_otherwise() -> None:
    strict = connection(security_protocol="SSL").aiokafka_options()["ssl_context"]
    assert (strict.verify_mode, strict.check_hostname) == (ssl.CERT_REQUIRED, True)
    lax = connection(security_protocol="SSL", ssl_endpoint_identification_algorithm="").aiokafka_options()
    assert (lax["ssl_context"].verify_mode, lax["ssl_context"].check_hostname) == (ssl.CERT_REQUIRED, False)


@pytest.mark.parametrize("mechanism", MECHANISMS)
async def test_why_a_password_or_a_certificate_is_refused(secured_log: SecuredLog, mechanism: str) -> None:
    options = secured_log.options("SASL_SSL", mechanism)
    wrong_password = await why_unreachable(LogConnection.of(options | {"sasl.password": "other"}))
    assert isinstance(wrong_password, LogRefusesConnection)
    assert wrong_password.problem.code == "authentication-failed"
    del options["ssl.truststore.location"]
    untrusted = await why_unreachable(LogConnection.of(options))
    assert isinstance(untrusted, LogRefusesConnection)
    assert untrusted.problem.code == "tls-failed"


async def test_why_another_protocol_than_the_logs_does_not_connect(secured_log: SecuredLog) -> None:
    for listener in ("SSL", "SASL_PLAINTEXT"):
        reason = await why_unreachable(LogConnection(bootstrap_servers=secured_log.addresses[listener]))
        assert isinstance(reason, ConnectionLost)
        assert "security.protocol" in reason.problem.hint


async def test_no_password_is_logged_at_any_level(secured_log: SecuredLog, caplog: pytest.LogCaptureFixture) -> None:
    """aiokafka logs its requests, the one with the password too."""
    caplog.set_level(logging.DEBUG)
    for mechanism in MECHANISMS:
        options = LogConnection.of(secured_log.options("SASL_PLAINTEXT", mechanism)).aiokafka_options()
        async with AIOKafkaProducer(**options):
            pass
    assert "MetadataRequest" in caplog.text
    assert "alice-secret" not in caplog.text


async def test_a_producer_and_a_consumer_say_why_they_do_not_start(secured_log: SecuredLog) -> None:
    log = LogConnection.of(secured_log.options("SASL_SSL", "PLAIN") | {"sasl.password": "other"})
    with pytest.raises(LogRefusesConnection):
        await client.producer(log).start()
    consumer: Any = client.consumer(log, "group", "instance")
    with pytest.raises(LogRefusesConnection):
        await consumer.start(SinkTopics(["topic"]), assigned=None, revoked=None)
    await consumer.close()
