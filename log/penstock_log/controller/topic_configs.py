"""Every configuration that a topic of Apache Kafka 4.0 has.

All of them can be set and are listed, so that tools and infrastructure code that manage Kafka topics work. What the log
acts on is in `partition/topic_config.py`; the documentation of the others says that they have no effect here.
"""

from collections.abc import Mapping

from penstock_log.controller.config_spec import LONG_MAX, ConfigSpec, ConfigType
from penstock_log.errors import ErrorCode, LogError

_BOOLEAN, _STRING, _INT = ConfigType.BOOLEAN, ConfigType.STRING, ConfigType.INT
_LONG, _DOUBLE, _LIST = ConfigType.LONG, ConfigType.DOUBLE, ConfigType.LIST
_NO_TIERED_STORAGE = "Has no effect: this log has no tiered storage."

_SPECS = [
    ConfigSpec(
        "cleanup.policy",
        _LIST,
        "delete",
        "What becomes of old records: delete by retention, compact to the newest record of each key, or both.",
        choices=("compact", "delete"),
        broker_name="log.cleanup.policy",
    ),
    ConfigSpec(
        "compression.gzip.level",
        _INT,
        "-1",
        "Has no effect: the log compresses at a level of its own.",
        minimum=-1,
        maximum=9,
    ),
    ConfigSpec(
        "compression.lz4.level",
        _INT,
        "9",
        "Has no effect: the log compresses at a level of its own.",
        minimum=1,
        maximum=17,
    ),
    ConfigSpec(
        "compression.zstd.level",
        _INT,
        "3",
        "Has no effect: the log compresses at a level of its own.",
        minimum=-131072,
        maximum=22,
    ),
    ConfigSpec(
        "compression.type",
        _STRING,
        "producer",
        "Compression of stored batches. 'producer' keeps what the producer chose; with any other, batches that come"
        " otherwise are compressed anew, which takes time.",
        choices=("uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"),
        broker_name="compression.type",
    ),
    ConfigSpec(
        "delete.retention.ms",
        _LONG,
        "86400000",
        "How long tombstones of a compacted topic stay readable.",
        minimum=0,
        broker_name="log.cleaner.delete.retention.ms",
    ),
    ConfigSpec(
        "file.delete.delay.ms",
        _LONG,
        "60000",
        "How long a deleted segment's file stays on disk.",
        minimum=0,
        broker_name="log.segment.delete.delay.ms",
    ),
    ConfigSpec(
        "flush.messages",
        _LONG,
        "1",
        "1: a record is acknowledged and visible once it is fsynced (many requests share one fsync). "
        "Larger: the operating system decides when data reaches the disk, as in Kafka's own default.",
        minimum=1,
        broker_name="log.flush.interval.messages",
    ),
    ConfigSpec(
        "flush.ms",
        _LONG,
        str(LONG_MAX),
        "With flush.messages above 1: how long after an append its data is fsynced at the latest.",
        minimum=0,
        broker_name="log.flush.interval.ms",
    ),
    ConfigSpec(
        "follower.replication.throttled.replicas", _LIST, "", "Followers whose replication is throttled: none here yet."
    ),
    ConfigSpec(
        "index.interval.bytes",
        _INT,
        "4096",
        "A segment's offset index has an entry about every so many bytes.",
        minimum=0,
        broker_name="log.index.interval.bytes",
    ),
    ConfigSpec(
        "leader.replication.throttled.replicas", _LIST, "", "Leaders whose replication is throttled: none here yet."
    ),
    ConfigSpec(
        "local.retention.bytes", _LONG, "-2", _NO_TIERED_STORAGE, minimum=-2, broker_name="log.local.retention.bytes"
    ),
    ConfigSpec("local.retention.ms", _LONG, "-2", _NO_TIERED_STORAGE, minimum=-2, broker_name="log.local.retention.ms"),
    ConfigSpec(
        "max.compaction.lag.ms",
        _LONG,
        str(LONG_MAX),
        "The longest that a record stays uncompacted.",
        minimum=1,
        broker_name="log.cleaner.max.compaction.lag.ms",
    ),
    ConfigSpec(
        "max.message.bytes",
        _INT,
        "1048588",
        "The largest record batch (after compression) that a producer may send.",
        minimum=0,
        broker_name="message.max.bytes",
    ),
    ConfigSpec(
        "message.timestamp.after.max.ms",
        _LONG,
        "3600000",
        "How far a record's timestamp may lie in the future (CreateTime only).",
        minimum=0,
        broker_name="log.message.timestamp.after.max.ms",
    ),
    ConfigSpec(
        "message.timestamp.before.max.ms",
        _LONG,
        str(LONG_MAX),
        "How far a record's timestamp may lie in the past (CreateTime only).",
        minimum=0,
        broker_name="log.message.timestamp.before.max.ms",
    ),
    ConfigSpec(
        "message.timestamp.type",
        _STRING,
        "CreateTime",
        "Whether a record's timestamp is the producer's (CreateTime) or the log's (LogAppendTime).",
        choices=("CreateTime", "LogAppendTime"),
        broker_name="log.message.timestamp.type",
    ),
    ConfigSpec(
        "min.cleanable.dirty.ratio",
        _DOUBLE,
        "0.5",
        "How much of a compacted log must be uncompacted before it is compacted again.",
        minimum=0,
        maximum=1,
        broker_name="log.cleaner.min.cleanable.ratio",
    ),
    ConfigSpec(
        "min.compaction.lag.ms",
        _LONG,
        "0",
        "How long a record stays uncompacted at least.",
        minimum=0,
        broker_name="log.cleaner.min.compaction.lag.ms",
    ),
    ConfigSpec(
        "min.insync.replicas",
        _INT,
        "1",
        "How many replicas must be in sync for a write with acks=all to be accepted.",
        minimum=1,
        broker_name="min.insync.replicas",
    ),
    ConfigSpec(
        "preallocate",
        _BOOLEAN,
        "false",
        "Has no effect: segments grow as they are written.",
        broker_name="log.preallocate",
    ),
    ConfigSpec("remote.log.copy.disable", _BOOLEAN, "false", _NO_TIERED_STORAGE),
    ConfigSpec("remote.log.delete.on.disable", _BOOLEAN, "false", _NO_TIERED_STORAGE),
    ConfigSpec("remote.storage.enable", _BOOLEAN, "false", _NO_TIERED_STORAGE),
    ConfigSpec(
        "retention.bytes",
        _LONG,
        "-1",
        "Oldest segments are deleted while a partition is larger than this; -1 sets no limit.",
        broker_name="log.retention.bytes",
    ),
    ConfigSpec(
        "retention.ms",
        _LONG,
        "604800000",
        "Segments are deleted when their newest record is older than this; -1 sets no limit.",
        minimum=-1,
        broker_name="log.retention.ms",
    ),
    ConfigSpec(
        "segment.bytes",
        _INT,
        "1073741824",
        "Size at which a new segment begins.",
        minimum=14,
        broker_name="log.segment.bytes",
    ),
    ConfigSpec(
        "segment.index.bytes",
        _INT,
        "10485760",
        "Has no effect: indexes grow as they are written.",
        minimum=4,
        broker_name="log.index.size.max.bytes",
    ),
    ConfigSpec(
        "segment.jitter.ms",
        _LONG,
        "0",
        "Has no effect: segments of many partitions do not roll at once.",
        minimum=0,
        broker_name="log.roll.jitter.ms",
    ),
    ConfigSpec(
        "segment.ms", _LONG, "604800000", "Age at which a new segment begins.", minimum=1, broker_name="log.roll.ms"
    ),
    ConfigSpec(
        "unclean.leader.election.enable",
        _BOOLEAN,
        "false",
        "Whether a replica that is not in sync may become leader, losing records.",
        broker_name="unclean.leader.election.enable",
    ),
]

TOPIC_CONFIGS: dict[str, ConfigSpec] = {spec.name: spec for spec in _SPECS}


def check_topic_configs(configs: Mapping[str, str]) -> None:
    """Raises LogError INVALID_CONFIG for the first name or value that no topic takes."""
    for name, value in configs.items():
        if name not in TOPIC_CONFIGS:
            raise LogError(ErrorCode.invalid_config, f"Unknown topic config name: {name}")
        TOPIC_CONFIGS[name].check(value)
