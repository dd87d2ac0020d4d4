"""Moves a source of Kafka Connect over to Penstock, and back: each must see the positions that the other stored.

    python -m tests.conformance.connect_migration --java http://127.0.0.1:18083 --bootstrap-servers 127.0.0.1:19092

The log is Kafka Connect's own, whose worker runs on this machine, has the file connectors and the default names of the
internal topics. Ours takes the same topics but that of statuses, so its REST API speaks of the same connectors.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
from tests.conformance.connect_sides import Side, java, ours
from tests.conformance.worker import running_worker

PATIENCE_SECONDS = 60.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--java", required=True, metavar="URL", help="Kafka Connect's REST API")
    parser.add_argument("--bootstrap-servers", required=True, help="its log")
    options = parser.parse_args()
    name = f"moved-{uuid4().hex[:8]}"
    with tempfile.TemporaryDirectory(prefix="penstock-connect-") as directory:
        one = java(options.java.rstrip("/"), Path(directory))
        one.create(name, one.source(name))
        one.reach(name, "RUNNING", "RUNNING")
        until(lambda: offsets(one, name), "Kafka Connect stores a position")
        one.call("PUT", f"/connectors/{name}/stop")
        one.reach(name, "STOPPED", None)
        stored = offsets(one, name)
        own = ("--group", f"penstock-{name}", "--set", f"status.storage.topic=penstock-status-{name}")
        with running_worker(options.bootstrap_servers, *own) as url:
            other = ours(url, Path(directory))
            expect("Penstock sees what Kafka Connect stored", offsets(other, name), stored)
            moved = [{"partition": stored[0]["partition"], "offset": {"position": 4}}]
            answer = other.call("PATCH", f"/connectors/{name}/offsets", orjson.dumps({"offsets": moved}))
            expect("Penstock changes it", answer.status, 200)
            expect("Kafka Connect sees the change", offsets(one, name), moved)
            one.call("DELETE", f"/connectors/{name}/offsets")
            expect("Penstock sees that Kafka Connect forgot it", offsets(other, name), [])
        one.call("DELETE", f"/connectors/{name}")


def offsets(side: Side, name: str) -> Any:
    return side.call("GET", f"/connectors/{name}/offsets").json["offsets"]


def expect(what: str, found: Any, expected: Any) -> None:
    if found != expected:
        raise SystemExit(f"not so: {what}\n  expected {expected}\n  found    {found}")
    print(f"ok  {what}: {expected}")


def until(condition: Any, what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"not so within {PATIENCE_SECONDS:g} s: {what}")
        time.sleep(0.5)


if __name__ == "__main__":
    main()
