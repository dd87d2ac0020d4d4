"""What a sink has stored, beside what was written to it. Values may be lists and mappings, which no set can hold."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any


def check_at_least(stored: Sequence[Any], written: Sequence[Any]) -> None:
    lost = missing(written, stored)
    assert not lost, f"lost {len(lost)} records: {lost[:5]}"


def check_exactly(stored: Sequence[Any], partitions: Sequence[Sequence[Any]]) -> None:
    """Each record once, and those of each partition in their order."""
    written = list(chain.from_iterable(partitions))
    check_at_least(stored, written)
    surplus = missing(stored, written)
    assert not surplus, f"stored more than once, or never written: {surplus[:5]}"
    for partition in partitions:
        assert [value for value in stored if value in partition] == partition, f"not in order: {partition[:5]} ..."


def missing(wanted: Sequence[Any], found: Sequence[Any]) -> list[Any]:
    """What is wanted more often than it is found."""
    left = list(found)
    lost = []
    for value in wanted:
        if value in left:
            left.remove(value)
        else:
            lost.append(value)
    return lost
