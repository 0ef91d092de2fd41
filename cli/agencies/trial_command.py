"""`simpul agencies try`: asks an agency for one key, and shows in red what cannot be read."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias, TypeVar

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.agencies.city_option import CityOption, find_city_path
from cli.command_error import CommandError
from cli.listing import JsonOption, print_json
from cli.project_paths import find_state_folder

if TYPE_CHECKING:
    from cli.agencies.trial import AgencyTrial, TrialResult
    from engine.reporting import ReadRecorder

T = TypeVar("T")
RunTrial: TypeAlias = "Callable[[AgencyTrial, Path, ReadRecorder | None], Awaitable[T]]"

_WIDTH = 1000
_ROWS = 10
"""Rows that the table shows."""


def try_read(  # noqa: PLR0913 - the options of a command
    agency: Annotated[str, typer.Argument(help="The code of an agency, at any stage.")],
    read: Annotated[str, typer.Argument(help="A read of its domain, such as `msmes_of`.")],
    key: Annotated[str, typer.Argument(help="The key to ask for; JSON for a query.")],
    *,
    by: Annotated[str | None, typer.Option(help="Your name, for the access ledger.")] = None,
    purpose: Annotated[str | None, typer.Option(help="Why you read personal data: a purpose of the contract.")] = None,
    case: Annotated[str | None, typer.Option(help="The case you work on.")] = None,
    shows: Annotated[bool, typer.Option("--show", help="Show personal values, which are masked otherwise.")] = False,
    city: CityOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask an agency for one key, and show each value with its column. Reads of personal data are recorded."""
    from cli.agencies.trial import AgencyTrial, run_trial  # noqa: PLC0415 - the hub, which other commands need not wait for

    build = partial(AgencyTrial, read=read, key=key, shows=shows, by=by, purpose=purpose, case=case)
    result = ask_agency(find_city_path(city), agency, build, run_trial)
    _print(result, as_json=as_json)
    if not result.is_good:
        raise CommandError(f"the read does not give what the manifest declares: {result.outcome}")


def ask_agency(folder: Path, agency: str, build: Callable[..., AgencyTrial], run: RunTrial[T]) -> T:
    """Load the manifest of an agency of the city in the folder, and run a trial of it. Raises `CommandError`."""
    from cli.hub_settings import use_running_city  # noqa: PLC0415 - the hub, which other commands need not wait for
    from settings.city.manifest import ManifestFile  # noqa: PLC0415 - same
    from settings.city.problems import ManifestError  # noqa: PLC0415 - same

    use_running_city(find_state_folder())
    try:
        trial = build(manifest=ManifestFile.load(folder / "agencies" / f"{agency}.toml", os.environ, is_trial=True))
        trial.check_purpose()
        with Console(stderr=True).status(f"Asking {agency} ..."):
            return asyncio.run(_run_with_recorder(trial, folder, run))
    except ManifestError as problem:
        raise CommandError(str(problem)) from None


async def _run_with_recorder(trial: AgencyTrial, folder: Path, run: RunTrial[T]) -> T:
    """Run a trial with the recorder of reads, if the agency has personal data. Raises `CommandError`."""
    from cli.hub_settings import load_hub_settings  # noqa: PLC0415 - the hub, which other commands need not wait for
    from engine.errors import SafeError  # noqa: PLC0415 - same
    from wiring.command_services import open_read_recorder  # noqa: PLC0415 - same

    if not trial.is_personal:
        return await run(trial, folder, None)
    os.environ["SIMPUL_CITY"] = str(folder)
    settings = await asyncio.to_thread(load_hub_settings, find_state_folder())
    try:
        async with open_read_recorder(settings) as recorder:
            return await run(trial, folder, recorder)
    except SafeError as problem:
        raise CommandError(str(problem)) from None


def _print(result: TrialResult, *, as_json: bool) -> None:
    if as_json:
        values = [
            {
                "row": each.row,
                "field": each.field,
                "columns": each.columns,
                "value": each.value,
                "problem": each.problem,
            }
            for each in result.values
        ]
        print_json({"outcome": result.outcome, "seconds": round(result.seconds, 3), "values": values})
        return
    table = Table("row", "field", "columns", "value", box=None, pad_edge=False, header_style="bold")
    for each in result.values:
        if each.row > _ROWS and each.problem is None:
            continue
        shown = Text(each.problem, style="red") if each.problem else Text(_clean(each.value or "-"))
        table.add_row(str(each.row), each.field, _clean(each.columns), shown)
    Console(width=_WIDTH, soft_wrap=True).print(table)
    rows = max((each.row for each in result.values), default=0)
    more = f", the first {_ROWS} of {rows} rows and all problems" if rows > _ROWS else ""
    typer.echo(f"{result.outcome}, {result.seconds:.2f} s{more}")


def _clean(text: str) -> str:
    """Without signs that would steer the terminal."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
