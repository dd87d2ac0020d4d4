"""Secrets go in and never come out: answers show a mask, and a mask that is sent back keeps what is stored.

So whoever reads a configuration, changes one option and writes all of it back (as every user interface does) loses no
password.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

HIDDEN = "[hidden]"  # Kafka Connect's


def is_secret(definition: Mapping[str, Any]) -> bool:
    return bool(definition.get("writeOnly"))


def hide(schema: Mapping[str, Any], config: Mapping[str, str]) -> dict[str, str]:
    """The configuration as it may be shown. An option that the schema does not know may be a secret: hidden too."""
    properties = schema["properties"]
    return {
        key: HIDDEN if is_secret(properties.get(key, {"writeOnly": True})) else value for key, value in config.items()
    }


def restore(config: Mapping[str, str], stored: Mapping[str, str]) -> dict[str, str]:
    """The configuration as it was meant: each mask replaced by the value that is stored under its key."""
    return {key: stored.get(key, value) if value == HIDDEN else value for key, value in config.items()}
