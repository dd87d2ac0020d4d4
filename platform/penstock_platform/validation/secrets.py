"""Secrets go in and never come out: answers show a mask, and a mask that is sent back keeps what is stored.

So whoever reads a configuration, changes one option and writes all of it back (as every user interface does) loses no
password. A reference to a secret is none, and shows: tools that compare what they read with what they wrote find both
alike.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from penstock_workers.config_providers import is_reference

HIDDEN = "[hidden]"  # Kafka Connect's


def is_secret(definition: Mapping[str, Any]) -> bool:
    return bool(definition.get("writeOnly"))


def hide(schema: Mapping[str, Any], config: Mapping[str, str], providers: Collection[str] = ()) -> dict[str, str]:
    """The configuration as it may be shown. An option that the schema does not know may be a secret: hidden too.
    `providers`: to those a secret may refer."""
    properties = schema["properties"]

    def shown(key: str, value: str) -> str:
        secret = is_secret(properties.get(key, {"writeOnly": True}))
        return HIDDEN if secret and not is_reference(value, providers) else value

    return {key: shown(key, value) for key, value in config.items()}


def restore(config: Mapping[str, str], stored: Mapping[str, str]) -> dict[str, str]:
    """The configuration as it was meant: each mask replaced by the value that is stored under its key."""
    return {key: stored.get(key, value) if value == HIDDEN else value for key, value in config.items()}
