"""`penstock user`: who may log in to the log."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from penstock import BadConfiguration
from penstock_platform.cli.kafka import connected, log_options, run
from penstock_platform.cli.output import output_option, print_json, print_table
from penstock_platform.cli.root import UnknownName

if TYPE_CHECKING:
    from penstock_workers.log_connection import LogConnection

MECHANISMS = ("SCRAM-SHA-256", "SCRAM-SHA-512")


@click.group(name="user")
def command() -> None:
    """List, add and remove the users that may log in to the log, change their passwords."""


@command.command("list")
@log_options
@output_option
def list_users(log: LogConnection, output: str) -> None:
    """All users, and by which mechanisms they can log in."""
    users = run(_read(log))
    if output == "json":
        print_json(users)
    elif users:
        print_table(["USER", "MECHANISMS"], [[each["user"], ", ".join(each["mechanisms"])] for each in users])
    else:
        click.echo("No users yet. Add one: penstock user set NAME", err=True)


@command.command("set")
@click.argument("name")
@click.option(
    "--mechanism",
    "mechanisms",
    multiple=True,
    type=click.Choice(MECHANISMS),
    help="Only for this one. Default: for all.",
)
@log_options
def set_user(name: str, mechanisms: tuple[str, ...], log: LogConnection) -> None:
    """Add user NAME, or change the password, which is asked for, or read from stdin.

    The password is not sent: the log is told what is computed from it. Who is logged in stays so.
    """
    run(_set(name, _password(), mechanisms or MECHANISMS, log))
    click.echo(f"{name}: has this password now", err=True)


@command.command("delete")
@click.argument("name")
@click.confirmation_option("--yes", prompt="This user will not be able to log in. Delete?")
@log_options
def delete_user(name: str, log: LogConnection) -> None:
    """Remove user NAME. Who is logged in stays so."""
    if not run(_delete(name, log)):
        raise UnknownName("there is no such user", code="unknown-user", where=name, hint="penstock user list")
    click.echo(f"{name}: deleted", err=True)


def _password() -> str:
    if sys.stdin.isatty():
        password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise BadConfiguration("the password is empty", where="stdin")
    return password


async def _read(log: LogConnection) -> list[dict[str, Any]]:
    from penstock_platform.cli.scram_users import read_users

    async with _admin(log) as admin:
        return await read_users(admin)


async def _set(name: str, password: str, mechanisms: tuple[str, ...], log: LogConnection) -> None:
    from penstock_platform.cli.scram_users import set_password

    async with _admin(log) as admin:
        await set_password(admin, name, password, mechanisms)


async def _delete(name: str, log: LogConnection) -> bool:
    from penstock_platform.cli.scram_users import delete_user

    async with _admin(log) as admin:
        return await delete_user(admin, name)


def _admin(log: LogConnection) -> Any:
    from aiokafka.admin import AIOKafkaAdminClient

    return connected(AIOKafkaAdminClient, log)
