"""The options that every connector has, beside its own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import get_args

from penstock import Config, option
from penstock_workers.client.compression import Compression
from penstock_workers.client.fetcher import Beginning, Isolation
from penstock_workers.converters.keys import part_of
from penstock_workers.kafka_connect_options import is_foreign

_IN_NAME = r"[^\x00-\x1f/]"
_BEGINS_NAME = r"[^\x00-\x1f/.]"
CONNECTOR_NAME_PATTERN = (
    rf"^(?:{_BEGINS_NAME}{_IN_NAME}{{0,254}}|\.{_BEGINS_NAME}{_IN_NAME}{{0,253}}|\.\.{_IN_NAME}{{1,253}})$"
)
"""What a URL can name: a character may take twelve of its 8190 bytes, and clients take `.` and `..` for folders."""

EXACTLY_ONCE = "exactly-once"
AT_LEAST_ONCE = "at-least-once"

MOST_TASKS = 10_000
"""Each is a process and a record: a slip of the keyboard must not take the memory of all workers."""

TOLERATE_NONE = "none"
TOLERATE_ALL = "all"
DEAD_LETTER_TOPIC_PATTERN = r"^[a-zA-Z0-9._-]{0,249}$"


class CommonConnectorConfig(Config):
    """What may be set for any connector, beside the connector's own options."""

    name: str = option(
        "Name of the connector: at most 255 characters, no slash and no control character among them.",
        pattern=CONNECTOR_NAME_PATTERN,
        group="Common",
    )
    connector_class: str = option(
        "Connector class, as GET /connector-plugins names it; the class's name alone will do.", group="Common"
    )
    tasks_max: int = option(
        "Largest number of tasks: a sink has as many, members of one consumer group; a source has one.",
        default=1,
        minimum=1,
        maximum=MOST_TASKS,
        importance="high",
        group="Common",
    )
    task_weight: float = option(
        "What a task of this connector counts for where tasks are spread over workers; 1 is an ordinary one.",
        default=1.0,
        minimum=0.01,
        maximum=1000.0,
        importance="low",
        group="Common",
    )
    delivery: str = option(
        "Sources: exactly-once writes records and positions in one transaction; at-least-once needs none, and a crash"
        " brings some records again.",
        default=EXACTLY_ONCE,
        choices=(EXACTLY_ONCE, AT_LEAST_ONCE),
        group="Common",
    )
    exactly_once_support: str = option(
        "Kafka Connect's word, accepted so that its configurations pass: see delivery.",
        default="requested",
        choices=("requested", "required"),
        importance="low",
        group="Common",
    )
    key_converter: str | None = option(
        "How keys become bytes in the log, and bytes keys. Default: the worker's key.converter; without that as"
        " they are, or json where the connector works with values.",
        default=None,
        importance="low",
        group="Converters",
    )
    value_converter: str | None = option(
        "How values become bytes in the log, and bytes values; likewise. Kafka Connect's class names are understood. A"
        " converter's own options follow its key: value.converter.schemas.enable.",
        default=None,
        group="Converters",
    )
    header_converter: str | None = option(
        "How the values of headers become bytes in the log, and bytes values. Default: the worker's header.converter;"
        " without that as they are, or simple where the connector works with values.",
        default=None,
        importance="low",
        group="Converters",
    )
    producer_override_compression_type: str = option(
        "How a source's records are compressed in the log.",
        default="lz4",
        choices=get_args(Compression),
        importance="low",
        group="Kafka clients",
    )
    consumer_override_group_id: str | None = option(
        "Consumer group of a sink. Default: connect-NAME.", default=None, importance="low", group="Kafka clients"
    )
    consumer_override_auto_offset_reset: str = option(
        "Where a sink begins in a partition of which its group knows no offset.",
        default="earliest",
        choices=get_args(Beginning),
        importance="low",
        group="Kafka clients",
    )
    consumer_override_isolation_level: str = option(
        "Whether a sink waits for transactions to be committed, or reads what may yet be aborted.",
        default="read_committed",
        choices=get_args(Isolation),
        importance="low",
        group="Kafka clients",
    )
    errors_tolerance: str = option(
        "What becomes of a record that cannot be converted, written or stored: none fails the task at it, all goes on"
        " without it.",
        default=TOLERATE_NONE,
        choices=(TOLERATE_NONE, TOLERATE_ALL),
        group="Error handling",
    )
    errors_retry_timeout: int = option(
        "How long, in milliseconds, what fails for a passing reason is tried again: -1 for ever, 0 not at all. Then it"
        " counts as failed.",
        default=-1,
        minimum=-1,
        group="Error handling",
    )
    errors_retry_delay_max_ms: int = option(
        "The longest pause between two tries; pauses double from one to the next and vary by up to a quarter.",
        default=60_000,
        minimum=1,
        importance="low",
        group="Error handling",
    )
    errors_log_enable: bool = option(
        "Log each record that the task goes on without: why, and its place.", default=False, group="Error handling"
    )
    errors_log_include_messages: bool = option(
        "Log its key and value too.", default=False, importance="low", group="Error handling"
    )
    errors_deadletterqueue_topic_name: str = option(
        "Topic that receives, as they were, the records that the task goes on without. Of sinks and of sources. Empty:"
        " they are dropped.",
        default="",
        pattern=DEAD_LETTER_TOPIC_PATTERN,
        group="Error handling",
    )
    errors_deadletterqueue_topic_replication_factor: int = option(
        "Copies of that topic where it has to be made; fewer where the log has fewer nodes.",
        default=3,
        minimum=1,
        maximum=32767,
        importance="low",
        group="Error handling",
    )
    errors_deadletterqueue_context_headers_enable: bool = option(
        "Say in headers __connect.errors.* where each dead letter comes from and why it failed. Without them it can"
        " be read, and not be replayed.",
        default=True,
        importance="low",
        group="Error handling",
    )
    restart_max_attempts: int = option(
        "How often in a row a task is started again by itself after it died or failed unexpectedly; then it stays"
        " FAILED. -1: for ever. 0: never.",
        default=-1,
        minimum=-1,
        group="Recovery",
    )
    restart_backoff_seconds: float = option(
        "Pause before the first restart; it doubles with each in a row, and varies by up to half.",
        default=0.25,
        minimum=0.01,
        importance="low",
        group="Recovery",
    )
    restart_backoff_max_seconds: float = option(
        "The longest such pause.", default=10.0, minimum=0.01, importance="low", group="Recovery"
    )
    restart_window_seconds: float = option(
        "A task that ran that long before it failed starts over with the first pause and the full number of attempts.",
        default=10.0,
        minimum=0.0,
        importance="low",
        group="Recovery",
    )
    stuck_after_seconds: float = option(
        "A running task with input waiting that has moved no record for so long is marked as stuck. 0: never.",
        default=300.0,
        minimum=0.0,
        group="Recovery",
    )
    stuck_restart: bool = option("Start a task that is stuck again.", default=False, group="Recovery")
    memory_max_bytes: int = option(
        "How much memory of its own the process of a task may have; an allocation beyond that fails, and with it the"
        " task. 0: as much as there is.",
        default=0,
        minimum=0,
        group="Limits",
    )
    cpu_max_seconds: int = option(
        "How much processor time one run of a task may use; then its process is ended, and started again as after"
        " any death. 0: as much as it takes.",
        default=0,
        minimum=0,
        importance="low",
        group="Limits",
    )
    rate_limit_records_per_second: float = option(
        "Most records that all tasks of the connector together may move in a second, each an equal share. 0: no limit.",
        default=0.0,
        minimum=0.0,
        group="Limits",
    )
    rate_limit_bytes_per_second: float = option(
        "Most bytes of keys and values, as above. 0: no limit.", default=0.0, minimum=0.0, group="Limits"
    )


