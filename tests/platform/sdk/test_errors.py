"""What an error says of its cause."""

from __future__ import annotations

from penstock import Failed
from penstock.errors import root_cause


def test_the_innermost_cause_is_told() -> None:
    error = Failed("the disk is full")
    error.__cause__ = RuntimeError("cannot write")
    error.__cause__.__cause__ = OSError("No space left")
    assert error.to_dict()["cause"] == "OSError: No space left"


def test_a_chain_without_an_end_is_left_where_it_comes_round() -> None:
    """As `raise error from error` makes it, or two that name each other."""
    alone = Failed("the disk is full")
    alone.__cause__ = alone
    assert alone.to_dict()["cause"] == ""
    first, second = Failed("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    assert first.to_dict()["cause"] == "ValueError: second"
    assert root_cause(second) is first
