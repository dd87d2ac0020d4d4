"""The options of workers and of connectors."""

from __future__ import annotations

from importlib import metadata
from typing import Any

from penstock import Source
from penstock_schemas import load
from writers.markdown import options_table


def worker() -> str:
    schema = load("worker.schema")
    groups: dict[str, dict[str, Any]] = {}
    for key, option in schema["properties"].items():
        groups.setdefault(option["x-group"], {})[key] = option
    page = (
        "# Options of a worker\n\n"
        "Give them to `penstock worker` with `--set KEY=VALUE`, or in a TOML, JSON or `.properties` file with "
        "`--config`. An option that is not listed is an error.\n\n"
    )
    return page + "".join(f"## {group}\n\n{options_table(options)}" for group, options in groups.items())


def connectors() -> str:
    common = load("connector-common.schema")
    page = (
        "# Options of connectors\n\n"
        "Every value may be written as a string, as Kafka Connect's clients do, or as the JSON type that is given "
        "here; a list also as one string with commas. An option that is not listed is an error.\n\n"
        f"## Every connector\n\n{options_table(common['properties'], common['required'])}"
    )
    return page + "".join(_connector(connector) for connector in bundled())


def bundled() -> list[Any]:
    """The connector classes of this distribution, through the door that any plugin uses."""
    points = sorted(metadata.distribution("penstock").entry_points.select(group="penstock"), key=lambda each: each.name)
    return [connector for point in points for connector in point.load().penstock_connectors()]


def _connector(connector: Any) -> str:
    schema = connector.config_class().json_schema()
    kind = "source" if issubclass(connector, Source) else "sink"
    name = f"{connector.__module__.partition('.')[0]}.{connector.__name__}"
    description = "\n\n".join(" ".join(part.split()) for part in schema.get("description", "").split("\n\n"))
    heading = f"## `{name}`\n\nA {kind}. {description}".rstrip()
    return f"{heading}\n\n{options_table(schema['properties'], schema['required'])}"
