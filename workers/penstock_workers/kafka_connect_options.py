"""Options of Kafka Connect's connectors that mean nothing here, or something that Penstock does not do. Pure.

A configuration that was made for Kafka Connect is taken as it is wherever that is safe: an option without effect is
accepted, and said to be so. It is refused where leaving it out would change where records go or what they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from penstock import Part, Problem
from penstock_workers import topic_creation
from penstock_workers.converters.keys import PARTS, PLUGIN_VERSION, name_key
from penstock_workers.version_range import LATEST, fits

CONNECTOR_VERSION = "connector.plugin.version"

WITHOUT_EFFECT = {
    "tasks.max.enforce": "A connector never has more tasks than tasks.max.",
    "config.action.reload": "References to secrets are resolved whenever a task starts; nothing restarts by itself.",
    "transaction.boundary": "Transactions end by themselves: at once where little comes, else by what an end costs.",
    "transaction.boundary.interval.ms": "Transactions end by themselves.",
    "offsets.storage.topic": "The positions of all connectors are in the worker's offset.storage.topic.",
    topic_creation.PREFIX: "Of sources. A sink makes no topic but that of its dead letters.",
    "producer.override.": "Penstock's producer is idempotent, waits for all replicas and sizes its batches by itself.",
    "consumer.override.": "Penstock's consumer sizes its fetches by itself; a batch is what a fetch brings.",
    "admin.override.": "Penstock has no client of that kind for each connector.",
}
"""By the key, or by how keys begin, what is so instead."""

_TRANSFORMS = ("transforms.", "predicates.")
_CLIENTS = ("producer.override.", "consumer.override.", "admin.override.")
_CONNECTION = ("bootstrap.servers", "security.protocol", "sasl.", "ssl.")
UNSUPPORTED = {
    "transforms": "transforms are not supported yet: transform in the connector or in the system behind it, and leave"
    " transforms out",
    "predicates": "predicates are for transforms, which are not supported yet: leave them out",
}


def without_effect(key: str) -> str:
    """Why this option changes nothing; empty where it is no such option."""
    return next((text for known, text in WITHOUT_EFFECT.items() if _is(key, known)), "")


def definitions(config: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """JSON Schema of those options of a configuration that are Kafka Connect's and not Penstock's."""
    known = {}
    for key in config:
        text = without_effect(key)
        if text or is_foreign(key):
            known[key] = {"type": "string", "description": text, "x-group": "Kafka Connect", "x-importance": "low"}
    return known


def is_foreign(key: str) -> bool:
    """An option of Kafka Connect's framework: a connector is not told it, unless it has one of the same name."""
    return bool(without_effect(key)) or key in UNSUPPORTED or key.startswith(_TRANSFORMS) or key in _version_keys()


def refusals(
    config: Mapping[str, str], connector_version: str, converter_versions: Mapping[Part, str]
) -> Iterator[Problem]:
    """What cannot be passed over. `converter_versions`: of those that the configuration has."""
    for key, hint in UNSUPPORTED.items():
        if config.get(key, "").strip():
            yield Problem("unsupported-option", "is not supported", key, hint)
    for key in config:
        option = next((key.removeprefix(prefix) for prefix in _CLIENTS if key.startswith(prefix)), "")
        if option.startswith(_CONNECTION):
            hint = "set it for the worker, or run a worker of another group for such connectors"
            yield Problem("unsupported-option", "all connectors connect to the log as their worker does", key, hint)
    versions = {CONNECTOR_VERSION: connector_version}
    versions |= {_version_key(part): version for part, version in converter_versions.items()}
    for key, installed in versions.items():
        if problem := _version_problem(key, config.get(key, LATEST), installed):
            yield problem


def _version_problem(key: str, wanted: str, installed: str) -> Problem | None:
    try:
        if fits(installed, wanted):
            return None
    except ValueError as error:
        return Problem("plugin-version", str(error), key, "write a version, 1.2, or a range of Maven's, [1.0,2.0)")
    return Problem(
        "plugin-version", f"{wanted} is not installed, {installed or 'a version without a number'} is", key,
        "one version of a plugin is installed in a worker's environment: install that one, or leave this out",
    )  # fmt: skip


def _is(key: str, known: str) -> bool:
    return key.startswith(known) if known.endswith(".") else key == known


def _version_key(part: Part) -> str:
    return f"{name_key(part)}.{PLUGIN_VERSION}"


def _version_keys() -> set[str]:
    return {CONNECTOR_VERSION, *map(_version_key, PARTS)}
