"""A worker's configuration as Kafka Connect's files have it: nothing of Kafka Connect's is unknown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from penstock import BadConfiguration
from penstock_workers.config import WorkerConfig
from penstock_workers.connector_config import is_common
from penstock_workers.kafka_connect_worker_options import without_effect
from penstock_workers.properties import properties
from penstock_workers.worker_options import WorkerOptions, read_worker_options

HERE = Path(__file__).parent
KEYS = json.loads((HERE / "kafka_4_3_keys.json").read_text())
"""As `configKeys()` of DistributedConfig, SourceConnectorConfig and SinkConnectorConfig of Kafka Connect 4.3.1 say."""
HONOURED = {"config.providers", "listeners", "task.shutdown.graceful.timeout.ms"}
OF_SINKS = {"topics", "topics.regex"}
STRIMZI = {
    "bootstrap.servers": "kafka-bootstrap:9093",
    "security.protocol": "SASL_SSL",
    "sasl.mechanism": "SCRAM-SHA-512",
    "sasl.jaas.config": 'org.apache.kafka.common.security.scram.ScramLoginModule required username="u" password="p";',
    "producer.bootstrap.servers": "kafka-bootstrap:9093",
    "producer.security.protocol": "SASL_SSL",
    "consumer.security.protocol": "SASL_SSL",
    "admin.security.protocol": "SASL_SSL",
    "producer.compression.type": "lz4",
    "consumer.max.poll.records": "500",
    "plugin.path": "/opt/kafka/plugins",
    "rest.advertised.host.name": "connect-0",
    "rest.advertised.port": "8084",
    "listeners": "http://0.0.0.0:8083",
    "exactly.once.source.support": "enabled",
    "task.shutdown.graceful.timeout.ms": "7500",
    "config.providers": "env,dir",
    "config.providers.env.class": "org.apache.kafka.common.config.provider.EnvVarConfigProvider",
    "config.providers.dir.class": "org.apache.kafka.common.config.provider.DirectoryConfigProvider",
    "config.providers.dir.param.allowed.paths": "/opt/kafka",
}


def idle(options: WorkerOptions) -> set[str]:
    return {key for keys in options.without_effect.values() for key in keys}


@pytest.mark.parametrize("key", KEYS["worker"])
def test_no_option_of_kafka_connects_workers_is_unknown(key: str) -> None:
    is_honoured = key in WorkerConfig.json_schema()["properties"] or key in HONOURED
    of_converter = key in ("key.converter", "value.converter", "header.converter")
    assert is_honoured or of_converter or without_effect(key)


@pytest.mark.parametrize("key", KEYS["connector"])
def test_no_option_of_kafka_connects_connectors_is_unknown(key: str) -> None:
    assert is_common(key) or key in OF_SINKS


def test_the_file_that_kafka_ships_is_taken_as_it_is() -> None:
    options = read_worker_options(properties((HERE / "connect-distributed.properties").read_text()))
    assert options.config.bootstrap_servers == "localhost:9092"
    assert options.converters["value.converter.schemas.enable"] == "true"
    assert idle(options) == {
        "offset.flush.interval.ms",
        "config.storage.replication.factor",
        "offset.storage.replication.factor",
        "status.storage.replication.factor",
    }


def test_a_file_for_containers_is_taken_as_it_is() -> None:
    options = read_worker_options(STRIMZI)
    config = options.config
    assert (config.rest_host_name, config.rest_port, config.url) == ("0.0.0.0", 8083, "http://connect-0:8084")
    assert config.task_shutdown_graceful_timeout_seconds == 7.5
    assert sorted(options.providers) == ["dir", "env"]
    assert {"plugin.path", "producer.compression.type", "exactly.once.source.support"} <= idle(options)
    assert "bootstrap.servers" not in idle(options)


def test_each_reason_is_told_once() -> None:
    reasons = read_worker_options({"plugin.path": "/x", "plugin.discovery": "only_scan"}).without_effect
    assert [sorted(keys) for keys in reasons.values()] == [["plugin.discovery", "plugin.path"]]


@pytest.mark.parametrize(
    ("listeners", "host"),
    [("HTTP://:8085", "0.0.0.0"), ("http://10.1.2.3:8085", "10.1.2.3"), ("http://[::1]:8085", "::1")],
)
def test_rest_listens_where_listeners_say(listeners: str, host: str) -> None:
    config = read_worker_options({"listeners": listeners}).config
    assert (config.rest_host_name, config.rest_port) == (host, 8085)
    assert "0.0.0.0" not in config.url


@pytest.mark.parametrize(
    ("raw", "where", "complaint"),
    [
        ({"listeners": "https://:8443"}, "listeners", "without TLS"),
        ({"listeners": "http://:1,http://:2"}, "listeners", "one address"),
        ({"offset.storage.topik": "x"}, "offset.storage.topik", "did you mean offset.storage.topic"),
        ({"value.convertor": "json"}, "value.convertor", "did you mean value.converter"),
        ({"producer.bootstrap.servers": "other:1"}, "producer.bootstrap.servers", "differs from bootstrap.servers"),
        ({"task.shutdown.graceful.timeout.ms": "soon"}, "task.shutdown.graceful.timeout.ms", "milliseconds"),
        (
            {"config.providers": "vault", "sasl.password": "${vault:log:password}"},
            "sasl.password",
            "use one of file, directory and env",
        ),
    ],
)
def test_what_would_not_be_as_it_says_is_refused(raw: dict[str, Any], where: str, complaint: str) -> None:
    with pytest.raises(BadConfiguration, match=complaint) as caught:
        read_worker_options(raw)
    assert caught.value.problems[0].where == where
