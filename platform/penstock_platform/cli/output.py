"""How commands print: tables for people, JSON for scripts."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any

import click

GAP = "  "
LEAST = 20
"""Of the last column, in characters: it says the most, a cause or a description."""
STATE_STYLES = {
    "RUNNING": ("✓", "green"),
    "FAILED": ("✗", "red"),
    "RESTARTING": ("!", "yellow"),
    "UNASSIGNED": ("!", "yellow"),
    "PAUSED": ("‖", "cyan"),
    "STOPPED": ("■", "bright_black"),
}


def output_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True, help="Format."
    )(command)


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def tell_unanswered(workers: Sequence[Mapping[str, str]]) -> None:
    """Beside an answer of all workers: those whose part is missing."""
    for worker in workers:
        click.echo(f"Worker {worker['worker_id']} at {worker['url']} did not answer: {worker['why']}", err=True)


def print_table(headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Columns as wide as their widest cell, numbers to the right, no lines drawn. A terminal that is too narrow gets
    fewer of them; what goes into a pipe is whole."""
    cells = [[_text(cell) for cell in row] for row in rows]
    widths = dict(enumerate(max(map(len, column)) for column in zip(headings, *cells, strict=True)))
    if sys.stdout.isatty():
        widths = fitted(widths, shutil.get_terminal_size().columns)
    numeric = {index for index in widths if rows and all(isinstance(row[index], int | float) for row in rows)}
    click.echo(click.style(_line(headings, widths, numeric), bold=True))
    for row in cells:
        click.echo(_line(row, widths, numeric))


def fitted(widths: Mapping[int, int], room: int) -> dict[int, int]:
    """The columns, and their widths, that fit. The last column is cut, down to LEAST; then those before it are left
    out, from the right, but for the first two."""
    *left, last = widths
    while (used := sum(widths[index] + len(GAP) for index in left)) + min(widths[last], LEAST) > room and len(left) > 2:
        left.pop()
    return {index: widths[index] for index in left} | {last: min(widths[last], max(room - used, LEAST))}


def state_text(state: str) -> str:
    """State = sign + word, so that colour is never the only carrier."""
    sign, _ = STATE_STYLES.get(state, ("?", "white"))
    return f"{sign} {state}"


def human(number: float) -> str:
    """1234567 -> 1.23M"""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= limit:
            return f"{number / limit:.3g}{unit}"
    return f"{number:.3g}" if number != int(number) else str(int(number))


def _text(cell: Any) -> str:
    return "" if cell is None else str(cell)


def _line(row: Sequence[str], widths: Mapping[int, int], numeric: Set[int]) -> str:
    parts = [
        _styled(row[index], row[index].rjust(width) if index in numeric else _cut(row[index], width).ljust(width))
        for index, width in widths.items()
    ]
    return GAP.join(parts).rstrip()


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _styled(text: str, padded: str) -> str:
    """In the colour of its state, where it is one."""
    state = text.rpartition(" ")[2]
    if state in STATE_STYLES and text == state_text(state):
        return click.style(padded, fg=STATE_STYLES[state][1])
    return padded
