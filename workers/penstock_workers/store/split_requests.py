"""Wishes of sources to have their work divided anew, in `connect-cluster`.

    split-NAME  {"request": ID}

A wish is granted by dividing the work under its id; the last one counts. Pure: no I/O.
"""

from __future__ import annotations

import orjson

from penstock_workers.store.records import TableRecord
from penstock_workers.store.rows import Rows

PREFIX = "split-"


class SplitRequests(Rows[str]):
    def __init__(self) -> None:
        super().__init__(PREFIX, lambda content: str(content["request"]))


def split_request_record(connector: str, request: str) -> TableRecord:
    return TableRecord(f"{PREFIX}{connector}".encode(), orjson.dumps({"request": request}))
