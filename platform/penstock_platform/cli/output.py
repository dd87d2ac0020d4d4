"""How commands print: tables for people, JSON for scripts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

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
    """Columns as wide as their widest cell, numbers to the right, no lines drawn."""
    cells = [[_text(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(headings, *cells, strict=True)]
    numeric = [
        bool(rows) and all(isinstance(row[index], int | float) for row in rows) for index in range(len(headings))
    ]
    click.echo(click.style(_line(headings, widths, numeric), bold=True))
    for row in cells:
        click.echo(_line(row, widths, numeric))


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


def _line(row: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> str:
    parts = [
        text.rjust(width) if right else text.ljust(width)
        for text, width, right in zip(row, widths, numeric, strict=True)
    ]
    return "  ".join(parts).rstrip()
