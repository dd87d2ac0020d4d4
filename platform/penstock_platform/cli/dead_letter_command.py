"""`penstock connector dead-letters`: the records that a connector went on without."""

from __future__ import annotations

from typing import Any

import click

from penstock_platform.cli import dead_letter_text
from penstock_platform.cli.output import output_option, print_json, print_table
from penstock_platform.cli.rest_client import RestClient, url_option


@click.group(name="dead-letters")
def command() -> None:
    """List, show and replay the records that a connector went on without."""


@command.command("list")
@click.argument("name")
@click.option("-n", "--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many, at most.")
@url_option
@output_option
def list_letters(name: str, limit: int, url: str, output: str) -> None:
    """The latest dead letters of connector NAME, the newest first."""
    answer = RestClient(url).connector("GET", name, f"/dead-letters?limit={limit}")
    if output == "json":
        print_json(answer)
    elif not answer["dead_letters"]:
        click.echo(f"{name}: no dead letters in {answer['topic']}", err=True)
    else:
        print_table(["LETTER", "TIME", "FROM", "STAGE", "REPLAYED", "CAUSE"], list(map(_row, answer["dead_letters"])))


@command.command("show")
@click.argument("name")
@click.argument("letter")
@url_option
@output_option
def show_letter(name: str, letter: str, url: str, output: str) -> None:
    """One dead letter in full. LETTER is PARTITION:OFFSET, as `list` shows it."""
    place = _place(letter)
    answer = RestClient(url).connector("GET", name, f"/dead-letters/{place['partition']}/{place['offset']}")
    if output == "json":
        print_json(answer)
    else:
        click.echo("\n".join(dead_letter_text.lines(answer)))


@command.command("replay")
@click.argument("name")
@click.argument("letters", nargs=-1)
@click.option("--all", "all_letters", is_flag=True, help="All that have not been replayed yet.")
@click.option("--again", is_flag=True, help="Also those named that have been replayed before.")
@url_option
@output_option
def replay(name: str, letters: tuple[str, ...], all_letters: bool, again: bool, url: str, output: str) -> None:
    """Put dead letters of NAME back into the topics that they come from: LETTERS (PARTITION:OFFSET), or --all."""
    if bool(letters) == all_letters:
        raise click.UsageError("name the letters, or give --all")
    if all_letters and again:
        raise click.UsageError("--again goes with named letters")
    body = {} if all_letters else {"dead_letters": list(map(_place, letters)), "again": again}
    total = _replayed(RestClient(url), name, body)
    if output == "json":
        print_json(total)
        return
    click.echo(f"{name}: {len(total['replayed'])} replayed", err=True)
    for each in total["left_out"]:
        click.echo(f"{each['partition']}:{each['offset']} left out: {each['reason']}", err=True)


def _replayed(client: RestClient, name: str, body: dict[str, Any]) -> dict[str, Any]:
    """What all rounds that it takes answer together. A terminal sees how far it is."""
    from rich.console import Console
    from rich.text import Text

    total: dict[str, Any] = {"replayed": [], "left_out": [], "remaining": True}
    with Console(stderr=True).status(Text(f"{name}: replaying")) as status:
        while total["remaining"]:
            answer = client.connector("POST", name, "/dead-letters/replay", body)
            total = {
                "replayed": total["replayed"] + answer["replayed"],
                "left_out": total["left_out"] + answer["left_out"],
                "remaining": answer["remaining"],
            }
            status.update(Text(f"{name}: {len(total['replayed'])} replayed so far"))
    return total


def _row(letter: dict[str, Any]) -> list[str]:
    return [
        f"{letter['partition']}:{letter['offset']}",
        dead_letter_text.time_of(letter),
        dead_letter_text.place_of(letter),
        letter["stage"],
        "yes" if letter["replayed"] else "",
        dead_letter_text.cause_of(letter),
    ]


def _place(letter: str) -> dict[str, int]:
    partition, separator, offset = letter.partition(":")
    if not (separator and partition.isdecimal() and offset.isdecimal()):
        raise click.UsageError(f"{letter}: write PARTITION:OFFSET, as `list` shows it")
    return {"partition": int(partition), "offset": int(offset)}
