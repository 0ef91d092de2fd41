"""`simpul agencies`: list the agencies, check each as the hub calls it, and print an agency's hook secret."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from cli.command_error import CommandError
from cli.project_paths import find_state_folder


def build_group() -> typer.Typer:
    """Build the command group."""
    group = typer.Typer(no_args_is_help=True, help="The agencies that the hub is connected to.")
    group.command("list")(list_agencies)
    group.command("check")(check)
    group.command("hook-secret")(print_hook_secret)
    return group


def list_agencies(
    *,
    folder: Annotated[
        Path | None, typer.Option("--city", help="A city folder; default: that of the hub's settings.", exists=True)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array instead of a table.")] = False,
) -> None:
    """List the agencies of the city: code, name, domain, driver and stage."""
    from cli.agencies.city_option import load_city_folder  # noqa: PLC0415 - the hub, which other commands need not wait for

    city = load_city_folder(folder)
    found = [
        {
            "agency": code,
            "name": each.manifest.name.en,
            "domain": each.manifest.domain,
            "driver": each.manifest.wire.driver,
            "stage": each.manifest.stage,
        }
        for code, each in city.manifests.items()
    ]
    if as_json:
        typer.echo(json.dumps(found, indent=1, ensure_ascii=False))
        return
    table = Table("agency", "name", "domain", "driver", "stage", box=None, pad_edge=False)
    for each in found:
        table.add_row(*each.values())
    Console(soft_wrap=True, highlight=False).print(table)


def print_hook_secret(agency: Annotated[str, typer.Argument(help="The code of an agency of the hub.")]) -> None:
    """Print the secret with which an agency signs its change notifications, alone on one line."""
    from auth.crypto.webhook_signatures import AgencyHookSecrets  # noqa: PLC0415 - the hub, which other commands need not wait for
    from cli.hub_settings import load_hub_settings  # noqa: PLC0415 - same

    settings = load_hub_settings(find_state_folder())
    known = settings.city.agencies
    if agency not in known:
        raise CommandError(f"{agency!r} is no agency of this hub: choose one of {', '.join(known)}")
    typer.echo(AgencyHookSecrets(settings.secret_bytes).format_secret(agency))


def check() -> None:
    """Ask each agency for one known record; fail if one does not answer."""
    failed = asyncio.run(_print_checks())
    if failed:
        raise CommandError(f"no good answer from {', '.join(failed)}")


async def _print_checks() -> list[str]:
    """Print one row per agency; returns the names of the agencies that failed."""
    from cli.agencies.checks import check_agencies  # noqa: PLC0415 - the hub, which other commands need not wait for
    from cli.hub_settings import load_hub_settings  # noqa: PLC0415 - same

    table = Table("agency", "protocol", "outcome", "seconds", box=None, pad_edge=False)
    failed = []
    console = Console()
    settings = await asyncio.to_thread(load_hub_settings, find_state_folder())
    with Console(stderr=True).status("Asking the agencies ..."):
        async for agency, protocol, outcome, seconds in check_agencies(settings):
            good = outcome == "ok"
            table.add_row(agency, protocol, f"[{'green' if good else 'red'}]{outcome}[/]", f"{seconds:.3f}")
            if not good:
                failed.append(agency)
    console.print(table)
    return failed
