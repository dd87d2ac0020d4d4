"""The command line: every command, with its arguments and options, from click."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterator
from enum import Enum
from typing import Any

import click

from penstock_platform.cli.root import root
from writers.markdown import table

EXIT_CODES = {
    "0": "done",
    "1": "it failed at run time",
    "2": "the input was wrong: an option, a configuration, a name of nothing that exists",
    "3": "the environment was not as needed: a port in use, no server",
    "130": "interrupted",
}

INTRODUCTION = """# Command line

Data goes to stdout, talk to stderr. `-h` and `--help` show a command's help. A table is made to fit the terminal, and
is whole in a pipe; scripts take `-o json`. `NO_COLOR` takes the colours away. For completion of commands and options
put one of these into your shell's startup file:

```sh
eval "$(_PENSTOCK_COMPLETE=bash_source penstock)"   # ~/.bashrc
eval "$(_PENSTOCK_COMPLETE=zsh_source penstock)"    # ~/.zshrc
_PENSTOCK_COMPLETE=fish_source penstock | source    # ~/.config/fish/config.fish
```

"""


def command_line() -> str:
    page = INTRODUCTION + table(["exit code", "meaning"], ([f"`{code}`", text] for code, text in EXIT_CODES.items()))
    return page + "".join(_section(path, command) for path, command in _commands("penstock", root))


def _commands(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group) or command.invoke_without_command:
        yield path, command
    if not isinstance(command, click.Group):
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        child = command.get_command(context, name)
        assert child is not None
        yield from _commands(f"{path} {name}", child)


def _section(path: str, command: click.Command) -> str:
    arguments = [each for each in command.params if isinstance(each, click.Argument)]
    options = [each for each in command.params if isinstance(each, click.Option)]
    usage = " ".join([path, *(["[OPTIONS]"] if options else []), *map(_argument, arguments)])
    rows = [[_names(each), _value(each), _default(each), _help(each)] for each in options]
    listed = table(["option", "value", "default", "meaning"], rows) if rows else ""
    return f"## `{path}`\n\n    {usage}\n\n{_text(command.help or '')}\n\n{listed}"


def _names(option: click.Option) -> str:
    return ", ".join(f"`{name}`" for name in option.opts)


def _argument(argument: click.Argument) -> str:
    name = (argument.name or "").upper()
    return f"{name.removesuffix('S')}..." if argument.nargs == -1 else name


def _text(text: str) -> str:
    """click's help text; what it must not wrap is an example."""
    parts = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(
        textwrap.indent(part.lstrip("\b").strip("\n"), "    ") if part.startswith("\b") else part for part in parts
    )


def _value(option: click.Option) -> str:
    if option.is_flag:
        return ""
    if isinstance(option.type, click.Choice):
        return " or ".join(f"`{choice}`" for choice in option.type.choices)
    name = option.metavar or option.type.name
    return f"{name}, may be repeated" if option.multiple else name.removesuffix(" range")


def _default(option: click.Option) -> str:
    default: Any = option.default
    if option.is_flag or option.multiple or default is None or isinstance(default, Enum):
        return ""
    return f"`{default}`"


def _help(option: click.Option) -> str:
    environment = f" Environment: `{option.envvar}`." if option.envvar else ""
    return (option.help or "") + environment
