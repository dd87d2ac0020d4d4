"""The REST API: each route with its parameters, answers and an example, from the OpenAPI description."""

from __future__ import annotations

import json
from typing import Any

from jsonschema import Draft202012Validator

from penstock_schemas import load
from writers.markdown import table

ADDRESS = "http://127.0.0.1:8083"
PATH_VALUES = {
    "logger": "penstock_workers.supervisor",
    "worker": "127.0.0.1:8083",
    "connector": "my-logs",
    "task": "0",
    "plugin": "penstock_file.FileSource",
    "partition": "0",
    "offset": "5",
}
CONFIG = {"connector.class": "penstock_file.FileSource", "paths": "/var/log/app/*.log*", "topic": "my-logs"}
DEAD_LETTER = {
    "partition": 0,
    "offset": 5,
    "timestamp_ms": 1795545521863,
    "task": "0",
    "stage": "VALUE_CONVERTER",
    "error": {"class": "orjson.JSONDecodeError", "message": "unexpected character: line 1 column 1 (char 0)"},
    "origin": {"topic": "my-logs", "partition": 0, "offset": 4711, "source_partition": None, "source_position": None},
    "key": None,
    "value": {"text": "not JSON"},
    "value_bytes": 8,
    "replayed": False,
    "replay_of": "",
}
EXAMPLES: dict[str, Any] = {
    "Config": {"name": "my-logs", **CONFIG},
    "ConfigInput": CONFIG,
    "ConfigDefinition": {
        "name": "topic",
        "type": "STRING",
        "required": True,
        "default_value": None,
        "importance": "HIGH",
        "documentation": "Topic that receives the lines.",
        "group": "Connector",
        "width": "MEDIUM",
        "display_name": "topic",
        "dependents": [],
        "order": 2,
        "order_in_group": 2,
    },
    "ServerInfo": {
        "version": "4.3.0",
        "commit": "unknown",
        "kafka_cluster_id": "oKQw3oW6TTyzTVnVx2J6Yg",
        "penstock_version": "0.1.0",
    },
    "OffsetEntry": {
        "partition": {"kafka_topic": "my-logs", "kafka_partition": 0},
        "offset": {"kafka_offset": 120000},
    },
    "LoggerLevel": {"level": "INFO", "last_modified": None},
    "NewLoggerLevel": {"level": "DEBUG"},
    "OffsetReset": {"to": "2026-11-24T16:00:00Z"},
    "ConfigPatch": {"batch.size": "500"},
    "Message": {"message": "The offsets for this connector have been reset successfully"},
    "OffsetState": {"number": 3, "at": 1795545521863, "change": "reset"},
    "UndoneOffsets": {
        "message": "The change of the offsets (reset) has been undone",
        "number": 3,
        "at": 1795545521863,
        "change": "reset",
    },
    "Worker": {"url": ADDRESS, "is_leader": True, "is_draining": False, "stopping": []},
    "Cluster": {"leader": "127.0.0.1:8083", "epoch": 7, "away": []},
    "LogLine": {"time_ms": 1795545521863, "level": "info", "text": "task started"},
    "TaskError": {
        "outcome": "skipped",
        "stage": "VALUE_CONVERTER",
        "code": "value-converter-failed",
        "cause": "JSONDecodeError: unexpected character: line 1 column 1 (char 0)",
        "message": "the value cannot be converted",
        "where": "my-logs-0",
        "record": {
            "topic": "my-logs",
            "partition": 0,
            "offset": 4711,
            "source_partition": None,
            "source_position": None,
        },
        "time_ms": 1795545521863,
        "first_time_ms": 1795545500000,
        "count": 12,
    },
    "ActiveTopics": {"topics": ["my-logs"]},
    "DeadLetterSummary": DEAD_LETTER,
    "DeadLetter": {
        **DEAD_LETTER,
        "headers": [],
        "class": "penstock_workers.converters.json.PlainJsonConverter",
        "stacktrace": "Traceback (most recent call last): …",
    },
    "ReplayRequest": {"dead_letters": [{"partition": 0, "offset": 5}], "limit": 1000, "again": False},
    "Replayed": {"replayed": [{"partition": 0, "offset": 5}], "left_out": [], "remaining": False},
    "ConfigInfos": {"name": CONFIG["connector.class"]},
    "ConfigValue": {"name": "topic", "value": "my-logs", "recommended_values": [], "errors": [], "visible": True},
}
"""By the name of the schema: values for what `WORDS` do not fit. All else is made from the schemas."""
WORDS: dict[str, Any] = {
    "name": "my-logs",
    "connector": "my-logs",
    "task": 0,
    "id": 0,
    "type": "source",
    "version": "0.1.0",
    "worker_id": "127.0.0.1:8083",
    "state": "RUNNING",
    "status": "healthy",
    "message": "Worker has completed startup and is ready to handle requests.",
    "class": "penstock_file.FileSource",
    "initial_state": "RUNNING",
    "groups": ["Connector", "Common"],
    "records_total": 120000,
    "bytes_total": 12400000,
    "records_per_second": 500.0,
    "records_in_flight": 1000,
    "last_progress_seconds": 0.2,
    "unanswered": [],
}


