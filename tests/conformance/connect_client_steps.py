"""What each client of connect_clients.py is made to do: commands, and what they have to print."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

CLIENTS = Path(__file__).parent / "clients"
"""Programs of a few lines around the clients that are libraries. They print a line for each operation."""
SOURCE = "penstock_file.FileSource"
SINK = "org.apache.kafka.connect.file.FileStreamSinkConnector"
LINES = "one\ntwo\n"


class Step(NamedTuple):
    command: tuple[str, ...]
    prints: str = ""


class Place(NamedTuple):
    """Where a client works."""

    url: str
    bootstrap_servers: str
    directory: Path
    """Its connectors' files."""
    installed: Path
    """What was installed for it."""


def config(directory: Path, name: str, topic: str) -> dict[str, str]:
    lines = directory / f"{name}.txt"
    lines.write_text(LINES)
    return {"connector.class": SOURCE, "paths": str(lines), "topic": topic, "tasks.max": "1"}


def written(directory: Path, name: str, body: object) -> str:
    file = directory / f"{name}.json"
    file.write_text(json.dumps(body))
    return str(file)


def kafka_connect_py(place: Place) -> Iterator[Step]:
    directory = place.directory
    first = config(directory, "first", "first-topic")
    yield Step(("kc", "info"), '"kafka_cluster_id"')
    yield Step(("kc", "list-plugins"), SOURCE)
    # Its mistake: it sends the configuration as a string in JSON. It prints errors, and ends with exit code 0.
    yield Step(("kc", "validate-config", SOURCE, "-d", json.dumps(first | {"name": "first"})), "400 Client Error")
    yield Step(("kc", "create", "-d", json.dumps({"name": "first", "config": first})), '"first-topic"')
    yield Step(("kc", "create", "-d", json.dumps({"name": "first", "config": first})), "409 Client Error")
    yield Step(("kc", "update", "second", "-d", json.dumps(config(directory, "second", "t2"))), '"t2"')
    yield Step(("kc", "status", "first"), '"RUNNING"')
    yield Step(("kc", "task-status", "first", "0"), '"RUNNING"')
    yield Step(("kc", "list"), "second")
    for expand in (("status",), ("info",), ("status", "info")):
        yield Step(("kc", "list", *(f"--expand={each}" for each in expand)), "first")
    yield Step(("kc", "list", "--state", "running"), "first")
    yield Step(("kc", "get", "first"), '"tasks"')
    yield Step(("kc", "config", "first"), "first-topic")
    yield Step(("kc", "list-tasks", "first"), '"task": 0')
    yield Step(("kc", "list-topics", "first"), "first-topic")
    yield Step(("kc", "reset-topics", "first"))
    yield Step(("kc", "restart", "first"))
    yield Step(("kc", "restart", "first", "--include-tasks", "--only-failed"), '"connector"')
    yield Step(("kc", "restart-task", "first", "0"))
    yield Step(("kc", "pause", "first"))
    yield Step(("kc", "status", "first"), '"PAUSED"')
    yield Step(("kc", "resume", "--all", "--pattern", "fir.*"))
    yield Step(("kc", "status", "first"), '"RUNNING"')
    yield Step(("kc", "status", "third"), "404 Client Error")
    yield Step(("kc", "delete", "first"))
    yield Step(("kc", "delete", "--all"))
    yield Step(("kc", "list"), "[]")


def kafkaconnect(place: Place) -> Iterator[Step]:
    directory = place.directory
    file = written(directory, "upload", config(directory, "third", "t3") | {"name": "third"})
    yield Step(("kafkaconnect", "plugins"), SOURCE)
    yield Step(("kafkaconnect", "upload", "--name", "third", file))
    yield Step(("kafkaconnect", "list"), "third")
    yield Step(("kafkaconnect", "status", "third"), '"RUNNING"')
    yield Step(("kafkaconnect", "info", "third"), '"t3"')
    yield Step(("kafkaconnect", "config", "third"), '"t3"')
    yield Step(("kafkaconnect", "tasks", "third"), '"task": 0')
    yield Step(("kafkaconnect", "topics", "third"), "t3")
    yield Step(("kafkaconnect", "pause", "third"))
    yield Step(("kafkaconnect", "status", "third"), '"PAUSED"')
    yield Step(("kafkaconnect", "resume", "third"))
    yield Step(("kafkaconnect", "restart", "third"))
    yield Step(("kafkaconnect", "status", "third"), '"RUNNING"')
    yield Step(("kafkaconnect", "delete", "third"))
    yield Step(("kafkaconnect", "list"), "[]")


