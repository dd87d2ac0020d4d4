"""Which of the changes counts that several workers make of one connector at the same time: the first in the log.

A change writes all records of its connector, each with two further fields: "claim" names the change, "based-on" the
versions of the connector that its author knew of. Every reader passes over the records of a change that is based on
former versions only; its author makes it anew on what there is then. What other programs write, without a claim, counts
in any case, and so does a deletion. Pure: no I/O.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator

import orjson

from penstock_workers.store.records import TableRecord, parse_object

CLAIM = b'"claim"'
NOTHING = ""
"""The version of a connector that does not exist."""


class ConfigClaims:
    def __init__(self) -> None:
        self._versions: dict[str, str] = {}
        """By connector: the claim of its last change, or what stands for it in a record that another program wrote."""
        self._deleted: dict[str, str] = {}
        """The last version of each connector that was deleted."""
        self._lost: set[str] = set()
        self.contested: dict[str, set[str]] = {}
        """By connector: lost claims whose records lie behind those that count. Compaction would keep them, and whoever
        reads no more than that would take them for true: what counts has to be written once more."""

    def version(self, connector: str) -> str:
        return self._versions.get(connector, NOTHING)

    def has_lost(self, claim: str) -> bool:
        return claim in self._lost

    def lets_through(self, record: TableRecord, key: str, connector: str) -> bool:
        """Whether the record counts. `connector`: where it is a connector's own, which comes first and decides for all
        records of its change."""
        if record.value is None or CLAIM not in record.value:
            return True
        content = parse_object(record.value, key)
        claim, based_on = content.get("claim"), content.get("based-on")
        if not isinstance(claim, str) or not isinstance(based_on, list):
            return True
        if connector and claim not in self._lost:
            self._decide(connector, claim, based_on)
        return claim not in self._lost

    def written(self, connector: str, value: bytes) -> None:
        """The connector, or its target state, is what this record says."""
        self._deleted.pop(connector, None)
        if CLAIM not in value:
            self._versions[connector] = hashlib.sha256(value).hexdigest()
            self.contested.pop(connector, None)

    def deleted(self, connector: str) -> None:
        self._deleted[connector] = self._versions.pop(connector, NOTHING)
        self.contested.pop(connector, None)

    def _decide(self, connector: str, claim: str, based_on: Collection[str]) -> None:
        if self._counts(connector, claim, based_on):
            self._versions[connector] = claim
            self._settle(connector, based_on)
        else:
            self._lost.add(claim)
            self.contested.setdefault(connector, set()).add(claim)

    def _counts(self, connector: str, claim: str, based_on: Collection[str]) -> bool:
        """A change that is read twice is one whose author heard no answer, and sent it again. A connector that is
        neither there nor deleted may have a past that was compacted away."""
        if connector in self._versions:
            return self._versions[connector] in (claim, *based_on)
        if connector in self._deleted:
            return NOTHING in based_on and self._deleted[connector] != claim
        return True

    def _settle(self, connector: str, lost: Iterable[str]) -> None:
        """Behind the records of these lies one that says the right thing."""
        left = self.contested.pop(connector, set()).difference(lost)
        if left:
            self.contested[connector] = left


def claimed(records: Iterable[TableRecord], claim: str, based_on: Iterable[str]) -> Iterator[TableRecord]:
    """The same, to count only where the connector is still of one of these versions. Its own record comes first."""
    marks = {"claim": claim, "based-on": sorted(based_on)}
    for key, value in records:
        yield TableRecord(key, value and orjson.dumps(orjson.loads(value) | marks))
