"""Changes connectors through two workers while a third one, which leads at times, is killed again and again.

    python -m tests.conformance.connect_writes [--bootstrap-servers HOST:PORT] [--seconds 20]

Every kind of write that Kafka Connect has. Each must succeed: no client has to wait for a rebalance.
The exit code is 1 where one does not. Without a log one of ours is started.
"""

import argparse
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import count
from time import monotonic
from typing import Any
from uuid import uuid4

import orjson
from tests.conformance.connect_sides import SOURCE_CLASS
from tests.conformance.node import running_node
from tests.conformance.worker import dying_workers, running_worker

WRITERS = 3
TIMEOUT_SECONDS = 30.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bootstrap-servers", metavar="HOST:PORT", help="a log; by default one of ours is started")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long")
    options = parser.parse_args()
    with ExitStack() as stack:
        servers = options.bootstrap_servers or stack.enter_context(running_node()).bootstrap_servers
        own = own_cluster(f"written-{uuid4().hex[:8]}")
        stack.enter_context(dying_workers(servers, 1, *own))
        urls = [stack.enter_context(running_worker(servers, *own)) for _ in range(2)]
        end = monotonic() + options.seconds
        with ThreadPoolExecutor(WRITERS) as pool:
            found = sum(pool.map(lambda writer: writes(urls, f"written-{writer}", end), range(WRITERS)), Counter())
    for answer, times in sorted(found.items()):
        print(f"{times:6}  {answer}")
    raise SystemExit(1 if any("  2" not in answer for answer in found) else 0)


def own_cluster(name: str) -> list[str]:
    """Of workers: a group and internal topics that bear its name."""
    topics = {f"{kind}.storage.topic": f"{name}-{kind}" for kind in ("config", "offset", "status", "cluster")}
    return ["--group", name, *(word for key, topic in topics.items() for word in ("--set", f"{key}={topic}"))]


def writes(urls: list[str], name: str, end: float) -> Counter[str]:
    """How often each answer came."""
    found: Counter[str] = Counter()
    for number in count():
        for place, (method, path, body) in enumerate(life_of(name, number)):
            if monotonic() > end and place == 0:
                return found
            url = urls[(number + place) % len(urls)]
            found[f"{method} {path.replace(name, 'NAME')}  {answer(method, url + path, body)}"] += 1
    raise AssertionError("count() never ends")


def life_of(name: str, number: int) -> Iterator[tuple[str, str, Any]]:
    path = f"/connectors/{name}"
    config = {"connector.class": SOURCE_CLASS, "file": "/no/such/file", "topic": name, "batch.size": str(number + 1)}
    yield "POST", "/connectors", {"name": name, "config": config}
    yield "PUT", f"{path}/pause", None
    yield "PUT", f"{path}/config", config | {"batch.size": "7"}
    yield "PUT", f"{path}/resume", None
    yield "POST", f"{path}/restart?includeTasks=true", None
    yield "PATCH", f"{path}/config", {"batch.size": "9"}
    yield "PUT", f"{path}/stop", None
    yield "DELETE", f"{path}/offsets", None
    yield "DELETE", path, None


def answer(method: str, url: str, body: Any) -> str:
    """Its status, and what it says where it is no success."""
    data = None if body is None else orjson.dumps(body)
    request = urllib.request.Request(url, data=data, method=method, headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
            return str(response.status)
    except urllib.error.HTTPError as error:
        return f"{error.code} {error.read().decode()[:300]}"
    except OSError as error:
        return repr(error)


if __name__ == "__main__":
    main()
