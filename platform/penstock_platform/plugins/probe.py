"""The process that imports plugins and tells what they offer: `python -m penstock_platform.plugins.probe [SKIP ...]`.

It writes one line of JSON before it loads a plugin and one after, so that whoever reads them knows which plugin hung
or took the process with it. A plugin that fails is reported and never hides the others.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Iterator, Set
from importlib.metadata import EntryPoint, entry_points
from pathlib import PurePath
from typing import Any, TextIO

import pluggy

from penstock import Problem, hooks
from penstock.connector import Connector, ConnectorClass, Sink, Source, is_source


def main() -> None:
    output = _private_stdout()
    for entry_point in installed(skip=set(sys.argv[1:])):
        _write(output, {"loading": entry_point.name})
        classes, problems = load(entry_point)
        described = [
            description for connector in classes if (description := describe(connector, entry_point, problems))
        ]
        _write(output, {"plugins": described, "problems": [problem.to_dict() for problem in problems]})
    os._exit(0)  # a thread that a plugin started would keep this process alive


def installed(skip: Set[str]) -> Iterator[EntryPoint]:
    for entry_point in sorted(entry_points(group=hooks.ENTRY_POINT_GROUP), key=lambda each: each.name):
        if entry_point.name not in skip:
            yield entry_point


def load(entry_point: EntryPoint) -> tuple[list[ConnectorClass], list[Problem]]:
    """Import one plugin and call its hook. Whatever its code raises becomes a problem."""
    manager = pluggy.PluginManager(hooks.PROJECT_NAME)
    manager.add_hookspecs(hooks)
    try:
        module = entry_point.load()
        manager.register(module, entry_point.name)
        manager.check_pending()
        if not manager.get_hookcallers(module):
            return [], [_offers_nothing(entry_point)]
        return [connector for classes in manager.hook.penstock_connectors() for connector in classes], []
    except (Exception, SystemExit) as error:
        return [], [_broken(entry_point, error)]


def describe(connector: Any, entry_point: EntryPoint, problems: list[Problem]) -> dict[str, Any] | None:
    """A `PluginInfo` as JSON; None, and a problem more, where the class cannot be used."""
    try:
        if not (isinstance(connector, type) and issubclass(connector, Source | Sink)):
            raise TypeError(f"{connector!r} is neither a Source nor a Sink")
        if "<locals>" in connector.__qualname__:
            raise TypeError(f"{connector.__qualname__} is defined in a function, where no task host can import it")
        description = {
            "class_name": f"{connector.__module__.partition('.')[0]}.{connector.__name__}",
            "type": "source" if is_source(connector) else "sink",
            "version": _version(connector, entry_point),
            "import_path": f"{connector.__module__}:{connector.__qualname__}",
            "schema": connector.config_class().json_schema(),
            "splits": issubclass(connector, Source) and _splits(connector),
            "keeps_offsets": issubclass(connector, Sink) and connector.assigned is not Sink.assigned,
            "aliases": list(connector.aliases),
        }
        json.dumps(description)  # a default that is not JSON shows here, beside the plugin that it belongs to
    except Exception as error:
        problems.append(_broken(entry_point, error))
        return None
    return description


def _splits(source: type[Source[Any]]) -> bool:
    """It has a `split` of its own."""
    return any("split" in each.__dict__ for each in source.__mro__[: source.__mro__.index(Source)])


def _version(connector: type[Connector[Any]], entry_point: EntryPoint) -> str:
    return connector.version or (entry_point.dist.version if entry_point.dist else "")


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
        "mark a function penstock_connectors() with @hookimpl in the module that the entry point names",
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
