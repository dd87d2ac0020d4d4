"""The configurations of a node, by the names that Kafka's brokers give them: what a node is started with.

Those from which topics take their defaults can be changed while it runs (`controller/broker_settings.py`).
"""

from collections.abc import Mapping
from dataclasses import replace

from penstock_log.controller.config_spec import ConfigSpec, ConfigType
from penstock_log.controller.topic_configs import TOPIC_CONFIGS
from penstock_log.errors import ErrorCode, LogError

_OWN = [
    ConfigSpec(
        "auto.create.topics.enable",
        ConfigType.BOOLEAN,
        "true",
        "Whether a topic comes into being when a client asks for its metadata and allows creation.",
    ),
    ConfigSpec(
        "connections.max.idle.ms",
        ConfigType.LONG,
        "600000",
        "A connection on which nothing has come for so long, and nothing is to be answered, is closed.",
        minimum=1,
    ),
    ConfigSpec(
        "connections.max.reauth.ms",
        ConfigType.LONG,
        "0",
        "How long a login counts: a client that has not logged in again by then is disconnected. 0: as long as its"
        " connection.",
        minimum=0,
    ),
    ConfigSpec(
        "default.replication.factor", ConfigType.INT, "1", "Replicas of a topic created without a number.", minimum=1
    ),
    ConfigSpec(
        "group.consumer.heartbeat.interval.ms",
        ConfigType.INT,
        "5000",
        "How often the members of a group of the consumer protocol are asked to send heartbeats.",
        minimum=1,
    ),
    ConfigSpec(
        "group.consumer.session.timeout.ms",
        ConfigType.INT,
        "45000",
        "How long a member of a group of the consumer protocol may be silent.",
        minimum=1,
    ),
    ConfigSpec(
        "group.initial.rebalance.delay.ms",
        ConfigType.INT,
        "0",
        "How long the first members of an empty group wait for others before they are assigned partitions.",
        minimum=0,
    ),
    ConfigSpec(
        "group.max.session.timeout.ms", ConfigType.INT, "1800000", "The longest session a consumer may ask for."
    ),
    ConfigSpec("group.min.session.timeout.ms", ConfigType.INT, "6000", "The shortest session a consumer may ask for."),
    ConfigSpec(
        "listeners",
        ConfigType.LIST,
        "",
        "Where the node listens, in the place of --host and --port: PROTOCOL://HOST:PORT with PLAINTEXT, SSL,"
        " SASL_PLAINTEXT or SASL_SSL, each at most once.",
    ),
    ConfigSpec(
        "offset.metadata.max.bytes",
        ConfigType.INT,
        "4096",
        "The longest metadata that may come with a committed offset.",
    ),
    ConfigSpec(
        "offsets.retention.check.interval.ms",
        ConfigType.LONG,
        "600000",
        "How often expired offsets are looked for.",
        minimum=1,
    ),
    ConfigSpec(
        "offsets.retention.minutes",
        ConfigType.INT,
        "10080",
        "How long the offsets of a group are kept after its last member has left.",
        minimum=1,
    ),
    ConfigSpec(
        "offsets.topic.num.partitions",
        ConfigType.INT,
        "50",
        "Partitions of __consumer_offsets when it is created; their number cannot change later.",
        minimum=1,
    ),
    ConfigSpec(
        "log.cleaner.backoff.ms",
        ConfigType.LONG,
        "15000",
        "How often it is looked for partitions that are to be compacted.",
        minimum=1,
    ),
    ConfigSpec(
        "log.retention.check.interval.ms",
        ConfigType.LONG,
        "300000",
        "How often it is looked for segments that retention no longer keeps.",
        minimum=1,
    ),
    ConfigSpec("num.partitions", ConfigType.INT, "1", "Partitions of a topic created without a number.", minimum=1),
    ConfigSpec(
        "sasl.enabled.mechanisms",
        ConfigType.LIST,
        "SCRAM-SHA-256,SCRAM-SHA-512",
        "How clients may log in on listeners of SASL. PLAIN sends the password itself: use it on SASL_SSL.",
        choices=("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"),
    ),
    ConfigSpec(
        "ssl.client.auth",
        ConfigType.STRING,
        "none",
        "Whether clients must show a certificate on listeners of SSL. 'requested': where they have one.",
        choices=("none", "requested", "required"),
    ),
    ConfigSpec(
        "ssl.key.password", ConfigType.PASSWORD, "", "The password of the node's private key, where it is encrypted."
    ),
    ConfigSpec(
        "ssl.keystore.location",
        ConfigType.STRING,
        "",
        "PEM file of the node's private key and its certificates, for listeners of SSL.",
    ),
    ConfigSpec("ssl.keystore.type", ConfigType.STRING, "PEM", "Format of the keystore.", choices=("PEM",)),
    ConfigSpec(
        "ssl.truststore.location",
        ConfigType.STRING,
        "",
        "PEM file of the certificates by which clients' certificates are trusted.",
    ),
    ConfigSpec("ssl.truststore.type", ConfigType.STRING, "PEM", "Format of the truststore.", choices=("PEM",)),
    ConfigSpec(
        "transaction.max.timeout.ms",
        ConfigType.INT,
        "900000",
        "The longest transaction timeout that a producer may ask for.",
        minimum=1,
    ),
    ConfigSpec(
        "transaction.state.log.num.partitions",
        ConfigType.INT,
        "50",
        "Partitions of __transaction_state when it is created; their number cannot change later.",
        minimum=1,
    ),
    ConfigSpec(
        "transactional.id.expiration.ms",
        ConfigType.INT,
        "604800000",
        "How long a transactional id is remembered after its last transaction.",
        minimum=1,
    ),
    ConfigSpec(
        "socket.request.max.bytes",
        ConfigType.INT,
        "104857600",
        "The largest request that is read; a larger one closes its connection.",
        minimum=1024,
    ),
]


def _as_broker_config(spec: ConfigSpec) -> ConfigSpec:
    assert spec.broker_name is not None
    documentation = f"Default of {spec.name} for topics that do not set it. {spec.documentation}"
    return replace(spec, name=spec.broker_name, documentation=documentation, broker_name=None)


BROKER_CONFIGS: dict[str, ConfigSpec] = {
    spec.name: spec
    for spec in sorted(
        _OWN + [_as_broker_config(spec) for spec in TOPIC_CONFIGS.values() if spec.broker_name],
        key=lambda spec: spec.name,
    )
}

DYNAMIC_BROKER_CONFIGS = frozenset(spec.broker_name for spec in TOPIC_CONFIGS.values() if spec.broker_name)
"""What can be changed while a node runs: Kafka's rule too, as far as the configurations are ours."""


def check_broker_configs(configs: Mapping[str, str]) -> None:
    """Raises LogError INVALID_CONFIG for the first name or value that no node takes."""
    for name, value in configs.items():
        if name not in BROKER_CONFIGS:
            raise LogError(ErrorCode.invalid_config, f"Unknown broker config name: {name}")
        BROKER_CONFIGS[name].check(value)


def broker_config(configs: Mapping[str, str], name: str) -> str:
    """The effective value."""
    return configs.get(name, BROKER_CONFIGS[name].default)


def topic_defaults(broker_configs: Mapping[str, str]) -> dict[str, str]:
    """The topic configurations whose defaults the node's own configuration changes."""
    return {
        spec.name: broker_configs[spec.broker_name]
        for spec in TOPIC_CONFIGS.values()
        if spec.broker_name is not None and spec.broker_name in broker_configs
    }
