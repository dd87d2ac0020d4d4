"""The two servers that are compared, each with the connectors that come with Kafka Connect."""

import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
from tests.conformance.connect_shapes import Answer

SOURCE_CLASS = "org.apache.kafka.connect.file.FileStreamSourceConnector"
SINK_CLASS = "org.apache.kafka.connect.file.FileStreamSinkConnector"
TIMEOUT_SECONDS = 60.0
POLL_SECONDS = 0.2
REBALANCES = {409: b"Cannot complete request", 500: b"a rebalance is expected"}
"""Java's answers while its cluster forms anew, in writing and in reading; its clients try again."""


class _NoRedirect(urllib.request.HTTPErrorProcessor):
    """Every answer is an answer."""

    def http_response(self, request: urllib.request.Request, response: Any) -> Any:
        return response


@dataclass(slots=True)
class Side:
    name: str
    url: str
    directory: Path
    """Where its connectors read and write."""

    def source(self, name: str) -> dict[str, Any]:
        """A source that reads a few lines into a topic of its own."""
        file = self.directory / f"{name}.txt"
        file.write_text("one\ntwo\nthree\n")
        return {"connector.class": SOURCE_CLASS, "file": str(file), "topic": f"topic-{name}"}

    def sink(self, name: str, topic: str) -> dict[str, Any]:
        return {"connector.class": SINK_CLASS, "topics": topic, "file": str(self.directory / f"{name}.out")}

    def failing_sink(self, name: str, topic: str) -> dict[str, Any]:
        """Its configuration is right, and its task fails."""
        return self.sink(name, topic) | {"file": f"/proc/no-such-place/{name}"}

    def call(self, method: str, path: str, body: bytes | None = None, content_type: str = "application/json") -> Answer:
        """Once more where a rebalance is in the way."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while True:
            answer = self._call(method, path, body, content_type)
            expected = REBALANCES.get(answer.status)
            if expected is None or expected not in answer.body or time.monotonic() > deadline:
                return answer
            time.sleep(POLL_SECONDS)

    def _call(self, method: str, path: str, body: bytes | None, content_type: str) -> Answer:
        headers = {} if body is None else {"Content-Type": content_type}
        request = urllib.request.Request(self.url + path, data=body, method=method, headers=headers)
        opener = urllib.request.build_opener(_NoRedirect)
        with opener.open(request, timeout=TIMEOUT_SECONDS) as response:
            content: bytes = response.read() if method != "HEAD" else b""
            return Answer(response.status, {name.lower(): value for name, value in response.headers.items()}, content)

    def create(self, name: str, config: dict[str, Any]) -> None:
        answer = self.call("POST", "/connectors", orjson.dumps({"name": name, "config": config}))
        if answer.status != 201:
            raise SystemExit(f"{self.name} does not create {name}: {answer.body.decode()}")

    def reach(self, name: str, connector: str, tasks: str | None) -> None:
        """Wait until the connector and its task, if it is to have any, are in these states."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while True:
            status = self.call("GET", f"/connectors/{quote(name)}/status").json or {}
            found = status.get("connector", {}).get("state"), [task["state"] for task in status.get("tasks", [])]
            if found == (connector, [] if tasks is None else [tasks]):
                return
            if time.monotonic() > deadline:
                raise SystemExit(f"{self.name}: {name} is not {connector}, {tasks}, but {status}")
            time.sleep(POLL_SECONDS)

    def delete_all(self) -> None:
        for name in self.call("GET", "/connectors").json:
            self.call("DELETE", f"/connectors/{quote(name, safe='')}")


def java(url: str, directory: Path) -> Side:
    return Side("Kafka Connect", url, directory)


def ours(url: str, directory: Path) -> Side:
    return Side("Penstock", url, directory)
