"""The connector that a task is of: its class imported and given its configuration, and asked to divide its work."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from penstock import BadConfiguration, Failed, Source
from penstock.connector import Connector
from penstock_workers.connector_config import is_common
from penstock_workers.host.messages import TaskSpec
from penstock_workers.host.secrets import keep_secret, secrets_of
from penstock_workers.host.task_failure import CALL_TIMEOUT
from penstock_workers.option_text import text_of


def load(spec: TaskSpec) -> Connector[Any]:
    """The connector, with its configuration. Raises BadConfiguration, and Failed where it cannot be imported."""
    module, _, class_name = spec.import_path.partition(":")
    try:
        connector_class = getattr(importlib.import_module(module), class_name)
    except Exception as error:
        raise Failed(
            f"cannot import {spec.import_path}",
            code="plugin-import-failed",
            where=spec.import_path,
            hint="reinstall the plugin, or correct what its import raised",
        ) from error
    config_class = connector_class.config_class()
    schema = config_class.json_schema()
    keep_secret(secrets_of(schema, spec.config))
    own = schema["properties"]
    config = {key: value for key, value in spec.config.items() if key in own or not is_common(key)}
    connector: Connector[Any] = connector_class(config_class.parse(config))
    return connector


async def divided(spec: TaskSpec, source: Source[Any]) -> list[dict[str, str]]:
    """Its work, in parts. Raises Failed where they are no configurations, or too many."""
    try:
        async with asyncio.timeout(spec.call_timeout_seconds):
            answer = await type(source).split(source.config, spec.split_max)
    except TimeoutError as error:
        text = f"split did not return in {spec.call_timeout_seconds:g} s"
        raise Failed(text, code=CALL_TIMEOUT, where=spec.import_path) from error
    if not isinstance(answer, Sequence) or not all(isinstance(part, Mapping) for part in answer):
        text = f"split answered {answer!r:.100}, not a list with the options of each task"
        raise Failed(text, where=spec.import_path)
    parts = [_differing(spec.config, part) for part in answer]
    if not 1 <= len(parts) <= spec.split_max:
        text = f"split answered {len(parts)} parts, not 1 to tasks.max={spec.split_max}"
        raise Failed(text, where=spec.import_path)
    for part in parts:
        try:
            load(replace(spec, config={**spec.config, **part}))
        except BadConfiguration as error:
            raise Failed(f"split answered {part}: {error}", where=spec.import_path) from error
    return parts


def _differing(config: Mapping[str, str], part: Mapping[str, Any]) -> dict[str, str]:
    """The options that do. They are written to a topic, where those that are the same would show resolved secrets."""
    texts = {key: text_of(value) for key, value in part.items()}
    return {key: text for key, text in texts.items() if text != config.get(key)}
