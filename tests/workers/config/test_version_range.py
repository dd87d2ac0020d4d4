"""Maven's ranges, as KIP-891 has them."""

from __future__ import annotations

import pytest

from penstock_workers.version_range import fits


@pytest.mark.parametrize(
    ("wanted", "fitting", "others"),
    [
        ("latest", ["1", "", "odd"], []),
        ("1.2", ["1.2", "1.2.0"], ["1.2.1", "1.1", "", "odd"]),
        (" [1.2] ", ["1.2"], ["1.3"]),
        ("[1.0,2.0)", ["1.0", "1.9.9", "2.0rc1"], ["0.9", "2.0", "3"]),
        ("(1.0, 2.0]", ["1.0.1", "2.0"], ["1.0", "2.1"]),
        ("[1.5,)", ["1.5", "99"], ["1.4"]),
        ("(,1.5]", ["0", "1.5"], ["1.6"]),
        ("(,)", ["0"], ["odd"]),
        ("(,1.0],[1.2,)", ["1.0", "1.2", "2"], ["1.1"]),
        ("odd", ["odd"], []),
    ],
)
def test_which_versions_are_in_a_range(wanted: str, fitting: list[str], others: list[str]) -> None:
    assert [version for version in fitting if not fits(version, wanted)] == []
    assert [version for version in others if fits(version, wanted)] == []


@pytest.mark.parametrize(
    "wanted", ["", "[1.0", "1.0]x", "(1.0)", "[2,1]", "[1,2,3]", "[]", "newest", "[1.0,x)", "[1]]"]
)
def test_what_is_no_range_is_told(wanted: str) -> None:
    with pytest.raises(ValueError, match=r"version|begins"):
        fits("1.0", wanted)
