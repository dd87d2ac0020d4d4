"""A connector's rate limits, in its tasks, changed while they run."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock_workers.task_host import Progress

from .conftest import Hosted, Run

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIMIT, BYTES = "rate.limit.records.per.second", "rate.limit.bytes.per.second"


def moved(hosted: Hosted) -> int:
    return max((event.records_total for event in hosted.events if isinstance(event, Progress)), default=0)


def is_committed(hosted: Hosted) -> bool:
    progress = hosted.progress()
    return progress is not None and progress.records_total > 0 and not progress.records_in_flight


@pytest.mark.parametrize("limit", ["rate_limit_records_per_second", "rate_limit_bytes_per_second"])
async def test_a_limited_source_waits_and_goes_on_when_it_is_told(
    run: Run, log: str, fresh_topic: str, limit: str
) -> None:
    """Ten records pass at once; their debt is paid off in hours."""
    hosted = await run("sources:Counting", bootstrap_servers=log, topic=fresh_topic, end="500", **{limit: "0.001"})
    await hosted.until(lambda: moved(hosted) == 10)
    hosted.host.tell(hosted.host.spec.config | {LIMIT: "0", BYTES: "0"})
    await hosted.until(lambda: moved(hosted) == 500)


async def test_a_limited_source_stops_at_once(run: Run, log: str, fresh_topic: str) -> None:
    hosted = await run(
        "sources:Counting", bootstrap_servers=log, topic=fresh_topic, rate_limit_records_per_second="0.001"
    )
    await hosted.until(lambda: moved(hosted) == 10)
    await hosted.host.stop(60.0)
    assert hosted.all_printed("close")


async def test_a_limited_sink_commits_what_it_wrote_and_stops_at_once(
    run: Run, log: str, fresh_topic: str, tmp_path: Path
) -> None:
    source = await run("sources:Counting", bootstrap_servers=log, topic=fresh_topic, name="numbers", end="100")
    await source.until(lambda: moved(source) == 100)
    limited = {"rate_limit_records_per_second": "0.001", "file": str(tmp_path / "records")}
    sink = await run("sinks:Writing", bootstrap_servers=log, topics=fresh_topic, name=fresh_topic, **limited)
    await sink.until(lambda: moved(sink) > 0)
    await sink.until(lambda: is_committed(sink))
    await sink.host.stop(60.0)
    assert sink.all_printed("close")