def kafka_connect_cli(place: Place) -> Iterator[Step]:
    file = written(place.directory, "fourth", config(place.directory, "fourth", "t4"))
    at = ("--url", place.url)
    named = ("--name", "fourth", *at)
    create = ("kafka_connect", "connector", "create", *named, "--configuration-file", file)
    yield Step(create, '"fourth"')
    yield Step((*create, "--if-not-exists"), "null")
    yield Step(("kafka_connect", "connector", "get", *named), '"RUNNING"')
    yield Step(("kafka_connect", "health-check", "--verbose", *at), "Connector fourth in state RUNNING")
    yield Step(("kafka_connect", "connector", "list", *at), '"fourth"')
    yield Step(("kafka_connect", "connector", "configuration", *named), '"t4"')
    yield Step(("kafka_connect", "connector", "update", *named, "--configuration-file", file), '"fourth"')
    for verb in ("pause", "resume", "restart"):
        yield Step(("kafka_connect", "connector", verb, *named))
    for verb in ("pause", "resume"):
        yield Step(("kafka_connect", "connector", f"{verb}-all", "--verbose", *at), f"Connector fourth {verb}d")
    yield Step(("kafka_connect", "task", "list", "--connector", "fourth", *at), '"RUNNING"')
    yield Step(("kafka_connect", "task", "restart", "--connector", "fourth", "--task", "0", *at))
    yield Step(("kafka_connect", "connector", "delete", *named))
    yield Step(("kafka_connect", "connector", "delete-all", *at))


def kafka_connect_manager(place: Place) -> Iterator[Step]:
    body = {"name": "fifth", "config": config(place.directory, "fifth", "t5")}
    file = written(place.directory, "fifth", body)
    kcm = ("kcm", "--host", place.url)
    yield Step((*kcm, "add", "-f", file), "fifth")
    yield Step((*kcm, "list"), "FileSource")
    yield Step((*kcm, "list", "--type", "source"), "fifth")
    yield Step((*kcm, "status", "--connector", "fifth"), "RUNNING")
    yield Step((*kcm, "update", "fifth", "-f", file), "fifth")


def library(client: str, place: Place) -> Iterator[Step]:
    """A client that is a library of Python."""
    yield Step(("python", str(CLIENTS / "python_clients.py"), client, place.url, str(place.directory)))


def kafka_connect_api(place: Place) -> Iterator[Step]:
    return library("kafka-connect-api", place)


def monitors(place: Place) -> Iterator[Step]:
    return library("monitors", place)


def kpops(place: Place) -> Iterator[Step]:
    return library("kpops", place)


def java_client(place: Place) -> Iterator[Step]:
    options = [f"{key}={value}" for key, value in config(place.directory, "sixth", "t6").items()]
    program = ("java", "-cp", f"{place.installed}/*", str(CLIENTS / "ConnectClient.java"))
    yield Step((*program, place.url, SOURCE, "sixth", *options[1:]))


def javascript_client(place: Place) -> Iterator[Step]:
    host, _, port = place.url.removeprefix("http://").partition(":")
    text = json.dumps(config(place.directory, "seventh", "t7"))
    yield Step(("node", str(CLIENTS / "connect_client.js"), host, port, SOURCE, "seventh", text))


def go_libraries(place: Place) -> Iterator[Step]:
    """At least once: a transaction's marker has an offset too, so that these would see a lag of one."""
    source = config(place.directory, "eighth", "t8") | {"delivery": "at-least-once"}
    sink = {"connector.class": SINK, "topics": "t8", "file": str(place.directory / "eighth.out")}
    curl = ("curl", "--fail", "--silent", "-H", "Content-Type: application/json")
    for name, body in (("eighth", source), ("eighth-sink", sink)):
        file = written(place.directory, name, body)
        yield Step((*curl, "-X", "PUT", "-d", f"@{file}", f"{place.url}/connectors/{name}/config"), name)
    records = len(LINES.splitlines())
    yield Step((*curl, f"{place.url}/connectors/eighth-sink/offsets"), f'"kafka_offset":{records}')
    yield Step(("groups", place.bootstrap_servers, "connect-eighth-sink", "t8", str(records)))
