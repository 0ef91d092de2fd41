"""`simpul retention`: list retention periods, purge expired data, and list the receipts of purges."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from cli.command_error import CommandError
from cli.listing import JsonOption, print_rows
from cli.project_paths import find_state_folder

if TYPE_CHECKING:  # the hub, which other commands need not wait for
    from store.retention.purge import RetentionPurge
    from store.retention.purge_receipts import PurgeReceipt

T = TypeVar("T")

_By = Annotated[str | None, typer.Option("--by", help="Your name; default: the user of this machine.")]


def build_group() -> typer.Typer:
    """Build the command group."""
    group = typer.Typer(no_args_is_help=True, help="Retention of the hub's data.")
    group.command("list")(list_periods)
    group.command("purge")(purge)
    group.command("receipts")(list_receipts)
    return group


def list_periods(*, as_json: JsonOption = False) -> None:
    """List the kinds of stored data, and their retention in days."""
    from cli.hub_settings import load_hub_settings  # noqa: PLC0415 - the hub, which other commands need not wait for

    policies = load_hub_settings(find_state_folder()).retention_policies
    print_rows([{"what": name, "days": str(policy)} for name, policy in policies.items()], as_json=as_json)


def purge(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be removed, and remove nothing.")] = False,
    by: _By = None,
) -> None:
    """Remove expired data, as the hub does once a day; each kind leaves a receipt."""

    async def purge_all(retention: RetentionPurge) -> Sequence[PurgeReceipt]:
        return await retention.purge(by=by or getpass.getuser(), dry_run=dry_run)

    found = asyncio.run(_run_with_retention(purge_all))
    _print_receipts(found, as_json=False, numbered=not dry_run, nothing="Nothing has expired.")
    if found and dry_run:
        typer.echo("Nothing was removed.")


def list_receipts(*, as_json: JsonOption = False) -> None:
    """List the receipts of removed data."""

    async def load(retention: RetentionPurge) -> Sequence[PurgeReceipt]:
        return await retention.list_receipts()

    found = asyncio.run(_run_with_retention(load))
    _print_receipts(found, as_json=as_json, numbered=True, nothing="Nothing was removed yet.")


def _print_receipts(found: Sequence[PurgeReceipt], *, as_json: bool, numbered: bool, nothing: str) -> None:
    rows = [
        {
            "receipt": each.number if numbered else None,
            "what": each.name,
            "removed": each.removed,
            "written_from": each.oldest,
            "until": each.newest,
            "kept_days": each.kept_days,
            "when": each.purged_at,
            "by": each.purged_by,
        }
        for each in found
    ]
    print_rows(rows, as_json=as_json, nothing=nothing)


async def _run_with_retention(work: Callable[[RetentionPurge], Awaitable[T]]) -> T:
    from store.retention.purge import PurgeInProgress  # noqa: PLC0415 - the hub, which other commands need not wait for

    async with _open_retention() as retention:
        try:
            return await work(retention)
        except PurgeInProgress as problem:
            raise CommandError("the hub or another command is purging: try again later") from problem
        except Exception as problem:
            raise CommandError(
                f"the hub's database cannot be used ({type(problem).__name__}): is it up, and was the hub started on"
                " it?"
            ) from problem


@asynccontextmanager
async def _open_retention() -> AsyncIterator[RetentionPurge]:
    from cli.hub_settings import load_hub_settings  # noqa: PLC0415 - the hub, which other commands need not wait for
    from store.database import create_database_engine  # noqa: PLC0415 - same
    from wiring.hub_domains import build_retention  # noqa: PLC0415 - same

    settings = await asyncio.to_thread(load_hub_settings, find_state_folder())
    engine = create_database_engine(settings.state_url.get_secret_value())
    try:
        yield build_retention(settings, engine)
    finally:
        await engine.dispose()
