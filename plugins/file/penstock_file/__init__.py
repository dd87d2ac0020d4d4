"""Files as sources and sinks: `FileSource` tails log files, `FileSink` writes topics out. `FileStreamSource` and
`FileStreamSink` do what Kafka Connect's connectors of these names do."""

from collections.abc import Sequence

from penstock import hookimpl
from penstock.connector import ConnectorClass
from penstock_file.sink import FileSink
from penstock_file.source import FileSource
from penstock_file.stream_sink import FileStreamSink
from penstock_file.stream_source import FileStreamSource

__all__ = ["FileSink", "FileSource", "FileStreamSink", "FileStreamSource"]


@hookimpl
def penstock_connectors() -> Sequence[ConnectorClass]:
    return [FileSource, FileSink, FileStreamSource, FileStreamSink]
