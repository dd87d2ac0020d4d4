"""Which of the changes counts that several workers make of one connector at the same time: the first in the log.

A change writes all records of its connector, each with two further fields: "claim" names the change, "based-on" the
versions of the connector that its author knew of. Every reader passes over the records of a change that is based on
former versions only; its author makes it anew on what there is then. A deletion is such a change: its claim is in the
record in front of its tombstones. What other programs write, without a claim, counts in any case. Pure: no I/O.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator

import orjson

from penstock_workers.store.records import TableRecord, parse_object

CLAIM = b'"claim"'
DELETES = "deletes"
"""The field of a deletion that names the keys of the tombstones right behind it."""
NOTHING = ""
"""The version of a connector that never existed, or that another program deleted."""


class ConfigClaims:
    def __init__(self) -> None:
        self._versions: dict[str, str] = {}
        """By connector: the claim of its last change, be it a deletion, or what stands for it in a record that another
        program wrote."""
        self._lost: set[str] = set()
        self._tombstones_of_lost: set[str] = set()
        """Keys of the deletion that has just lost: its tombstones are the next records."""
        self.contested: dict[str, set[str]] = {}
        """By connector that has to be written once more: lost claims whose records lie behind those that count.
        Compaction would keep them, and whoever reads no more than that would take them for true."""

    def version(self, connector: str) -> str:
        return self._versions.get(connector, NOTHING)

    def has_lost(self, claim: str) -> bool:
        return claim in self._lost

    def lets_through(self, record: TableRecord, key: str, connector: str) -> bool:
        """Whether the record counts. `connector`: where it is its configuration or its commit. Its first record,
        a configuration or a deletion, decides for all records of a change."""
        if record.value is None:
            if key in self._tombstones_of_lost:
                self._tombstones_of_lost.remove(key)
                return False
            return True
        self._tombstones_of_lost.clear()
        if CLAIM not in record.value:
            return True
        content = parse_object(record.value, key)
        claim, based_on = content.get("claim"), content.get("based-on")
        if not isinstance(claim, str) or not isinstance(based_on, list):
            return True
        if connector and claim not in self._lost and ("properties" in content or DELETES in content):
            self._decide(connector, claim, list(map(str, based_on)))
        if claim not in self._lost:
            return True
        deletes = content.get(DELETES)
        self._tombstones_of_lost.update(map(str, deletes if isinstance(deletes, list) else ()))
        return False

    def written(self, connector: str, value: bytes) -> None:
        """The connector, or its target state, is what this record says."""
        if CLAIM not in value:
            self._versions[connector] = hashlib.sha256(value).hexdigest()
            self.contested.pop(connector, None)

    def gone(self, connector: str, *, existed: bool) -> None:
        """By a tombstone: of another program, where no claim has deleted it before."""
        if existed:
            self._versions[connector] = NOTHING
            self.contested.pop(connector, None)
        else:
            self._versions.setdefault(connector, NOTHING)

    def write_once_more(self, connectors: Iterable[str]) -> None:
        """The log has lost what it said of them."""
        for connector in connectors:
            self.contested.setdefault(connector, set())

    def _decide(self, connector: str, claim: str, based_on: Collection[str]) -> None:
        if self._counts(connector, claim, based_on):
            self._versions[connector] = claim
            self._settle(connector, based_on)
        else:
            self._lost.add(claim)
            self.contested.setdefault(connector, set()).add(claim)

    def _counts(self, connector: str, claim: str, based_on: Collection[str]) -> bool:
        """A change that is read twice is one whose author heard no answer, and sent it again. A connector of which
        nothing is known may have a past that was compacted away."""
        return connector not in self._versions or self._versions[connector] in (claim, *based_on)

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
