"""The options that name converters, and those that are theirs: `value.converter`, `value.converter.schemas.enable`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from penstock import Part

PARTS: tuple[Part, ...] = get_args(Part)
PLUGIN_VERSION = "plugin.version"
"""Looks like an option of the converter, and says which version of its class is meant."""


def name_key(part: Part) -> str:
    return f"{part}.converter"


def part_of(key: str) -> Part | None:
    """Of which converter this is the name or an option; None where it is something else."""
    for part in PARTS:
        rest = key.removeprefix(name_key(part))
        if rest != key and (not rest or rest[0] == ".") and rest != f".{PLUGIN_VERSION}":
            return part
    return None


def options_of(config: Mapping[str, str], part: Part) -> dict[str, str]:
    """Those of one converter, without their prefix."""
    prefix = f"{name_key(part)}."
    return {
        key.removeprefix(prefix): value
        for key, value in config.items()
        if key.startswith(prefix) and part_of(key) == part
    }
