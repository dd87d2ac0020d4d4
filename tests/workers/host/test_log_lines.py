"""What connectors log, with structlog or the standard library, and the levels that are set from outside."""

from __future__ import annotations

import logging

import pytest

from .conftest import Hosted, Run

pytestmark = pytest.mark.asyncio(loop_scope="module")

OURS = "hosted_connectors.talking"
STRUCTLOG, PLAIN = "level={} event=said", f"level={{}} event=said logger={OURS}"


def lines(hosted: Hosted) -> list[str]:
    return [str(line["line"]) for line in hosted.all_printed("text")]


def says(hosted: Hosted, *wanted: str) -> bool:
    return set(wanted) <= set(lines(hosted))


async def test_a_connectors_own_package_speaks_from_info_on(run: Run, log: str) -> None:
    hosted = await run("talking:Talking", bootstrap_servers=log)
    await hosted.until(lambda: says(hosted, STRUCTLOG.format("info"), PLAIN.format("info"), "ValueError: of mine"))
    assert f"level=error event=oh logger={OURS}" in lines(hosted)
    assert not says(hosted, STRUCTLOG.format("debug"))


async def test_levels_change_while_the_task_runs(run: Run, log: str) -> None:
    hosted = await run("talking:Talking", bootstrap_servers=log)
    await hosted.until(lambda: says(hosted, STRUCTLOG.format("info")))
    hosted.host.set_logger_levels({"hosted_connectors": logging.DEBUG})
    await hosted.until(lambda: says(hosted, STRUCTLOG.format("debug"), PLAIN.format("debug")))
    hosted.host.set_logger_levels({"root": logging.ERROR})

    def errors_since_it_said_more() -> int:
        said = [number for number, line in enumerate(lines(hosted)) if "event=said" in line]
        return lines(hosted)[said[-1] :].count(f"level=error event=oh logger={OURS}")

    await hosted.until(lambda: errors_since_it_said_more() >= 4)
