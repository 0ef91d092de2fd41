"""`simpul agencies`: check every agency as the hub calls it, and print an agency's hook secret."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated

import typer
from rich.console import Console

from cli.command_error import CommandError
from cli.listing import JsonOption, print_rows
from cli.project_paths import find_state_folder


def build_group() -> typer.Typer:
    """Build the command group."""
    group = typer.Typer(no_args_is_help=True, help="The agencies that the hub is connected to.")
    group.command("check")(check)
    group.command("hook-secret")(print_hook_secret)
    return group


def print_hook_secret(agency: Annotated[str, typer.Argument(help="An agency of the hub, such as pbb.")]) -> None:
    """Print the secret with which an agency signs its change notifications, alone on one line."""
    from auth.crypto.webhook_signatures import AgencyHookSecrets  # noqa: PLC0415 - the hub, which other commands need not wait for
    from cli.hub_settings import load_hub_settings  # noqa: PLC0415 - same
    from settings import MAX_CONCURRENCY  # noqa: PLC0415 - same

    if agency not in MAX_CONCURRENCY:
        raise CommandError(f"{agency!r} is not an agency of this hub: choose one of {', '.join(MAX_CONCURRENCY)}")
    typer.echo(AgencyHookSecrets(load_hub_settings(find_state_folder()).secret_bytes).format_secret(agency))


def check(*, as_json: JsonOption = False) -> None:
    """Ask each agency for one known record; fail if one does not answer."""
    rows = asyncio.run(_check_all())
    print_rows(rows, as_json=as_json)
    failed = [str(each["agency"]) for each in rows if each["outcome"] != "ok"]
    if failed:
        raise CommandError(f"no good answer from {', '.join(failed)}")


async def _check_all() -> Sequence[Mapping[str, object]]:
    """One row per agency."""
    from cli.agencies.checks import check_agencies  # noqa: PLC0415 - the hub, which other commands need not wait for
    from cli.hub_settings import load_hub_settings  # noqa: PLC0415 - same

    settings = await asyncio.to_thread(load_hub_settings, find_state_folder())
    with Console(stderr=True).status("Asking the agencies ..."):
        return [
            {"agency": agency, "protocol": protocol, "outcome": outcome, "seconds": round(seconds, 3)}
            async for agency, protocol, outcome, seconds in check_agencies(settings)
        ]
