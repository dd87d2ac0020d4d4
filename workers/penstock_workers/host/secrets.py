"""What no error, log line or dead letter of this process may tell: values of secret options, and whatever references
to secrets stood for. An exception easily holds one, an address with the password in it say, and becomes a trace that
anybody may read. Errors are told so that they can be: an author may raise whatever there is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from penstock_workers.host.messages import Failed
from penstock_workers.recent_errors import TaskError

HIDDEN = "[hidden]"
SHORTEST = 6
"""Characters of what is hidden: a password such as `test` is in many words, and hiding it would tell it."""
LONGEST_LINE, LONGEST_TEXT, LONGEST_TRACE = 4_096, 16_384, 131_072
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


def tellable(text: str, longest: int) -> str:
    """Without secrets, no longer than a record of a topic may be, and in characters that every reader has: a name of a
    file that is no text comes with halves of pairs of surrogates."""
    lines = (_shortened(line, LONGEST_LINE) for line in without_secrets(text).split("\n"))
    return _shortened("\n".join(lines), longest).encode("utf-8", "backslashreplace").decode()


def _shortened(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    return f"{text[: longest // 2]} ... {len(text) - longest} characters more ... {text[-longest // 2 :]}"


def safe_failure(failed: Failed) -> Failed:
    problem = {name: tellable(str(text), LONGEST_TEXT) for name, text in failed.problem.items()}
    return msgspec.structs.replace(failed, problem=problem, trace=tellable(failed.trace, LONGEST_TRACE))


def safe_error(error: TaskError) -> TaskError:
    texts = {name: tellable(getattr(error, name), LONGEST_TEXT) for name in ("cause", "message", "where", "hint")}
    return msgspec.structs.replace(error, **texts)
