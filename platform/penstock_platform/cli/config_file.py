"""Configuration files: TOML, JSON, or properties as Java reads them, so that Kafka's own files can be used."""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Callable, Iterable, Mapping, Set
from pathlib import Path
from typing import Any

from penstock import BadConfiguration
from penstock_workers.properties import properties

LOADS: dict[str, Callable[[str], Any]] = {"json": json.loads, "toml": tomllib.loads}


def read_config(path: Path) -> dict[str, Any]:
    """A flat map of options. TOML tables are joined by dots, so `[rest] port = 1` is `rest.port`."""
    return dict(_flat(_tables(_text(path), path)))


def read_connector(path: Path) -> dict[str, Any]:
    """The options of a connector, and `name` among them where the file has one: flat, or, as Kafka Connect's users have
    it, {"name": …, "config": {…}}. `-` is stdin."""
    text = sys.stdin.read() if str(path) == "-" else _text(path)
    tables = _tables(text, path)
    if not isinstance(config := tables.pop("config", None), dict):
        return dict(_flat(tables)) | ({} if config is None else {"config": config})
    named = {"name": tables.pop("name")} if "name" in tables else {}
    if tables:
        hint = "`config` holds the options; `initial_state` and `initial_offsets` are for POST /connectors"
        raise BadConfiguration("stands beside `config`", where=f"{path} {next(iter(tables))}", hint=hint)
    return dict(_flat(config)) | named


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadConfiguration(f"cannot be read: {error.strerror}", where=str(path)) from error
    except UnicodeDecodeError as error:
        raise BadConfiguration(f"is not UTF-8: {error}", where=str(path)) from error


def _tables(text: str, path: Path) -> dict[str, Any]:
    """By the name's ending; JSON is known by its brace too. Whatever else it is, properties."""
    kind = "json" if text.lstrip()[:1] in ("{", "[") and path.suffix != ".toml" else path.suffix[1:]
    if kind in ("yaml", "yml"):
        hint = "write it as JSON, TOML or properties (KEY=VALUE)"
        raise BadConfiguration("is YAML, which Penstock does not read", where=str(path), hint=hint)
    if kind not in LOADS:
        return dict(properties(text))
    try:
        value = LOADS[kind](text)
    except ValueError as error:
        raise BadConfiguration(f"is not {kind.upper()}: {error}", where=str(path)) from error
    if not isinstance(value, dict):
        raise BadConfiguration("is not a JSON object", where=str(path), hint='write {"connector.class": "…", …}')
    return value


def pairs(settings: Iterable[str], *, option: str = "--set", secrets: Set[str] = frozenset()) -> dict[str, str]:
    """What `--set KEY=VALUE` says. Raises BadConfiguration, for a secret too: everybody can read command lines."""
    found = {}
    for setting in settings:
        key, separator, value = setting.partition("=")
        if not separator:
            raise BadConfiguration("is not KEY=VALUE", where=f"{option} {setting}")
        if key in secrets:
            raise BadConfiguration(
                "is a secret, and everybody on this machine can read a process's command line",
                where=f"{option} {key}",
                hint="put it into the file that --config names",
            )
        found[key] = value
    return found


def as_strings(options: Mapping[str, Any]) -> dict[str, str]:
    """Values as Kafka's files write them."""
    return {key: _as_kafka_writes(value) for key, value in options.items()}


def _as_kafka_writes(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case list():
            return ",".join(map(_as_kafka_writes, value))
    return str(value)


def _flat(table: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for key, value in table.items():
        pairs += _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else [(prefix + key, value)]
    return pairs
