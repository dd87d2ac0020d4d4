"""The process that imports plugins and tells what they offer: `python -m penstock_platform.plugins.probe [SKIP ...]`.

It writes one line of JSON before it loads a plugin and one after, so that whoever reads them knows which plugin hung
or took the process with it. A plugin that fails is reported and never hides the others.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import asdict
from importlib.metadata import EntryPoint, entry_points
from itertools import chain
from pathlib import PurePath
from typing import Any, NamedTuple, TextIO, TypeAlias

import pluggy

from penstock import ConfigProvider, Converter, Problem, hooks
from penstock.connector import Sink, Source, is_source
from penstock_workers.converters.registry import describe as describe_converter
from penstock_workers.own_config_providers import describe as describe_config_provider

Describe: TypeAlias = Callable[[Any, EntryPoint], dict[str, Any]]


def main() -> None:
    output = _private_stdout()
    for entry_point in installed(skip=set(sys.argv[1:])):
        _write(output, {"loading": entry_point.name})
        offered, problems = load(entry_point)
        described = {
            "plugins": list(described_ones(offered.connectors, connector, entry_point, problems)),
            "converters": list(described_ones(offered.converters, converter, entry_point, problems)),
            "config_providers": list(described_ones(offered.config_providers, config_provider, entry_point, problems)),
        }
        _write(output, {**described, "problems": [problem.to_dict() for problem in problems]})
    os._exit(0)  # a thread that a plugin started would keep this process alive


def installed(skip: Set[str]) -> Iterator[EntryPoint]:
    for entry_point in sorted(entry_points(group=hooks.ENTRY_POINT_GROUP), key=lambda each: each.name):
        if entry_point.name not in skip:
            yield entry_point


class Offered(NamedTuple):
    """The classes that a plugin names, whatever they are."""

    connectors: Sequence[Any] = ()
    converters: Sequence[Any] = ()
    config_providers: Sequence[Any] = ()


def load(entry_point: EntryPoint) -> tuple[Offered, list[Problem]]:
    """Import one plugin and call its hooks. Whatever its code raises becomes a problem."""
    manager = pluggy.PluginManager(hooks.PROJECT_NAME)
    manager.add_hookspecs(hooks)
    try:
        module = entry_point.load()
        manager.register(module, entry_point.name)
        manager.check_pending()
        if not manager.get_hookcallers(module):
            return Offered(), [_offers_nothing(entry_point)]
        hook = manager.hook
        hooks_of = (hook.penstock_connectors, hook.penstock_converters, hook.penstock_config_providers)
        return Offered(*(list(chain(*each())) for each in hooks_of)), []
    except (Exception, SystemExit) as error:
        return Offered(), [_broken(entry_point, error)]


def described_ones(
    classes: Sequence[Any], describe: Describe, entry_point: EntryPoint, problems: list[Problem]
) -> Iterator[dict[str, Any]]:
    """Those that can be used; of each other one there is a problem more."""
    for each in classes:
        try:
            description = describe(each, entry_point)
            json.dumps(description)  # a default that is not JSON shows here, beside the plugin that it belongs to
        except Exception as error:
            problems.append(_broken(entry_point, error))
        else:
            yield description


def connector(each: Any, entry_point: EntryPoint) -> dict[str, Any]:
    """A `PluginInfo` as JSON."""
    if not (isinstance(each, type) and issubclass(each, Source | Sink)):
        raise TypeError(f"{each!r} is neither a Source nor a Sink")
    return {
        "class_name": _class_name(each),
        "type": "source" if is_source(each) else "sink",
        "version": each.version or _version(entry_point),
        "import_path": f"{each.__module__}:{each.__qualname__}",
        "schema": each.config_class().json_schema(),
        "splits": issubclass(each, Source) and _splits(each),
        "keeps_offsets": issubclass(each, Sink) and each.assigned is not Sink.assigned,
        "aliases": list(each.aliases),
        "columns_hold": each.columns_hold,
    }


def converter(each: Any, entry_point: EntryPoint) -> dict[str, Any]:
    """A `ConverterInfo` as JSON."""
    if not (isinstance(each, type) and issubclass(each, Converter)):
        raise TypeError(f"{each!r} is no Converter")
    return asdict(describe_converter(each, _class_name(each), _version(entry_point)))


def config_provider(each: Any, entry_point: EntryPoint) -> dict[str, Any]:
    """A `ConfigProviderInfo` as JSON."""
    if not (isinstance(each, type) and issubclass(each, ConfigProvider)):
        raise TypeError(f"{each!r} is no ConfigProvider")
    return asdict(describe_config_provider(each, _class_name(each), _version(entry_point)))


def _class_name(each: type) -> str:
    """As configurations write it. Raises TypeError."""
    if "<locals>" in each.__qualname__:
        raise TypeError(f"{each.__qualname__} is defined in a function, where no task host can import it")
    return f"{each.__module__.partition('.')[0]}.{each.__name__}"


def _splits(source: type[Source[Any]]) -> bool:
    """It has a `split` of its own."""
    return any("split" in each.__dict__ for each in source.__mro__[: source.__mro__.index(Source)])


def _version(entry_point: EntryPoint) -> str:
    return entry_point.dist.version if entry_point.dist else ""


def _broken(entry_point: EntryPoint, error: BaseException) -> Problem:
    hint = "repair the plugin, or uninstall it"
    if isinstance(error, ModuleNotFoundError):
        hint = f"install the module {error.name} beside the plugin, or uninstall the plugin"
    return Problem(
        "broken-plugin", f"plugin {entry_point.name}: {type(error).__name__}: {error}", _place(entry_point, error), hint
    )


def _place(entry_point: EntryPoint, error: BaseException) -> str:
    """The last line of the plugin's own code that took part, which is what its author has to look at."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    package = entry_point.module.partition(".")[0]
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = PurePath(frame.filename)
        if package in path.parts or package == path.stem:
            return f"{frame.filename}:{frame.lineno}"
    return f"entry point {entry_point.name} = {entry_point.value}"


def _offers_nothing(entry_point: EntryPoint) -> Problem:
    return Problem(
        "empty-plugin",
        f"plugin {entry_point.name} offers nothing",
        f"entry point {entry_point.name} = {entry_point.value}",
        "mark a function penstock_connectors(), penstock_converters() or penstock_config_providers() with @hookimpl in"
        " the module that the entry point names",
    )


def _private_stdout() -> TextIO:
    """Where this process answers. What plugins print while they are imported goes to stderr instead."""
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return output


def _write(output: TextIO, message: dict[str, Any]) -> None:
    output.write(json.dumps(message) + "\n")
    output.flush()


if __name__ == "__main__":
    main()
