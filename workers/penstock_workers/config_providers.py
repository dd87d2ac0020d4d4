"""References to secrets in configurations, `${provider:path:key}`, as Kafka Connect's providers have them.

The log, REST and the workers only ever see the reference. The process of a task resolves it when it starts; a worker
resolves those of its own configuration, by its own providers: plugins' code runs in no worker.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from penstock import BadConfiguration, ConfigProvider, Problem
from penstock.config_provider import ConfigProviderClass
from penstock.validation import validate
from penstock_workers.own_config_providers import OWN
from penstock_workers.plugins import ConfigProviderInfo

KEY = "config.providers"
NOT_THERE = (LookupError, FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError, UnicodeDecodeError)
_BRACES = re.compile(r"\$\{([^}]*)\}")


class UnresolvedReference(Exception):
    """A provider failed in a way that may pass."""


@dataclass(frozen=True, slots=True)
class ConfiguredProvider:
    """What a worker's configuration says of a provider. The process of a task makes it."""

    class_name: str
    params: Mapping[str, str] = field(default_factory=dict, repr=False)  # a plugin's may be secrets
    import_path: str = ""
    """Empty until it is known which plugin brings it."""


def providers_of(config: Mapping[str, Any]) -> dict[str, ConfiguredProvider]:
    """Those that a worker's configuration names, our own located. Raises BadConfiguration."""
    names = [name.strip() for name in str(config.get(KEY, "")).split(",") if name.strip()]
    providers = {name: _configured(name, config) for name in names}
    own = located({name: each for name, each in providers.items() if _called(each.class_name, OWN)}, OWN)
    for name, provider in own.items():
        _made(name, provider)  # tells what the schema cannot
    return providers | own


def located(
    providers: Mapping[str, ConfiguredProvider], classes: Collection[ConfigProviderInfo]
) -> dict[str, ConfiguredProvider]:
    """With the places of their classes. Raises BadConfiguration for a class that is not there, and for its options."""
    found = {}
    for name, provider in providers.items():
        info = _called(provider.class_name, classes)
        if info is None:
            raise BadConfiguration(
                f"{provider.class_name} is no config provider that is installed here",
                where=f"{KEY}.{name}.class",
                hint=f"install the plugin that brings it, or use one of {', '.join(each.name for each in classes)}",
            )
        if problems := list(_of_params(name, validate(info.schema, provider.params).problems)):
            raise BadConfiguration(problems)
        found[name] = replace(provider, import_path=info.import_path)
    return found


def resolved(
    config: Mapping[str, Any],
    providers: Mapping[str, ConfiguredProvider],
    found: Callable[[Iterable[str]], None] = lambda values: None,
) -> dict[str, Any]:
    """With the values that its references stand for, each of which `found` is told first. Raises BadConfiguration,
    which names the reference, where that is not there, and UnresolvedReference."""
    if not providers:
        return dict(config)

    @cache
    def made(name: str) -> ConfigProvider[Any]:
        return _made(name, providers[name])

    def in_place(key: str, value: str) -> str:
        def replacement(braces: re.Match[str]) -> str:
            name, *place = braces[1].split(":", 2)
            if name not in providers or not place:
                return braces[0]
            value = _value(made(name), "".join(place[:-1]), place[-1], key, braces[0])
            found([value])
            return value

        end = _end_of_braces(value)
        return _BRACES.sub(replacement, value[:end]) + value[end:]

    return {key: in_place(key, value) if isinstance(value, str) else value for key, value in config.items()}


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


def _value(provider: ConfigProvider[Any], path: str, key: str, where: str, reference: str) -> str:
    try:
        value = provider.value(path, key)
    except NOT_THERE as error:
        reason = _reason(error)
        raise BadConfiguration(
            f"{reference} cannot be resolved: {reason}",
            where=where,
            hint="the file, variable or whatever it is has to be there for the worker's user, on every worker",
        ) from None  # of a file that is no text, the error would show its content
    except Exception as error:
        raise UnresolvedReference(f"{where}: {reference} cannot be resolved now: {type(error).__name__}") from error
    if not isinstance(value, str):
        text = f"{type(provider).__name__} answered to {reference} with {type(value).__name__}, which is no text"
        raise BadConfiguration(text, where=where)
    return value


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is no UTF-8 text"
    if isinstance(error, OSError):
        return error.strerror or "it is not there"
    return str(error.args[0]) if error.args else "it is not there"


def _made(name: str, provider: ConfiguredProvider) -> ConfigProvider[Any]:
    """In a task host: this imports the code of plugins."""
    module, _, class_name = provider.import_path.partition(":")
    provider_class: ConfigProviderClass = getattr(importlib.import_module(module), class_name)
    try:
        return provider_class(provider_class.config_class().parse(provider.params))
    except BadConfiguration as error:
        raise BadConfiguration(list(_of_params(name, error.problems))) from error.__cause__


def _of_params(name: str, problems: Iterable[Problem]) -> Iterator[Problem]:
    for problem in problems:
        yield Problem(problem.code, problem.message, f"{KEY}.{name}.param.{problem.where}", problem.hint)


def _configured(name: str, config: Mapping[str, Any]) -> ConfiguredProvider:
    prefix = f"{KEY}.{name}.param."
    params = {key.removeprefix(prefix): str(value) for key, value in config.items() if key.startswith(prefix)}
    return ConfiguredProvider(str(config.get(f"{KEY}.{name}.class", name)), params)


def _called(class_name: str, classes: Iterable[ConfigProviderInfo]) -> ConfigProviderInfo | None:
    return next((each for each in classes if each.is_called(class_name)), None)
