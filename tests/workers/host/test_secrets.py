"""What references stand for, and what options hold that are secrets, is known to the connector and to nobody else."""

from __future__ import annotations

import pytest

from penstock_workers.config_providers import ConfiguredProvider
from penstock_workers.host.secrets import HIDDEN
from penstock_workers.task_host import ErrorsSeen, Failed, Split

from .conftest import Run

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHELF = {"shelf": ConfiguredProvider("Shelf", import_path="hosted_connectors.secretive:ShelfConfigProvider")}


OPTIONS = {"url": "http://${shelf:user}:${shelf:db:password}@db/", "token": "t0ken-in-clear"}


async def test_no_error_trace_or_log_line_tells_a_secret(run: Run, log: str) -> None:
    hosted = await run("secretive:Telling", bootstrap_servers=log, config_providers=SHELF, **OPTIONS)
    failed = await hosted.until_event(Failed)
    told = f"no way to http://{HIDDEN}:{HIDDEN}@db/ with {HIDDEN}"
    assert failed.problem["message"] == told
    assert failed.trace.startswith(f"http://{HIDDEN}:{HIDDEN}@db/: {told}")
    (seen,) = [event for event in hosted.events if isinstance(event, ErrorsSeen)]
    assert [(error.outcome, error.message) for error in seen.errors] == [("retried", told)]
    lines = [str(line) for line in hosted.printed]
    assert sum(told in line for line in lines) >= 4
    for secret in ("pass-of-shelf", "user-of-shelf", "t0ken-in-clear"):
        assert secret not in f"{hosted.events} {lines}"


async def test_a_division_holds_no_secret_since_it_is_written_to_a_topic(run: Run) -> None:
    hosted = await run("secretive:Dividing", config_providers=SHELF, split_max=2, **OPTIONS)
    assert (await hosted.until_event(Split)).parts == [{"part": "0"}, {"part": "1"}]
