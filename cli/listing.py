"""Prints the rows of a listing command: a table for people, or a JSON array with `--json`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

JsonOption = Annotated[bool, typer.Option("--json", help="Print a JSON array instead of a table.")]

_STYLES = {"running": "green", "ok": "green", "stopped": "yellow", "starting": "cyan", "died": "red"}
"""Colours of cells with these texts."""
_WIDTH = 1000
"""Columns of the table: it does not wrap in a small window, so that ids can be copied."""


def print_rows(rows: Sequence[Mapping[str, object]], *, as_json: bool, nothing: str = "", folds: bool = False) -> None:
    """Print rows with the same keys; `nothing` is the text if there are none.

    A key is a JSON name and, with spaces for its underscores, the title of a column. With `folds`, long cells wrap in
    the window.
    """
    if as_json:
        print_json(rows)
        return
    if not rows:
        typer.echo(nothing)
        return
    table = Table(*(name.replace("_", " ") for name in rows[0]), box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(_to_cell(value) for value in row.values()))
    (Console() if folds else Console(width=_WIDTH, soft_wrap=True)).print(table)


def print_json(value: object) -> None:
    """Print a value as JSON; days and times in ISO 8601."""
    typer.echo(json.dumps(value, indent=2, default=_to_json, ensure_ascii=False))


def _to_json(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else str(value)


def _to_cell(value: object) -> Text:
    match value:
        case None | "" | [] | ():
            text = "-"
        case bool():
            text = "yes" if value else "no"
        case float():
            text = f"{value:g}"
        case list() | tuple():
            text = ", ".join(map(str, value))
        case datetime():
            text = value.isoformat(timespec="seconds")
        case _:
            text = str(value)
    # Texts of other people must not steer the terminal.
    printable = "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
    return Text(printable, style=_STYLES.get(text, ""))


def to_printable(line: str) -> str:
    """Text from another person, without control characters that could steer a terminal."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in line)
