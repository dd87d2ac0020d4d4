"""`penstock worker list` and `penstock worker drain`: the workers of a running cluster."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import click

from penstock import PenstockError
from penstock_platform.cli.output import output_option, print_json, print_table
from penstock_platform.cli.rest_client import RestClient, url_option
from penstock_platform.cli.root import UnknownName

POLL_SECONDS = 0.2


@click.command("list")
@url_option
@output_option
def list_workers(url: str, output: str) -> None:
    """The workers of the cluster, their leader, and how many tasks each has.

    One that is away is being restarted: its tasks are kept for it for restart.timeout.ms.
    """
    answer = RestClient(url).call("GET", "/penstock/workers")
    if output == "json":
        print_json(answer)
        return
    rows = [
        [
            worker["worker_id"],
            "leader" if worker["is_leader"] else "",
            "draining" if worker["is_draining"] else "",
            len(worker["tasks"]),
            len(worker["stopping"]),
            worker["url"],
        ]
        for worker in answer["workers"]
    ]
    rows += [[worker["worker_id"], "", "away", len(worker["tasks"]), 0, ""] for worker in answer["away"]]
    print_table(["WORKER", "ROLE", "STATE", "TASKS", "STOPPING", "REST"], rows)


@click.command("drain")
@click.argument("worker_id")
@click.option("--wait", is_flag=True, help="Return when it has left.")
@url_option
def drain_worker(worker_id: str, wait: bool, url: str) -> None:
    """Have the others take over the tasks of WORKER_ID; then its process ends.

    --url may name any worker of the cluster.
    """
    workers = RestClient(url).call("GET", "/penstock/workers")["workers"]
    found = _find(worker_id, workers)
    RestClient(found["url"]).call("PUT", f"/penstock/workers/{quote(worker_id, safe='')}/drain")
    click.echo(f"Worker {worker_id} drains; its process ends when others have its tasks.", err=True)
    if wait:
        _wait_for_its_end(found["url"])
        click.echo(f"Worker {worker_id} has left.", err=True)


def _wait_for_its_end(url: str) -> None:
    """Its port is the last that it gives up."""
    client = RestClient(url)
    try:
        while True:
            client.call("GET", "/penstock/workers")
            time.sleep(POLL_SECONDS)
    except PenstockError as error:
        if error.problem.code != "no-server":
            raise


def _find(worker_id: str, workers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    for worker in workers:
        if worker["worker_id"] == worker_id:
            return worker
    hint = "`penstock worker list` shows the members of the cluster"
    raise UnknownName("is no worker of this cluster", code="unknown-worker", where=worker_id, hint=hint)
