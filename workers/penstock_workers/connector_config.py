"""The options that every connector has, beside its own."""

from __future__ import annotations

from penstock import Config, option

CONNECTOR_NAME_PATTERN = r"^[^\x00-\x1f/]+$"

# Values are bytes from connector to log in both: a string is its UTF-8 text.
CONVERTERS = (
    "org.apache.kafka.connect.storage.StringConverter",
    "org.apache.kafka.connect.converters.ByteArrayConverter",
)

EXACTLY_ONCE = "exactly-once"
AT_LEAST_ONCE = "at-least-once"


class CommonConnectorConfig(Config):
    """What may be set for any connector, beside the connector's own options."""

    name: str = option("Name of the connector.", pattern=CONNECTOR_NAME_PATTERN, group="Common")
    connector_class: str = option(
        "Connector class, as GET /connector-plugins names it; the class's name alone will do.", group="Common"
    )
    tasks_max: int = option(
        "Largest number of tasks: a sink has as many, members of one consumer group; a source has one.",
        default=1,
        minimum=1,
        importance="high",
        group="Common",
    )
    key_converter: str = option(
        "How keys become bytes.", default=CONVERTERS[1], choices=CONVERTERS, importance="low", group="Common"
    )
    value_converter: str = option(
        "How values become bytes.", default=CONVERTERS[1], choices=CONVERTERS, importance="low", group="Common"
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