def rest() -> str:
    document = load("openapi")
    error = document["components"]["responses"]["Error"]["description"]
    page = (
        f"# REST API\n\n{document['info']['description']} The machine-readable description is at `/openapi.json`.\n\n"
        f"Every error has the same shape. {error}\n\n{_json(_error())}"
        "In the examples below a list shows one of its items.\n\n"
    )
    for tag in document["tags"]:
        page += f"## {tag['name'].capitalize()}\n\n{tag['description']}\n\n"
        for path, operations in document["paths"].items():
            for verb, operation in operations.items():
                if tag["name"] in operation["tags"]:
                    page += _operation(verb.upper(), path, operation)
    return page


def _operation(verb: str, path: str, operation: dict[str, Any]) -> str:
    text = f"### {verb} {path}\n\n{operation['summary']}\n\n"
    parameters = operation.get("parameters", ())
    if parameters:
        rows = [[f"`{each['name']}`", each["in"], each["description"]] for each in parameters]
        text += table(["parameter", "in", "meaning"], rows)
    answers = [[code, str(each["description"])] for code, each in operation["responses"].items() if code != "default"]
    text += table(["answer", "meaning"], answers)
    body = _schema(operation.get("requestBody", {}))
    text += "```sh\n" + _curl(verb, path, None if body is None else _example(body)) + "\n```\n\n"
    answer = next((schema for each in operation["responses"].values() if (schema := _schema(each)) is not None), None)
    return text + ("" if answer is None or path == "/openapi.json" else _json(_example(answer)))


def _schema(part: dict[str, Any]) -> dict[str, Any] | None:
    schema = part.get("content", {}).get("application/json", {}).get("schema")
    return schema if "$ref" not in part else None


def _curl(verb: str, path: str, body: Any) -> str:
    address = ADDRESS + path.format(**PATH_VALUES)
    method = "" if verb == "GET" else f"-X {verb} "
    if body is None:
        return f"curl {method}{address}"
    return f"curl {method}{address} -H 'Content-Type: application/json' -d '{json.dumps(body)}'"


def _example(schema: dict[str, Any]) -> Any:
    """A value of the schema, checked against it."""
    value = _made(schema, "")
    document = load("openapi")
    Draft202012Validator({**schema, "components": document["components"]}).validate(value)
    return value


def _made(schema: dict[str, Any], name: str) -> Any:
    if "$ref" in schema:
        target = schema["$ref"].rpartition("/")[2]
        return _made(load("openapi")["components"]["schemas"][target], name) | EXAMPLES.get(target, {})
    if "oneOf" in schema:
        return _made(schema["oneOf"][0], name)
    if name in WORDS and Draft202012Validator(schema).is_valid(WORDS[name]):
        return WORDS[name]
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema["type"]
    match kind if isinstance(kind, str) else kind[0]:
        case "array":
            return [_made(schema["items"], "name")]
        case "object":
            properties = schema.get("properties", {})
            return {key: _made(properties[key], key) for key in schema.get("required") or properties}
        case "integer" | "number":
            return 0
        case "boolean":
            return False
        case _:
            return ""


def _error() -> dict[str, Any]:
    return {
        "error_code": 404,
        "code": "unknown-connector",
        "message": "Connector my-logs not found",
        "where": "my-logs",
        "cause": "",
        "hint": "GET /connectors lists those that exist",
    }


def _json(value: Any) -> str:
    return f"```json\n{json.dumps(value, indent=2)}\n```\n\n"
