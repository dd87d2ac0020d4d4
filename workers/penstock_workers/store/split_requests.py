"""Wishes of sources to have their work divided anew, in `connect-cluster`.

    split-NAME  {"request": ID}

A wish is granted by dividing the work under its id; the last one counts. Pure: no I/O.
"""

from __future__ import annotations

import orjson

from penstock_workers.store.records import TableRecord, parse_object

PREFIX = "split-"


class SplitRequests:
    def __init__(self) -> None:
        self.latest: dict[str, str] = {}
        """By connector."""

    def apply(self, record: TableRecord) -> None:
        """Take in a record. Raises UnreadableRecord."""
        key = record.key.decode(errors="replace")
        name = key.removeprefix(PREFIX)
        if record.value is None:
            self.latest.pop(name, None)
        else:
            self.latest[name] = str(parse_object(record.value, key).get("request", ""))


def split_request_record(connector: str, request: str) -> TableRecord:
    return TableRecord(f"{PREFIX}{connector}".encode(), orjson.dumps({"request": request}))
