"""The names of the converters, as configurations write them: the native ones, and Kafka Connect's Java classes.

Names only: the worker and REST check configurations by them without importing a converter.
"""

from __future__ import annotations

JAVA_NAMES = {
    "org.apache.kafka.connect.converters.ByteArrayConverter": "bytes",
    "org.apache.kafka.connect.storage.StringConverter": "string",
    "org.apache.kafka.connect.json.JsonConverter": "json",
    "org.apache.kafka.connect.converters.BooleanConverter": "boolean",
    "org.apache.kafka.connect.converters.ShortConverter": "short",
    "org.apache.kafka.connect.converters.IntegerConverter": "integer",
    "org.apache.kafka.connect.converters.LongConverter": "long",
    "org.apache.kafka.connect.converters.FloatConverter": "float",
    "org.apache.kafka.connect.converters.DoubleConverter": "double",
    "org.apache.kafka.connect.storage.SimpleHeaderConverter": "simple",
}
"""The native name of each."""

BYTES = "bytes"
STRING = "string"
JSON = "json"
SIMPLE = "simple"

CONVERTERS = (
    *(name for name in JAVA_NAMES.values() if name != SIMPLE),
    *(java for java, name in JAVA_NAMES.items() if name != SIMPLE),
)
HEADER_CONVERTERS = (
    *(name for name in JAVA_NAMES.values() if name in (BYTES, STRING, JSON, SIMPLE)),
    *(java for java, name in JAVA_NAMES.items() if name in (BYTES, STRING, JSON, SIMPLE)),
)


def native_name(name: str) -> str:
    """`json` of `json` and of `org.apache.kafka.connect.json.JsonConverter`."""
    return JAVA_NAMES.get(name, name)
