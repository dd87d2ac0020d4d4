"""Files as sources and sinks: `FileSource` tails log files, `FileSink` writes topics out."""

from collections.abc import Sequence

from penstock import hookimpl
from penstock_file.sink import FileSink
from penstock_file.source import FileSource

__all__ = ["FileSink", "FileSource"]


@hookimpl
def penstock_connectors() -> Sequence[type[FileSource] | type[FileSink]]:
    return [FileSource, FileSink]
