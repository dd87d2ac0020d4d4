from collections.abc import Sequence

from penstock import ConnectorClass, hookimpl
from penstock_sqlite.sink import TableSink
from penstock_sqlite.source import TableSource


@hookimpl
def penstock_connectors() -> Sequence[ConnectorClass]:
    return [TableSource, TableSink]
