"""Sends what schemathesis makes of our OpenAPI description to the REST API: no answer may be a failure of the server.

    python -m tests.conformance.rest_fuzz [--cache DIR] [--seconds N]

schemathesis is installed from PyPI into an environment of its own in DIR. A connector of each kind is there to be hit,
and a second worker to be asked and to be drained.
Answers are also held against the description: status, content type, the shape of the JSON.
"""

import argparse
import json
import subprocess
import tempfile
import urllib.request
from pathlib import Path

from tests.conformance.node import running_node
from tests.conformance.suite_run import make_environment
from tests.conformance.worker import running_worker

PACKAGES = ("schemathesis>=4.32,<5",)
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "allow_header_conformance",
)
ENDLESS = "follow"
"""The parameter with which an answer goes on for as long as the client stays."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(tempfile.gettempdir()) / "penstock-schemathesis"
    parser.add_argument("--cache", type=Path, default=default, help="where schemathesis is kept")
    parser.add_argument("--seconds", type=int, default=120, help="how long to go on")
    options = parser.parse_args()
    program = make_environment(options.cache, *PACKAGES).with_name("st")
    with (
        tempfile.TemporaryDirectory() as directory,
        running_node() as node,
        running_worker(node.bootstrap_servers, "--worker-id", "worker") as url,
        running_worker(node.bootstrap_servers, "--worker-id", "1"),
    ):
        create_connectors(url, Path(directory))
        description = describe(url, Path(directory))
        command = [str(program), "run", str(description), "--url", url, "--checks", ",".join(CHECKS)]
        command += ["--max-time", str(options.seconds), "--request-timeout", "60"]
        done = subprocess.run([*command, "--continue-on-failure", "--warnings", "off"], cwd=directory)
    return done.returncode


def describe(url: str, directory: Path) -> Path:
    """The description of the API, as a file, but for what makes an answer endless."""
    with urllib.request.urlopen(f"{url}/openapi.json") as answer:
        document = json.loads(answer.read())
    for operations in document["paths"].values():
        for operation in operations.values():
            parameters = operation.get("parameters", [])
            operation["parameters"] = [each for each in parameters if each["name"] != ENDLESS]
    path = directory / "openapi.json"
    path.write_text(json.dumps(document))
    return path


def create_connectors(url: str, directory: Path) -> None:
    """By the names that are likely to be guessed: what is short."""
    source = {"connector.class": "penstock_generator.GeneratorSource", "topic": "fuzzed", "records": 100}
    sink = {"connector.class": "penstock_file.FileSink", "topics": "fuzzed", "directory": str(directory)}
    for name, config, state in (("0", source, "RUNNING"), ("1", source, "STOPPED"), ("2", sink, "STOPPED")):
        body = json.dumps({"name": name, "config": config, "initial_state": state}).encode()
        headers = {"Content-Type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(f"{url}/connectors", body, headers)):
            pass


if __name__ == "__main__":
    raise SystemExit(main())
