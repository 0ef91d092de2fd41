"""`simpul settings`: check and list the hub's settings."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.settings_file import SettingsFile, load_settings_file

if TYPE_CHECKING:
    from cli.settings_check.findings import Finding

_FORBIDDEN_MODE_BITS = 0o027
"""Mode bits that a settings file must not have: the group, which includes the hub, may only read it."""


def build_group() -> typer.Typer:
    """Build the command group."""
    group = typer.Typer(no_args_is_help=True, help="The hub's settings.")
    group.command("check")(check)
    group.command("list")(list_settings)
    return group


def check(
    *,
    file: SettingsFile = None,
    connect: Annotated[
        bool, typer.Option("--connect", help="Also check the database, Redis, issuers and agencies.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array instead of lines.")] = False,
) -> None:
    """Report every problem and every risky setting; exit code 1 if there is a problem."""
    _use_file(file)
    findings = [*_check_file_mode(file), *asyncio.run(_collect_findings(connect=connect))]
    if as_json:
        typer.echo(json.dumps([each.as_json() for each in findings], indent=1))
    else:
        for each in findings:
            typer.echo(str(each))
    problems = sum(each.level.value == "problem" for each in findings)
    warnings = sum(each.level.value == "warning" for each in findings)
    if not as_json:
        typer.echo(f"{_format_count(problems, 'problem')}, {_format_count(warnings, 'warning')}.")
    sys.exit(1 if problems else 0)


def list_settings(*, file: SettingsFile = None) -> None:
    """List every setting with its value, with secrets masked, and whether it is the default."""
    from cli.settings_check.findings import format_setting, variable_name  # noqa: PLC0415 - the hub, which other commands need not wait for
    from cli.settings_check.problems import examine_settings  # noqa: PLC0415 - same
    from settings import Settings  # noqa: PLC0415 - same

    _use_file(file)
    found = examine_settings()
    for field in Settings.model_fields:
        name = variable_name(field)
        wrong = next((each for each in found.findings if each.name == name and name in found.ignored), None)
        value = (
            f"{wrong.value} (wrong: see `simpul settings check`)" if wrong else format_setting(found.settings, field)
        )
        origin = "" if field in found.settings.model_fields_set or wrong else "  (default)"
        typer.echo(f"{name}={value}{origin}")
    for name in sorted(found.settings.city.variables):
        typer.echo(f"{name}=not shown")


def _use_file(file: Path | None) -> None:
    """Load the file's variables into the environment, if a file is named."""
    logging.disable(logging.CRITICAL)  # findings report what a start would log
    if file is not None:
        load_settings_file(file)


def _check_file_mode(file: Path | None) -> Sequence[Finding]:
    from cli.settings_check.findings import Finding, FindingLevel  # noqa: PLC0415 - the hub, which other commands need not wait for

    if file is None or not file.stat().st_mode & _FORBIDDEN_MODE_BITS:
        return ()
    message = "other users may read or change its secrets: run `chown root:simpul` and `chmod 640`"
    return [
        Finding(level=FindingLevel.WARNING, name=str(file), value=f"{file.stat().st_mode & 0o777:04o}", message=message)
    ]


async def _collect_findings(*, connect: bool) -> Sequence[Finding]:
    from cli.settings_check.connections import check_connections  # noqa: PLC0415 - the hub, which other commands need not wait for
    from cli.settings_check.problems import examine_settings  # noqa: PLC0415 - same
    from cli.settings_check.risks import find_risks  # noqa: PLC0415 - same

    found = await asyncio.to_thread(examine_settings)
    findings = [*found.findings, *(each for each in find_risks(found.settings) if each.name not in found.ignored)]
    if connect:
        findings += [each async for each in check_connections(found.settings, found.ignored)]
    return findings


def _format_count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