def common_config(config: Mapping[str, str]) -> CommonConnectorConfig:
    """The common options of a connector's whole configuration. Raises BadConfiguration."""
    return CommonConnectorConfig.parse({key: value for key, value in config.items() if key in _DEFAULTS})


def is_common(key: str) -> bool:
    """An option of the platform: a connector is not told it, unless it has one of the same name."""
    return key in _DEFAULTS or key in (SPLIT_OF, TASK_CLASS) or part_of(key) is not None or is_foreign(key)


def sink_group(name: str, config: Mapping[str, str]) -> str:
    """The consumer group of a sink's tasks."""
    return config.get("consumer.override.group.id") or f"connect-{name}"


SPLIT_OF = "penstock.split"
"""In the configuration of a task only: what its connector's work was divided by. Tasks never see it."""
TASK_CLASS = "task.class"
"""In the configuration of a task only: what Kafka Connect runs it with. It starts no paused task without that when a
cluster moves back. Tasks never see it."""
LIVE_PREFIXES = ("restart.", "stuck.", "rate.limit.")
"""Options of the platform that a running task takes up as they change; any other starts it anew."""

_LIVE = {key for key in CommonConnectorConfig.json_schema()["properties"] if key.startswith(LIVE_PREFIXES)} | {SPLIT_OF}
_DEFAULTS = {key: each.get("default") for key, each in CommonConnectorConfig.json_schema()["properties"].items()}


def without_live_options(config: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in config.items() if key not in _LIVE}


def number_of(config: Mapping[str, str], key: str) -> float:
    """The value of a common option that is a number. REST lets no bad one through; what somebody else wrote into the
    log counts as the default, and must not stop the worker."""
    try:
        value = float(config[key])
    except (KeyError, ValueError):
        value = math.nan
    return value if math.isfinite(value) else float(_DEFAULTS[key])


def flag_of(config: Mapping[str, str], key: str) -> bool:
    """Likewise, of one that is true or false."""
    text = config.get(key, "").strip().lower()
    return text == "true" if text in ("true", "false") else bool(_DEFAULTS[key])
