"""The requests that are sent to both servers, in an order in which each finds what it needs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import orjson
from tests.conformance.connect_sides import SINK_CLASS, SOURCE_CLASS, Side

MISSING = "missing"
RUN = uuid4().hex[:8]
"""Kafka Connect cannot delete a connector with an odd name, so each run has its own."""
ODD_NAME = f"zähler {RUN}%{{x}}"
STATES = ("running", "paused", "stopped", "failed", MISSING)


@dataclass(frozen=True, slots=True)
class Call:
    name: str
    method: str
    path: str
    body: bytes | None = None
    content_type: str = "application/json"
    by_name: bool = False
    """The answer is a map whose keys are names."""


def all_calls(side: Side) -> list[Call]:
    """In the same order for both sides."""
    calls = [*_of_the_worker(), *_of_plugins(side), *_creating(side)]
    for state in STATES:
        calls += _of_a_connector(side, state)
    return calls


def prepare(side: Side) -> None:
    """A connector in each of the states, a sink beside."""
    for state in ("running", "paused", "stopped"):
        side.create(state, side.source(state))
    side.create("failed", side.failing_sink("failed", "topic-running"))
    side.create("sink", side.sink("sink", "topic-running"))
    side.reach("running", "RUNNING", "RUNNING")
    side.reach("sink", "RUNNING", "RUNNING")
    side.reach("failed", "RUNNING", "FAILED")
    for verb, state in (("pause", "paused"), ("stop", "stopped")):
        side.reach(state, "RUNNING", "RUNNING")
        side.call("PUT", f"/connectors/{state}/{verb}")
    side.reach("paused", "PAUSED", "PAUSED")
    side.reach("stopped", "STOPPED", None)


def _of_the_worker() -> Iterator[Call]:
    yield Call("root", "GET", "/")
    yield Call("root: HEAD", "HEAD", "/")
    yield Call("root: wrong method", "DELETE", "/")
    yield Call("health", "GET", "/health")
    yield Call("no such path", "GET", "/nothing")
    yield Call("no such path: POST", "POST", "/nothing", b"{}")
    yield Call("list", "GET", "/connectors")
    yield Call("list: slash at the end", "GET", "/connectors/")
    for query in ("expand=status", "expand=info", "expand=status&expand=info", "expand=nonsense", "expand"):
        yield Call(f"list: {query}", "GET", f"/connectors?{query}", by_name=True)
    yield Call("list: wrong method", "PATCH", "/connectors", b"{}")
    yield Call("list: OPTIONS", "OPTIONS", "/connectors")
    yield Call("loggers: root", "GET", "/admin/loggers/root")
    yield Call("loggers: unknown", "GET", "/admin/loggers/none.such")
    for name, body in {
        "set": {"level": "DEBUG"},
        "lower case": {"level": "info"},
        "unknown level": {"level": "LOUD"},
        "level is a number": {"level": 5},
        "level is null": {"level": None},
        "no level": {},
        "a list": [],
    }.items():
        yield Call(f"logger: {name}", "PUT", "/admin/loggers/compared.logger", orjson.dumps(body))
    for scope in ("worker", "cluster", "nonsense"):
        path = f"/admin/loggers/compared.logger.{scope}?scope={scope}"
        yield Call(f"logger: scope {scope}", "PUT", path, b'{"level":"WARN"}')
    yield Call("logger: no body", "PUT", "/admin/loggers/compared.logger", b"")
    yield Call("loggers: one that was set", "GET", "/admin/loggers/compared.logger")
    yield Call("loggers", "GET", "/admin/loggers", by_name=True)


def _of_plugins(side: Side) -> Iterator[Call]:
    source = SOURCE_CLASS
    simple = source.rpartition(".")[2]
    yield Call("plugins", "GET", "/connector-plugins")
    yield Call("plugins: slash at the end", "GET", "/connector-plugins/")
    yield Call("plugins: all", "GET", "/connector-plugins?connectorsOnly=false")
    yield Call("plugins: connectors only", "GET", "/connector-plugins?connectorsOnly=True")
    for name in (source, simple, simple.removesuffix("Connector")):
        yield Call(
            f"plugin config: {'full' if name == source else 'short'} name", "GET", f"/connector-plugins/{name}/config"
        )
    yield Call("plugin config: of a converter", "GET", f"/connector-plugins/{CONVERTER}/config")
    yield Call("plugin config: unknown", "GET", "/connector-plugins/none.Such/config")
    valid = side.source("validated") | {"name": "validated"}
    for name, config in {
        "good": valid,
        "numbers and booleans": valid | {"tasks.max": 1},
        "bad number": valid | {"tasks.max": "many"},
        "missing options": {"connector.class": source, "name": "validated"},
        "unknown option": valid | {"no.such.option": "x"},
        "no class": {"name": "validated"},
        "another class": valid | {"connector.class": SINK_CLASS},
        "converter": valid | {"value.converter": CONVERTER},
        "no such converter": valid | {"value.converter": "none.Such"},
        "null value": valid | {"tasks.max": None},
        "nested value": valid | {"tasks.max": {"a": 1}},
        "empty": {},
    }.items():
        yield Call(f"validate: {name}", "PUT", f"/connector-plugins/{source}/config/validate", orjson.dumps(config))
    yield Call("validate: short name", "PUT", f"/connector-plugins/{simple}/config/validate", orjson.dumps(valid))
    yield Call("validate: not JSON", "PUT", f"/connector-plugins/{source}/config/validate", b"{")
    yield Call("validate: unknown plugin", "PUT", "/connector-plugins/none.Such/config/validate", orjson.dumps(valid))


CONVERTER = "org.apache.kafka.connect.json.JsonConverter"


def _creating(side: Side) -> Iterator[Call]:
    config = side.source("created")

    def create(name: str, body: Any) -> Call:
        return Call(f"create: {name}", "POST", "/connectors", body if isinstance(body, bytes) else orjson.dumps(body))

    yield create("good", {"name": "created", "config": config})
    yield create("exists", {"name": "created", "config": config})
    yield create("initial state paused", {"name": "created-paused", "config": config, "initial_state": "paused"})
    yield create("initial state stopped", {"name": "created-stopped", "config": config, "initial_state": "STOPPED"})
    yield create("unknown initial state", {"name": "x", "config": config, "initial_state": "GONE"})
    yield create("blanks around the name", {"name": "  trimmed ", "config": config})
    yield create("an odd name", {"name": ODD_NAME, "config": config})
    yield Call("show: an odd name", "GET", "/connectors/" + quote(ODD_NAME, safe=""))
    yield create("numbers and booleans", {"name": "scalars", "config": config | {"tasks.max": 1}})
    yield create("no name", {"config": config})
    yield create("name null", {"name": None, "config": config})
    yield create("name empty", {"name": "", "config": config})
    yield create("name is a number", {"name": 5, "config": config})
    yield create("slash in the name", {"name": f"a/{RUN}", "config": config})
    yield create("another name in the configuration", {"name": "x", "config": config | {"name": "y"}})
    yield create("no configuration", {"name": "x"})
    yield create("configuration null", {"name": "x", "config": None})
    yield create("configuration a string", {"name": "x", "config": "y"})
    yield create("no class", {"name": "x", "config": {"topic": "t"}})
    yield create("unknown class", {"name": "x", "config": {"connector.class": "none.Such", "topic": "t"}})
    yield create("missing options", {"name": "x", "config": {"connector.class": SOURCE_CLASS}})
    yield create("null value", {"name": "x", "config": config | {"tasks.max": None}})
    yield create("unknown option", {"name": "unknown-option", "config": config | {"no.such.option": "x"}})
    yield create("unknown field", {"name": "x", "config": config, "nonsense": 1})
    yield create("not JSON", b"{")
    yield create("not UTF-8", b'{"name": "\xff"}')
    yield create("empty", b"")
    yield create("a list", [])
    yield create("null", b"null")
    body = orjson.dumps({"name": "x", "config": config})
    yield Call("create: text/plain", "POST", "/connectors", body, content_type="text/plain")
    yield Call("create: charset", "POST", "/connectors", body, content_type="application/json; charset=utf-8")
    yield Call("put: creates", "PUT", "/connectors/put/config", orjson.dumps(config))
    yield Call("put: replaces", "PUT", "/connectors/put/config", orjson.dumps(config | {"tasks.max": "2"}))


def _of_a_connector(side: Side, state: str) -> Iterator[Call]:
    base = f"/connectors/{state}"
    is_sink = state == "failed"
    config = side.failing_sink("failed", "topic-running") if is_sink else side.source(state)

    def call(name: str, method: str, path: str = "", body: Any = None, **options: Any) -> Call:
        sent = body if body is None or isinstance(body, bytes) else orjson.dumps(body)
        return Call(f"{state}: {name}", method, base + path, sent, **options)

    yield call("show", "GET")
    yield call("show: HEAD", "HEAD")
    yield call("config", "GET", "/config", by_name=state != MISSING)
    yield call("status", "GET", "/status")
    yield call("tasks", "GET", "/tasks")
    yield call("task status", "GET", "/tasks/0/status")
    yield call("no such task status", "GET", "/tasks/9/status")
    yield call("task status: no number", "GET", "/tasks/x/status")
    yield call("tasks-config", "GET", "/tasks-config")
    yield call("topics", "GET", "/topics", by_name=True)
    yield call("offsets", "GET", "/offsets")
    yield call("wrong method", "POST")
    yield from _changing_offsets(side, state, call)
    yield call("reset topics", "PUT", "/topics/reset")
    yield call("restart", "POST", "/restart")
    yield call("restart with tasks", "POST", "/restart?includeTasks=true")
    yield call("restart failed", "POST", "/restart?includeTasks=True&onlyFailed=True")
    yield call("restart: flag is none", "POST", "/restart?includeTasks=maybe")
    yield call("restart task", "POST", "/tasks/0/restart")
    yield call("restart no such task", "POST", "/tasks/9/restart")
    yield call("patch", "PATCH", "/config", {"tasks.max": "2", "no.such": None})
    yield call("patch: number", "PATCH", "/config", {"tasks.max": 1})
    yield call("patch: removes what is needed", "PATCH", "/config", {"connector.class": None})
    yield call("patch: a list", "PATCH", "/config", [])
    if state != MISSING:
        yield call("put: another name", "PUT", "/config", config | {"name": "another"})
        yield call("put: not JSON", "PUT", "/config", b"{")
        yield call("put: missing options", "PUT", "/config", {"connector.class": config["connector.class"]})
        yield call("put", "PUT", "/config", config)
    for verb in ("pause", "resume", "stop"):
        yield call(verb, "PUT", f"/{verb}")
    yield call("delete", "DELETE")
    yield call("delete again", "DELETE")
    yield call("status after it is gone", "GET", "/status")


def _changing_offsets(side: Side, state: str, call: Any) -> Iterator[Call]:
    if state == "failed":
        entry = {"partition": {"kafka_topic": "topic-running", "kafka_partition": 0}, "offset": {"kafka_offset": 1}}
    else:
        entry = {"partition": {"filename": str(side.directory / f"{state}.txt")}, "offset": {"position": 4}}
    yield call("alter offsets", "PATCH", "/offsets", {"offsets": [entry]})
    yield call("alter offsets: none", "PATCH", "/offsets", {"offsets": []})
    yield call("alter offsets: empty", "PATCH", "/offsets", {})
    if state == "stopped":
        for name, body in _mistaken_offsets(entry).items():
            yield call(f"alter offsets: {name}", "PATCH", "/offsets", {"offsets": body})
        yield call("alter offsets: not JSON", "PATCH", "/offsets", b"{")
        yield call("alter offsets: null forgets", "PATCH", "/offsets", {"offsets": [entry | {"offset": None}]})
    yield call("reset offsets", "DELETE", "/offsets")


def _mistaken_offsets(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "no list": {},
        "no object": [5],
        "partition null": [{**entry, "partition": None}],
        "partition nested": [{**entry, "partition": {"x": {"y": 1}}}],
        "partition missing": [{"offset": entry["offset"]}],
        "offset a number": [{**entry, "offset": 5}],
        "twice": [entry, entry],
        "unknown field": [{**entry, "nonsense": 1}],
    }


def sink_calls(side: Side) -> list[Call]:
    """Of a sink that is stopped: its offsets are a consumer group's."""
    place = {"kafka_topic": "topic-running", "kafka_partition": 0}
    bodies: dict[str, Any] = {
        "good": [{"partition": place, "offset": {"kafka_offset": 1}}],
        "as text": [{"partition": place | {"kafka_partition": "0"}, "offset": {"kafka_offset": "2"}}],
        "null forgets": [{"partition": place, "offset": None}],
        "beyond the end": [{"partition": place, "offset": {"kafka_offset": 99999}}],
        "negative offset": [{"partition": place, "offset": {"kafka_offset": -5}}],
        "offset no number": [{"partition": place, "offset": {"kafka_offset": "x"}}],
        "offset without its key": [{"partition": place, "offset": {"offset": 1}}],
        "partition no number": [{"partition": place | {"kafka_partition": "x"}, "offset": None}],
        "partition without its key": [{"partition": {"kafka_topic": "topic-running"}, "offset": None}],
        "partition missing": [{}],
        "no such partition": [{"partition": place | {"kafka_partition": 9}, "offset": {"kafka_offset": 1}}],
        "no such topic": [{"partition": place | {"kafka_topic": f"none-{RUN}"}, "offset": {"kafka_offset": 1}}],
        "topic no string": [{"partition": place | {"kafka_topic": 5}, "offset": {"kafka_offset": 1}}],
    }
    path = "/connectors/sink/offsets"
    calls = [Call("sink: offsets", "GET", path)]
    calls += [
        Call(f"sink: alter: {name}", "PATCH", path, orjson.dumps({"offsets": each})) for name, each in bodies.items()
    ]
    return [*calls, Call("sink: reset", "DELETE", path), Call("sink: offsets after the reset", "GET", path)]
