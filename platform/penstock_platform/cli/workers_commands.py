"""`penstock worker list` and `penstock worker drain`: the workers of a running cluster."""

from __future__ import annotations

from urllib.parse import quote

import click

from penstock_platform.cli.output import output_option, print_json, print_table
from penstock_platform.cli.rest_client import RestClient, url_option
from penstock_platform.cli.root import UnknownName


@click.command("list")
@url_option
@output_option
def list_workers(url: str, output: str) -> None:
    """The workers of the cluster, their leader, and how many tasks each has."""
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
    print_table(["WORKER", "ROLE", "STATE", "TASKS", "STOPPING", "REST"], rows)


@click.command("drain")
@click.argument("worker_id")
@url_option
def drain_worker(worker_id: str, url: str) -> None:
    """Have the others take over the tasks of WORKER_ID; then its process ends.

    --url may name any worker of the cluster.
    """
    workers = RestClient(url).call("GET", "/penstock/workers")["workers"]
    found = next((worker for worker in workers if worker["worker_id"] == worker_id), None)
    if found is None:
        hint = "`penstock worker list` shows the members of the cluster"
        raise UnknownName("is no worker of this cluster", code="unknown-worker", where=worker_id, hint=hint)
    RestClient(found["url"]).call("PUT", f"/penstock/workers/{quote(worker_id, safe='')}/drain")
    click.echo(f"Worker {worker_id} drains; its process ends when others have its tasks.", err=True)
