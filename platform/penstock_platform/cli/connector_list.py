"""`penstock connector list`: all connectors at a glance, those that need somebody first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import click

from penstock_platform.cli.output import human, output_option, print_json, print_table, state_text, tell_unanswered
from penstock_platform.cli.rest_client import RestClient, url_option

NUMBERS = ("LAG", "RECORDS", "RATE/S", "RESTARTS")
HEADINGS = ("STATE", "NAME", "TASKS", *NUMBERS, "TYPE", "CLASS", "WORKER", "CAUSE")
IN_ORDER = ("FAILED", "RESTARTING", "UNASSIGNED", "PAUSED", "STOPPED", "RUNNING")


@click.command("list")
@url_option
@output_option
def command(url: str, output: str) -> None:
    """All connectors, those that do not work first.

    LAG: in the log, not yet written by the sink. RECORDS: moved since the tasks started. RATE/S: over the last ten
    seconds. RESTARTS: of tasks, by themselves or by request.
    """
    client = RestClient(url)
    answer = client.call("GET", "/connectors?expand=status&expand=info")
    if output == "json":
        print_json(answer)
        return
    if not answer:
        click.echo("No connectors yet. Create one: penstock connector create NAME --config FILE", err=True)
        return
    metrics = client.call("GET", "/penstock/metrics")
    numbers = defaultdict(list)
    for task in metrics["tasks"]:
        numbers[task["connector"]].append(task)
    rows = [(state_of(entry["status"]), _row(entry, numbers[name])) for name, entry in answer.items()]
    rows.sort(key=lambda row: (IN_ORDER.index(row[0]) if row[0] in IN_ORDER else -1, row[1][1]))
    print_table(HEADINGS, [row for _, row in rows])
    tell_unanswered(metrics["unanswered"])


def state_of(status: dict[str, Any]) -> str:
    """The worst of connector and tasks: what a person has to look at."""
    states = [status["connector"]["state"], *(task["state"] for task in status["tasks"])]
    worst = ("FAILED", "RESTARTING", "UNASSIGNED") if states[0] == "RUNNING" else ("FAILED", "RESTARTING")
    return next((state for state in worst if state in states), str(states[0]))


def _row(entry: dict[str, Any], numbers: Sequence[dict[str, Any]]) -> list[Any]:
    status, config = entry["status"], entry["info"]["config"]
    tasks = status["tasks"]
    running = sum(task["state"] == "RUNNING" for task in tasks)
    return [
        state_text(state_of(status)),
        status["name"],
        f"{running}/{len(tasks)}",
        *number_cells(numbers),
        status["type"],
        config.get("connector.class", "").rpartition(".")[2],
        ",".join(sorted({task["worker_id"] for task in tasks})),
        _cause(status),
    ]


def number_cells(tasks: Sequence[dict[str, Any]]) -> list[Any]:
    """NUMBERS of these tasks together; empty where nothing is known."""
    if not tasks:
        return [""] * len(NUMBERS)
    lags = [task["records_lag"] for task in tasks if task["records_lag"] is not None]
    return [
        human(sum(lags)) if lags else "",
        human(sum(task["records_total"] for task in tasks)),
        human(round(sum(task["records_per_second"] for task in tasks), 1)),
        sum(task["restarts"] for task in tasks) or "",
    ]


def _cause(status: dict[str, Any]) -> str:
    for part in (status["connector"], *status["tasks"]):
        if part.get("trace"):
            return str(part["trace"]).splitlines()[0]
        if part.get("is_stuck"):
            return f"task {part['id']} is stuck"
    return ""
