"""What a dead letter says of itself, and the account of which have been put back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock import Batch
from penstock_workers.connector_config import common_config
from penstock_workers.dead_letters.letter import REPLAYED, DeadLetter
from penstock_workers.dead_letters.replay_progress import ReplayProgress, TooManyReplayed
from penstock_workers.host.dead_letters import dead_letters
from penstock_workers.host.messages import TaskSpec
from penstock_workers.host.stages import RecordFailure, Stage
from penstock_workers.log_connection import LogConnection

SPEC = TaskSpec(
    connector="c",
    task=3,
    import_path="p:C",
    type="sink",
    config={},
    log=LogConnection(),
    offset_topic="connect-offsets",
)


def letter_of(batch: Batch, index: int, error: Exception, **options: str) -> DeadLetter:
    """As it is read again from the topic."""
    config = {"name": "c", "connector.class": "C", "errors.deadletterqueue.topic.name": "dead"}
    config |= {key.replace("_", "."): value for key, value in options.items()}
    failure = RecordFailure(Stage.TASK_PUT, batch, index, error, "p.C")
    written = dead_letters(SPEC, common_config(config), [failure])
    (record,) = written
    return DeadLetter(written.topic, 0, 7, record.timestamp or 0, record.key, record.value, record.headers)


def failed(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


BATCH = Batch(
    "t",
    [b"a", b"\xff"],
    keys=[b"k", None],
    headers=[[("h", b"1")], [("h", None), ("__connect.errors.stage", b"OLD"), (REPLAYED, b"dead-0-3")]],
    timestamps=[1, 2],
    partition=4,
    offsets=[10, 12],
)


def test_it_says_where_it_comes_from_and_why_with_the_root_cause() -> None:
    letter = letter_of(BATCH, 1, failed(RuntimeError("outer"), KeyError("inner")))
    details = letter.details(replayed=False)
    assert "RuntimeError: outer" in details.pop("stacktrace")
    assert details == {
        "partition": 0,
        "offset": 7,
        "timestamp_ms": 2,
        "task": "3",
        "stage": "TASK_PUT",
        "error": {"class": "KeyError", "message": "'inner'"},
        "origin": {"topic": "t", "partition": 4, "offset": 12, "source_partition": None, "source_position": None},
        "key": None,
        "value": {"base64": "/w=="},
        "value_bytes": 1,
        "replayed": False,
        "replay_of": "dead-0-3",
        "headers": [{"name": "h", "value": None}, {"name": REPLAYED, "value": {"text": "dead-0-3"}}],
        "class": "p.C",
    }
    assert letter.target == ("t", 4)
    assert letter.may_be_of("c")
    assert not letter.may_be_of("d")


def test_put_back_it_is_what_it_was_with_one_mark() -> None:
    letter = letter_of(BATCH, 1, ValueError())
    assert letter.original_headers == [("h", None), (REPLAYED, b"dead-0-7")]


def test_a_sources_says_which_input() -> None:
    batch = Batch("t", [{"a": {1}}], source_partition={"file": "x"}, position={"byte": 5})
    letter = letter_of(batch, 0, ValueError())
    assert letter.value == b'{"a":"{1}"}'
    assert letter.target == ("t", None)
    origin = letter.summary(replayed=True)["origin"]
    assert (origin["source_partition"], origin["source_position"]) == ({"file": "x"}, {"byte": 5})


def test_without_context_it_is_only_the_record() -> None:
    letter = letter_of(BATCH, 0, ValueError(), errors_deadletterqueue_context_headers_enable="false")
    assert letter.headers == [("h", b"1")]
    assert letter.target is None
    assert letter.may_be_of("anybody")


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 30)), max_size=30))
def test_the_account_of_what_is_done(steps: list[tuple[bool, int]]) -> None:
    progress, done = ReplayProgress(), set[int]()
    for is_range, offset in steps:
        progress = progress.up_to(offset) if is_range else progress.with_([offset])
        done |= set(range(offset)) if is_range else {offset}
        progress = ReplayProgress.parse(progress.next_offset, progress.metadata)
        assert {each for each in range(40) if progress.covers(each)} == done


def test_what_one_metadata_cannot_hold_is_refused() -> None:
    with pytest.raises(TooManyReplayed):
        _ = ReplayProgress().with_(range(1, 5000)).metadata
