"""`simpul settings`: check and list the hub's settings."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.listing import JsonOption, print_json
from cli.project_paths import find_state_folder
from cli.settings_file import SettingsFile, load_settings_file
from records.plurals import count_noun

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
    explain: Annotated[
        bool, typer.Option("--explain", help="Also let the agencies' databases plan every declared statement.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Report every problem and every risky setting; exit code 1 if there is a problem.

    Without a file and without SIMPUL_... variables, it checks the settings of the running sandbox.
    """
    is_sandbox = _use_environment(file)
    findings = [*_check_file_mode(file), *asyncio.run(_collect_findings(connect=connect, explain=explain))]
    if as_json:
        print_json([each.as_json() for each in findings])
    else:
        for each in findings:
            typer.echo(str(each))
    problems = sum(each.level.value == "problem" for each in findings)
    warnings = sum(each.level.value == "warning" for each in findings)
    if not as_json:
        whose = " These are the settings of the running sandbox." if is_sandbox else ""
        typer.echo(f"{count_noun(problems, 'problem')}, {count_noun(warnings, 'warning')}.{whose}")
    sys.exit(1 if problems else 0)


def list_settings(*, file: SettingsFile = None, as_json: JsonOption = False) -> None:
    """List every setting with its value, with secrets masked, and whether it is the default."""
    from cli.settings_check.findings import NOT_SHOWN, format_setting, variable_name  # noqa: PLC0415 - the hub, which other commands need not wait for
    from cli.settings_check.problems import examine_settings  # noqa: PLC0415 - same
    from settings import Settings  # noqa: PLC0415 - same

    _use_environment(file)
    found = examine_settings()
    rows = []
    for field in Settings.model_fields:
        name = variable_name(field)
        wrong = next((each for each in found.findings if each.name == name and name in found.ignored), None)
        value = (
            f"{wrong.value} (wrong: see `simpul settings check`)" if wrong else format_setting(found.settings, field)
        )
        is_default = not (field in found.settings.model_fields_set or wrong)
        rows.append({"name": name, "value": value, "is_default": is_default})
    rows += [{"name": name, "value": NOT_SHOWN, "is_default": False} for name in sorted(found.settings.city.variables)]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        typer.echo(f"{row['name']}={row['value']}{'  (default)' if row['is_default'] else ''}")


def _use_environment(file: Path | None) -> bool:
    """Load the file's variables, if a file is named; returns whether those of the running sandbox are used."""
    from cli.hub_settings import use_running_city  # noqa: PLC0415 - the hub, which other commands need not wait for

    logging.disable(logging.CRITICAL)  # findings report what a start would log
    if file is None:
        return use_running_city(find_state_folder())
    load_settings_file(file)
    return False


def _check_file_mode(file: Path | None) -> Sequence[Finding]:
    from cli.settings_check.findings import Finding, FindingLevel  # noqa: PLC0415 - the hub, which other commands need not wait for

    if file is None or not file.stat().st_mode & _FORBIDDEN_MODE_BITS:
        return ()
    message = "other users may read or change its secrets: run `chown root:simpul` and `chmod 640`"
    return [
        Finding(level=FindingLevel.WARNING, name=str(file), value=f"{file.stat().st_mode & 0o777:04o}", message=message)
    ]


async def _collect_findings(*, connect: bool, explain: bool) -> Sequence[Finding]:
    from cli.settings_check.connections import check_connections, check_statements  # noqa: PLC0415 - the hub, which other commands need not wait for
    from cli.settings_check.problems import examine_settings  # noqa: PLC0415 - same
    from cli.settings_check.risks import find_risks  # noqa: PLC0415 - same

    found = await asyncio.to_thread(examine_settings)
    findings = [*found.findings, *(each for each in find_risks(found.settings) if each.name not in found.ignored)]
    if connect:
        findings += [each async for each in check_connections(found.settings, found.ignored)]
    if explain:
        findings += [each async for each in check_statements(found.settings)]
    return findings
