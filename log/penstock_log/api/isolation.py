"""The isolation level that a request asks for."""

from typing import Any

from penstock_log.api.registry import CloseConnection
from penstock_log.partition.results import Isolation


def isolation_of(request: Any) -> Isolation:
    """Versions without the field read uncommitted."""
    level = getattr(request, "isolation_level", 0)
    try:
        return Isolation(level)
    except ValueError:
        raise CloseConnection(f"there is no isolation level {level}") from None
