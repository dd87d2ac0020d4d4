"""What no error, log line or dead letter of this process may tell: values of secret options, and whatever references
to secrets stood for. An exception easily holds one, an address with the password in it say, and becomes a trace that
anybody may read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from penstock_workers.host.messages import Failed
from penstock_workers.recent_errors import TaskError

HIDDEN = "[hidden]"
SHORTEST = 4
"""Characters of what is hidden: less is in many words."""
_secrets: list[str] = []


def keep_secret(values: Iterable[str]) -> None:
    """From now on."""
    _secrets.extend(value for value in values if len(value) >= SHORTEST and value not in _secrets)
    _secrets.sort(key=len, reverse=True)  # one may be in another


def secrets_of(schema: Mapping[str, Any], config: Mapping[str, str]) -> list[str]:
    return [config[key] for key, option in schema["properties"].items() if option.get("writeOnly") and key in config]


def without_secrets(text: str) -> str:
    for secret in _secrets:
        text = text.replace(secret, HIDDEN)
    return text


def safe_failure(failed: Failed) -> Failed:
    problem = {name: without_secrets(text) if isinstance(text, str) else text for name, text in failed.problem.items()}
    return msgspec.structs.replace(failed, problem=problem, trace=without_secrets(failed.trace))


def safe_error(error: TaskError) -> TaskError:
    texts = {name: without_secrets(getattr(error, name)) for name in ("cause", "message", "where", "hint")}
    return msgspec.structs.replace(error, **texts)
