"""References to secrets in configurations, `${provider:path:key}`, as Kafka Connect's providers have them.

The log, REST and the workers only ever see the reference. The process of a task resolves it when it starts; a worker
resolves those of its own configuration.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from penstock import BadConfiguration
from penstock_workers.properties import properties

KEY = "config.providers"
JAVA = "org.apache.kafka.common.config.provider."
KINDS = {"file": "FileConfigProvider", "directory": "DirectoryConfigProvider", "env": "EnvVarConfigProvider"}
"""What there is, with Kafka's class for it."""
_BRACES = re.compile(r"\$\{([^}]*)\}")


@dataclass(frozen=True, slots=True)
class ConfigProvider:
    kind: str
    params: Mapping[str, str] = field(default_factory=dict)

    def value(self, path: str, key: str) -> str:
        """Raises LookupError, which says what is missing, and OSError."""
        match self.kind:
            case "env":
                return _variable(key, self.params.get("allowlist.pattern", ".*"))
            case "file":
                values = properties(self._allowed(path).read_text(encoding="utf-8"))
            case _:
                file = self._allowed(path) / key
                return self._allowed(str(file)).read_text(encoding="utf-8")
        if key not in values:
            raise LookupError(f"{path} has no {key}")
        return values[key]

    def _allowed(self, path: str) -> Path:
        allowed = [Path(each.strip()) for each in self.params.get("allowed.paths", "/").split(",") if each.strip()]
        real = Path(path).resolve()
        if not any(real.is_relative_to(each.resolve()) for each in allowed):
            raise LookupError(f"{path} is outside of allowed.paths")
        return real


def providers_of(config: Mapping[str, Any]) -> dict[str, ConfigProvider]:
    """Those that a worker's configuration names. Raises BadConfiguration."""
    names = [name.strip() for name in str(config.get(KEY, "")).split(",") if name.strip()]
    return {name: _provider(name, config) for name in names}


def resolved(config: Mapping[str, Any], providers: Mapping[str, ConfigProvider]) -> dict[str, Any]:
    """With the values that its references stand for. Raises BadConfiguration, which names the reference."""
    if not providers:
        return dict(config)
    return {key: _resolved(key, value, providers) if isinstance(value, str) else value for key, value in config.items()}


def has_reference(value: str, providers: Collection[str]) -> bool:
    """To one of these providers; what looks like one to any other is text, as in Kafka Connect."""
    braces = _BRACES.finditer(value, 0, _end_of_braces(value)) if providers else ()
    return any(name in providers for name, colon, _ in (match[1].partition(":") for match in braces) if colon)


def is_reference(value: str, providers: Collection[str]) -> bool:
    """To one of these providers and nothing else: it says where a secret is, and nothing of it."""
    return _BRACES.fullmatch(value) is not None and has_reference(value, providers)


def _end_of_braces(value: str) -> int:
    """Nothing behind the last closing one is looked at: each opening one would be searched for its end there."""
    return value.rfind("}") + 1


def _resolved(key: str, value: str, providers: Mapping[str, ConfigProvider]) -> str:
    def replacement(reference: re.Match[str]) -> str:
        name, *place = reference[1].split(":", 2)
        provider = providers.get(name)
        if provider is None or not place:
            return reference[0]
        try:
            return provider.value("".join(place[:-1]), place[-1])
        except (LookupError, OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else error.args[0]
            raise BadConfiguration(
                f"{reference[0]} cannot be resolved: {reason}",
                where=key,
                hint="the file or variable has to be there for the worker's user, on every worker",
            ) from None  # of a file that is no text, the error would show its content

    end = _end_of_braces(value)
    return _BRACES.sub(replacement, value[:end]) + value[end:]


def _provider(name: str, config: Mapping[str, Any]) -> ConfigProvider:
    prefix = f"{KEY}.{name}."
    class_name = str(config.get(f"{prefix}class", name))
    kinds = {spelling: kind for kind, java in KINDS.items() for spelling in (kind, java, JAVA + java)}
    if class_name not in kinds:
        raise BadConfiguration(
            f"{class_name} is no provider of configurations that is known here",
            where=f"{prefix}class",
            hint=f"use one of {', '.join(KINDS)}; secrets of Kubernetes can be mounted as files, for directory",
        )
    params = dict(_prefixed(config, f"{prefix}param."))
    _check_pattern(params.get("allowlist.pattern", ""), f"{prefix}param.allowlist.pattern")
    return ConfigProvider(kinds[class_name], params)


def _check_pattern(pattern: str, where: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise BadConfiguration(f"{pattern} is no regular expression: {error}", where=where) from None


def _prefixed(config: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for key, value in config.items():
        if key.startswith(prefix):
            yield key.removeprefix(prefix), str(value)


def _variable(name: str, allowed: str) -> str:
    if not re.fullmatch(allowed, name):
        raise LookupError(f"{name} does not match allowlist.pattern")
    if name not in os.environ:
        raise LookupError(f"there is no environment variable {name}")
    return os.environ[name]
