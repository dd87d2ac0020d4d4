"""The SDK: all that a plugin author imports, and nothing that the platform keeps to itself.

A connector is a class with a typed configuration::

    from penstock import Batch, Position, Positions, Source, SourceConfig, hookimpl, option

    class LinesConfig(SourceConfig):
        path: str = option("File to read, line by line.")
        topic: str = option("Topic that receives the lines.")

    class LinesSource(Source[LinesConfig]):
        async def read(self, positions: Positions) -> AsyncIterator[Batch]:
            position = positions.of() or {"byte": 0}
            with open(self.config.path, "rb") as file:
                file.seek(position["byte"])
                while lines := file.readlines(65536):
                    yield Batch(self.config.topic, lines, position={"byte": file.tell()})

    @hookimpl
    def penstock_connectors():
        return [LinesSource]

This package imports nothing else of Penstock's: the platform depends on it, never the reverse.
"""

from penstock.config import Config, SinkConfig, SourceConfig, option
from penstock.config_provider import ConfigProvider, ConfigProviderConfig
from penstock.connector import Connector, ConnectorClass, Sink, Source
from penstock.converter import Column, Converter, ConverterConfig, Part
from penstock.errors import (
    BadConfiguration,
    ConnectionLost,
    Failed,
    PenstockError,
    Problem,
    RetryLater,
    SkipRecord,
    WriteFailed,
)
from penstock.hooks import hookimpl
from penstock.records import (
    TOPIC_NAME_PATTERN,
    Batch,
    Header,
    Position,
    Positions,
    Record,
    Schema,
    SourcePartition,
    TopicPartition,
)

__version__ = "0.1.0"

__all__ = [
    "TOPIC_NAME_PATTERN",
    "BadConfiguration",
    "Batch",
    "Column",
    "Config",
    "ConfigProvider",
    "ConfigProviderConfig",
    "ConnectionLost",
    "Connector",
    "ConnectorClass",
    "Converter",
    "ConverterConfig",
    "Failed",
    "Header",
    "Part",
    "PenstockError",
    "Position",
    "Positions",
    "Problem",
    "Record",
    "RetryLater",
    "Schema",
    "Sink",
    "SinkConfig",
    "SkipRecord",
    "Source",
    "SourceConfig",
    "SourcePartition",
    "TopicPartition",
    "WriteFailed",
    "hookimpl",
    "option",
]
