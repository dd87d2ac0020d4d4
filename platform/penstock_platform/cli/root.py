"""The root of the command tree, and what an error looks like in a terminal.

Data goes to stdout, talk to stderr. Exit codes: 0 done, 1 failed at run time, 2 the input was wrong, 3 the environment
(a port, a disk, no server) was not as needed, 130 interrupted.
"""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from penstock import BadConfiguration, PenstockError, Problem

COMMANDS = {
    "up": "Run everything in one process tree: the log, a worker and its REST API.",
    "log": "Run a node of the log.",
    "worker": "Run a worker and its REST API on any Kafka.",
    "connector": "List, create, change and watch connectors.",
    "plugin": "List installed plugins and their options, make new ones.",
    "topic": "List, describe, create, change, watch and delete topics.",
    "group": "List consumer groups, see their lag, reset their offsets.",
    "user": "List, add and remove the users that may log in to the log.",
    "produce": "Write lines from stdin to a topic.",
    "consume": "Print the records of a topic.",
}
FAILED, WRONG_INPUT, WRONG_ENVIRONMENT, INTERRUPTED = 1, 2, 3, 130
INPUT_CODES = {"ambiguous-connector-class", "bad-offsets", "bad-request", "unknown-connector-class"}
ENVIRONMENT_CODES = {
    "port-in-use",
    "data-dir-in-use",
    "cannot-listen",
    "connection-lost",
    "no-server",
    "log-unavailable",
    "authentication-failed",
    "tls-failed",
}


class UnknownName(PenstockError):
    """What the command line names is not there: wrong input, where the same code from a server's run is a failure."""


class LazyGroup(click.Group):
    """Knows the names and help lines of its commands, and imports a command's module when it is called."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"penstock_platform.cli.{name}_command").command
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(self, context: click.Context, arguments: list[str]) -> Any:
        try:
            return super().resolve_command(context, arguments)
        except click.UsageError as error:
            near = difflib.get_close_matches(arguments[0], COMMANDS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise click.UsageError(error.message + hint, context) from None


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="penstock", message="penstock %(version)s")
def root() -> None:
    """Penstock moves records between systems through a Kafka-compatible log.

    Start with `penstock up`, then post a connector to its REST API or use `penstock connector create`.
    """


def run(arguments: Sequence[str]) -> int:
    """Run a command line and answer its exit code."""
    try:
        code = root.main(args=list(arguments), prog_name="penstock", standalone_mode=False, color=colour())
        return code if isinstance(code, int) else 0
    except click.exceptions.Abort:
        return INTERRUPTED
    except click.ClickException as error:
        error.show()
        return WRONG_INPUT
    except BrokenPipeError:  # the reader of our output left, as `head` does
        sys.stderr.close()
        return 0
    except PenstockError as error:
        for problem in error.problems if isinstance(error, BadConfiguration) else [error.problem]:
            show(problem)
        return exit_code(error)


def exit_code(error: PenstockError) -> int:
    if isinstance(error, BadConfiguration | UnknownName) or error.problem.code in INPUT_CODES:
        return WRONG_INPUT
    return WRONG_ENVIRONMENT if error.problem.code in ENVIRONMENT_CODES else FAILED


def show(problem: Problem) -> None:
    """One problem on stderr: code and place, what was wrong, and what to do."""
    place = f"  {problem.where}" if problem.where else ""
    click.echo(click.style("✗ ", fg="red") + click.style(problem.code, bold=True) + place, err=True, color=colour())
    click.echo(f"    {problem.message}", err=True)
    if problem.hint:
        click.echo(click.style("  → ", fg="cyan") + problem.hint, err=True, color=colour())


def colour() -> bool | None:
    """None lets click decide: in a terminal, but not in a pipe. See no-color.org."""
    return False if os.environ.get("NO_COLOR") else None
