"""`penstock group`: the consumer groups of any Kafka, sinks' among them (connect-NAME)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from penstock import PenstockError
from penstock_platform.cli.group_offsets import (
    UNKNOWN_STATE,
    GroupState,
    PartitionLag,
    active,
    commit_offsets,
    describe_group,
    group_lag,
    plan_reset,
)
from penstock_platform.cli.kafka import connected, log_options, run
from penstock_platform.cli.output import output_option, print_json, print_table
from penstock_platform.cli.root import UnknownName

if TYPE_CHECKING:
    from penstock_workers.log_connection import LogConnection


@click.group(name="group")
def command() -> None:
    """List consumer groups, see their lag, reset their offsets."""


@command.command("list")
@log_options
@output_option
def list_groups(log: LogConnection, output: str) -> None:
    """All groups with their state, members, and how many records they are behind."""
    groups = run(_groups(log))
    if output == "json":
        print_json(groups)
    elif groups:
        print_table(["GROUP", "STATE", "MEMBERS", "LAG"], [list(group.values()) for group in groups])
    else:
        click.echo("No groups yet: one comes into being with its first consumer.", err=True)


async def _groups(log: LogConnection) -> list[dict[str, Any]]:
    groups = []
    async with _admin(log) as admin:
        for name, _ in sorted(await admin.list_consumer_groups()):
            group = await describe_group(admin, name)
            lags = await group_lag(admin, group, log)
            lag = sum(place.lag or 0 for place in lags)
            groups.append({"group": name, "state": group.state, "members": group.member_count, "lag": lag})
    return groups


@command.command("describe")
@click.argument("name")
@log_options
@output_option
def show_group(name: str, log: LogConnection, output: str) -> None:
    """Partitions of group NAME: what is committed, how far that is behind, and who reads it."""
    group, lags = run(_describe(name, log))
    rows = [
        {
            "topic": lag.topic,
            "partition": lag.partition,
            "committed": lag.committed,
            "end_offset": lag.end_offset,
            "lag": lag.lag,
            "member": lag.member,
        }
        for lag in lags
    ]
    if output == "json":
        print_json({"group": name, "state": group.state, "members": group.member_count, "partitions": rows})
        return
    click.echo(f"{name}: {group.state}, {group.member_count} members", err=True)
    headings = ["TOPIC", "PARTITION", "COMMITTED", "END OFFSET", "LAG", "MEMBER"]
    print_table(headings, [list(row.values()) for row in rows])


@command.command("reset-offsets")
@click.argument("name")
@click.option("--to", required=True, metavar="WHERE", help="earliest, latest, an offset, or a time (2026-11-24T16:00).")
@click.option("--topic", "topics", multiple=True, help="Only this topic. Default: all that the group has read.")
@click.option("--execute", is_flag=True, help="Do it. Without, only what would be done is shown.")
@log_options
@output_option
def reset_offsets(name: str, to: str, topics: tuple[str, ...], execute: bool, log: LogConnection, output: str) -> None:
    """Let group NAME go on from another place. The group must have no members."""
    lags, offsets = run(_reset(name, to, topics, execute, log))
    rows = [
        {"topic": lag.topic, "partition": lag.partition, "from": lag.committed, "to": offset}
        for lag, offset in zip(lags, offsets, strict=True)
    ]
    if output == "json":
        print_json({"group": name, "executed": execute, "partitions": rows})
    else:
        print_table(["TOPIC", "PARTITION", "FROM", "TO"], [list(row.values()) for row in rows])
    if execute:
        click.echo(f"{name}: offsets are reset", err=True)
    else:
        click.echo("nothing is changed yet; do it with --execute", err=True)


async def _reset(
    name: str, to: str, topics: tuple[str, ...], execute: bool, log: LogConnection
) -> tuple[list[PartitionLag], list[int]]:
    group, lags = await _describe(name, log)
    if topics:
        lags = [lag for lag in lags if lag.topic in topics]
    if not lags:
        raise PenstockError("the group has committed nothing there", code="no-offsets", where=name)
    offsets = await plan_reset(lags, to, log)
    if execute:
        if group.state not in ("Empty", UNKNOWN_STATE):  # the log refuses where the unknown is not empty
            raise active(name)
        await commit_offsets(name, lags, offsets, log)
    return lags, offsets


@command.command("delete")
@click.argument("names", nargs=-1, required=True)
@click.confirmation_option("--yes", prompt="These groups' offsets will be gone. Delete?")
@log_options
def delete_groups(names: tuple[str, ...], log: LogConnection) -> None:
    """Delete groups that have no members, and their offsets."""
    for name in names:
        run(_delete(name, log))
        click.echo(f"{name}: deleted", err=True)


async def _delete(name: str, log: LogConnection) -> None:
    from aiokafka.errors import GroupIdNotFound, NonEmptyGroup, for_code
    from aiokafka.protocol.admin import DeleteGroupsRequest

    async with _admin(log) as admin:
        coordinator = await admin.find_coordinator(name)
        response = await admin._send_request(DeleteGroupsRequest([name]), coordinator)
    ((_, code),) = response.results
    match for_code(code):
        case kind if kind is NonEmptyGroup:
            raise active(name)
        case kind if kind is GroupIdNotFound:
            raise _unknown(name)
        case kind if code:
            raise kind(name)


async def _describe(name: str, log: LogConnection) -> tuple[GroupState, list[PartitionLag]]:
    async with _admin(log) as admin:
        if name not in [group for group, _ in await admin.list_consumer_groups()]:
            raise _unknown(name)
        group = await describe_group(admin, name)
        return group, await group_lag(admin, group, log)


def _unknown(name: str) -> UnknownName:
    return UnknownName("there is no such group", code="unknown-group", where=name, hint="penstock group list")


def _admin(log: LogConnection) -> Any:
    from aiokafka.admin import AIOKafkaAdminClient

    return connected(AIOKafkaAdminClient, log)
