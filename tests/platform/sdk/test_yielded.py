"""A mistake in what a source yields is told in the author's words, before anything is made of it."""

from __future__ import annotations

from typing import Any

import pytest

from penstock import Batch
from penstock.connector import ColumnsHold
from penstock.yielded import defect_of

AT = {"byte": 7}


@pytest.mark.parametrize(
    ("batch", "defect"),
    [
        ({"a": 1}, "{'a': 1} (dict) is no Batch"),
        (None, "None (NoneType) is no Batch"),
        (Batch(None, [b"a"]), "topic is None (NoneType): a topic's name has"),  # type: ignore[arg-type]
        (Batch("no topic", [b"a"]), "topic is 'no topic' (str): a topic's name has"),
        (Batch("t", "text"), "values is 'text' (str), not a list"),
        (Batch("t", iter([b"a"])), "values is <list_iterator"),  # type: ignore[arg-type]
        (Batch("t", ["text"]), "values[0] is 'text' (str), not bytes: encode it, or say `columns_hold"),
        (Batch("t", [b"a", b"b", {"a": 1}]), "values[2] is {'a': 1} (dict), not bytes"),
        (Batch("t", [b"a"], keys=[7]), "keys[0] is 7 (int), not bytes"),
        (Batch("t", [b"a", b"b"], keys=[b"a"]), "keys is [b'a'] (list), not a list of 2 as values is"),
        (Batch("t", [b"a"], timestamps=[1.5]), "timestamps[0] is 1.5 (float), not whole milliseconds"),  # type: ignore[list-item]
        (Batch("t", [b"a"], headers=[{"a": b"b"}]), "headers[0] is {'a': b'b'} (dict), not a list of pairs"),  # type: ignore[list-item]
        (Batch("t", [b"a"], headers=[["ab"]]), "headers[0] is ['ab'] (list), not a list of pairs"),  # type: ignore[list-item]
        (Batch("t", [b"a"], timestamps=[10**30]), "timestamps[0] is 10000"),
        (Batch("t", [b"a"], partition="1"), "partition is '1' (str), not a number"),  # type: ignore[arg-type]
        (Batch("t", [b"a"], position=5), "position is 5 (int), not a mapping"),  # type: ignore[arg-type]
        (Batch("t", [b"a"], source_partition="f"), "source_partition is 'f' (str), not a mapping"),  # type: ignore[arg-type]
        (Batch("t", ["x" * 100]), f"values[0] is '{'x' * 59}... (str), not bytes"),
    ],
)
def test_a_defect_is_told(batch: Any, defect: str) -> None:
    assert defect_of(batch, "bytes").startswith(defect)


@pytest.mark.parametrize(
    ("batch", "columns_hold"),
    [
        (Batch("t", []), "bytes"),
        (Batch("t", [], position=AT), "bytes"),
        (Batch("t", [b"a", None], position={}, source_partition={"file": "a"}), "bytes"),
        (Batch("t", (b"a",), keys=(None,), timestamps=range(1), headers=[[("h", b"v")]]), "text"),
        (Batch("t", [{"a": 1}], keys=["k"], headers=[(("h", 1),)], value_schemas=[None]), "values"),
    ],
)
def test_a_sound_batch_has_none(batch: Batch, columns_hold: ColumnsHold) -> None:
    assert defect_of(batch, columns_hold) == ""


def test_each_record_is_looked_at_where_that_is_asked() -> None:
    batch = Batch("t", [b"a", 5, b"b"])
    assert defect_of(batch, "bytes") == ""
    assert defect_of(batch, "bytes", of_any_record=True).startswith("values[1] is 5 (int), not bytes")
