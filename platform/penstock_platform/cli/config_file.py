"""Configuration files: TOML, JSON, or properties as Java reads them, so that Kafka's own files can be used."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping, Set
from pathlib import Path
from typing import Any

from penstock import BadConfiguration
from penstock_workers.properties import properties


def read_config(path: Path) -> dict[str, Any]:
    """A flat map of options. TOML tables are joined by dots, so `[rest] port = 1` is `rest.port`."""
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".toml":
            return dict(_flat(tomllib.loads(text)))
        if path.suffix == ".json":
            return dict(_flat(json.loads(text)))
    except OSError as error:
        raise BadConfiguration(f"cannot be read: {error.strerror}", where=str(path)) from error
    except ValueError as error:
        raise BadConfiguration(f"is not {path.suffix[1:].upper()}: {error}", where=str(path)) from error
    return properties(text)


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
