"""`simpul settings`: whether a hub would run with these settings, and well; what each of them is."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.given_settings import SettingsFile, take

if TYPE_CHECKING:
    from cli.findings import Finding

_OPEN_TO_OTHERS = 0o027
"""Bits that are too many: its group may read it, which is how the hub does, and nothing else."""


def build_group() -> typer.Typer:
    """The group with every command."""
    group = typer.Typer(no_args_is_help=True, help="The hub's settings.")
    group.command("check")(check)
    group.command("list")(list_settings)
    return group


def check(
    *,
    file: SettingsFile = None,
    ask: Annotated[
        bool, typer.Option("--ask", help="Also ask the database, Redis, issuers and agencies how they are.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array instead of lines.")] = False,
) -> None:
    """Tell every problem of the settings, and what is legal but unwise; exit code 1 where there is a problem."""
    _take(file)
    findings = [*_of_file(file), *asyncio.run(_found(ask=ask))]
    if as_json:
        typer.echo(json.dumps([each.as_json() for each in findings], indent=1))
    else:
        for each in findings:
            typer.echo(str(each))
    problems = sum(each.level.value == "problem" for each in findings)
    warnings = sum(each.level.value == "warning" for each in findings)
    if not as_json:
        typer.echo(f"{_count(problems, 'problem')}, {_count(warnings, 'warning')}.")
    sys.exit(1 if problems else 0)


def list_settings(*, file: SettingsFile = None) -> None:
    """List every setting with its value, secrets masked, and whether it was given."""
    from cli.findings import shown_of, variable  # noqa: PLC0415 - the hub, which other commands need not wait for
    from cli.settings_examined import examined  # noqa: PLC0415 - same
    from settings import Settings  # noqa: PLC0415 - same

    _take(file)
    found = examined()
    for field in Settings.model_fields:
        name = variable(field)
        wrong = next((each for each in found.findings if each.name == name and name in found.aside), None)
        value = f"{wrong.value} (wrong: see `simpul settings check`)" if wrong else shown_of(found.settings, field)
        given = "" if field in found.settings.model_fields_set or wrong else "  (default)"
        typer.echo(f"{name}={value}{given}")


def _take(file: Path | None) -> None:
    """Make the file's variables the environment's, where one is named."""
    logging.disable(logging.CRITICAL)  # what would be logged at a start is told as a finding
    if file is not None:
        take(file)


def _of_file(file: Path | None) -> Sequence[Finding]:
    from cli.findings import Finding, Level  # noqa: PLC0415 - the hub, which other commands need not wait for

    if file is None or not file.stat().st_mode & _OPEN_TO_OTHERS:
        return ()
    says = "others may read or change its secrets: `chown root:simpul` and `chmod 640`"
    return [Finding(level=Level.WARNING, name=str(file), value=f"{file.stat().st_mode & 0o777:04o}", says=says)]


async def _found(*, ask: bool) -> Sequence[Finding]:
    from cli.settings_asked import asked  # noqa: PLC0415 - the hub, which other commands need not wait for
    from cli.settings_examined import examined  # noqa: PLC0415 - same
    from cli.settings_warnings import warnings_of  # noqa: PLC0415 - same

    found = await asyncio.to_thread(examined)
    findings = [*found.findings, *(each for each in warnings_of(found.settings) if each.name not in found.aside)]
    if ask:
        findings += [each async for each in asked(found.settings, found.aside)]
    return findings


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
