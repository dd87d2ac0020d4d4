"""The options of the converters that a configuration has, under the keys that it has for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from penstock import BadConfiguration, Part
from penstock.connector import ColumnsHold
from penstock_workers.connector_config import CommonConnectorConfig
from penstock_workers.converters.choice import Converters, chosen_name
from penstock_workers.converters.keys import PARTS, name_key
from penstock_workers.plugins import ConverterInfo

_NAMES = {part: CommonConnectorConfig.json_schema()["properties"][name_key(part)] for part in PARTS}


def converter_options(
    config: Mapping[str, str], columns_hold: ColumnsHold, converters: Converters
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Their definitions, with those of the keys that name converters, and which are required.

    As Kafka Connect has it, the options of a converter that the worker names are not the connector's: of those only the
    ones that the configuration sets are answered.
    """
    known: dict[str, dict[str, Any]] = {}
    required: list[str] = []
    for part in PARTS:
        key = name_key(part)
        names = [spelling for each in converters.usable(part) for spelling in (*each.aliases, each.class_name)]
        known[key] = _NAMES[part] | {"examples": names}
        try:
            info = _info(config, part, columns_hold, converters)
        except BadConfiguration:
            known[key] = _NAMES[part] | {"enum": names}  # which says what is wrong
            continue
        of_converter = info.schema["properties"]
        known |= {
            f"{key}.{option}": definition
            for option, definition in of_converter.items()
            if config.get(key) or f"{key}.{option}" in config
        }
        required += [f"{key}.{option}" for option in info.schema.get("required", ()) if config.get(key)]
    return known, required


def converter_versions(config: Mapping[str, str], columns_hold: ColumnsHold, converters: Converters) -> dict[Part, str]:
    return dict(_versions(config, columns_hold, converters))


def _versions(
    config: Mapping[str, str], columns_hold: ColumnsHold, converters: Converters
) -> Iterator[tuple[Part, str]]:
    for part in PARTS:
        try:
            yield part, _info(config, part, columns_hold, converters).version
        except BadConfiguration:  # whoever judges its name has said so
            continue


def _info(config: Mapping[str, str], part: Part, columns_hold: ColumnsHold, converters: Converters) -> ConverterInfo:
    return converters.find(chosen_name(converters.completed(config), part, columns_hold), part)
