"""GeneratorSource: the contract, and what is promised of its records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock import BadConfiguration, Batch, Positions
from penstock.testing import SourceContract
from penstock_generator import GeneratorSource
from penstock_generator.formats import NUMBER, TEMPLATES, Format
from penstock_generator.source import GeneratorConfig, Pace


class TestGeneratorContract(SourceContract):
    connector = GeneratorSource
    readme = Path(__file__).parents[1] / "README.md"

    def make_world(self, directory: Path) -> dict[str, Any]:
        return {"topic": "generated", "records": 12_345, "rate.per.second": 0}


async def generate(**config: Any) -> list[Batch]:
    source = GeneratorSource(GeneratorConfig.parse({"topic": "generated"} | config))
    return [batch async for batch in source.read(Positions())]


def test_a_name_that_no_topic_may_have_is_refused_before_anything_runs() -> None:
    with pytest.raises(BadConfiguration, match="topic"):
        GeneratorConfig.parse({"topic": "a b"})


@given(
    name=st.sampled_from(sorted(TEMPLATES)),
    first=st.integers(0, 10**9),
    counts=st.lists(st.integers(0, 3000), min_size=1, max_size=4),
)
def test_record_is_the_same_however_it_is_reached(name: str, first: int, counts: list[int]) -> None:
    content = Format(name, seed=7)
    pieces: list[bytes] = []
    for count in counts:
        pieces += content.records(first + len(pieces), count)
    assert pieces == content.records(first, sum(counts))
    assert [int(number) for record in pieces for number in NUMBER.findall(record)] == list(
        range(first, first + len(pieces))
    )


def test_another_seed_gives_other_records() -> None:
    assert Format("json", seed=1).records(0, 10) != Format("json", seed=2).records(0, 10)


async def test_json_records_are_json() -> None:
    (batch,) = await generate(records=1000, format="json", **{"rate.per.second": 0})
    assert [json.loads(value)["number"] for value in batch.values if value] == list(range(1000))


@pytest.mark.parametrize("rate", [0, 5, 20_000])
async def test_ends_after_the_set_number(rate: float) -> None:
    batches = await generate(records=1, **{"rate.per.second": rate})
    assert sum(map(len, batches)) == 1


@given(
    rate=st.floats(0.1, 1e6),
    pauses=st.lists(st.floats(0, 20), min_size=1, max_size=20),
)
def test_pace_keeps_the_rate(rate: float, pauses: list[float]) -> None:
    """Never more than the rate over all the time, and never more at once than a second's worth, or a single record."""
    now = 1000.0
    pace, sent = Pace(rate, now), 0
    for pause in pauses:
        now += pause
        count = pace.take(10**9, now)
        assert count <= max(1.0, rate) + 1e-3 * rate
        sent += count
    assert sent <= (now - 1000.0) * rate + 1e-3 * rate


def test_pace_sends_all_that_is_due() -> None:
    pace, now, sent = Pace(50.0, 0.0), 0.0, 0
    while now < 10:
        now += pace.seconds_to_wait(now)
        sent += pace.take(5000, now)
    assert 495 <= sent <= 505
