"""`simpul retention`: what is kept how long, removing what is over, and the receipts of what was removed."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from cli.failure import Failure
from cli.place import state_folder

if TYPE_CHECKING:  # the hub, which other commands need not wait for
    from store.receipts import Receipt
    from store.retention import Retention

T = TypeVar("T")

_By = Annotated[str | None, typer.Option("--by", help="Who does it; the user of this machine, if not said.")]


def build_group() -> typer.Typer:
    """The group with every command."""
    group = typer.Typer(no_args_is_help=True, help="How long the hub keeps what it keeps.")
    group.command("list")(list_kept)
    group.command("purge")(purge)
    group.command("receipts")(receipts)
    return group


def list_kept() -> None:
    """List what is kept, and for how many days."""
    from cli.hub_settings import hub_settings  # noqa: PLC0415 - the hub, which other commands need not wait for

    table = Table("what", "days", box=None, pad_edge=False)
    for name, keeping in hub_settings(state_folder()).keeping.items():
        table.add_row(name, str(keeping))
    Console().print(table)


def purge(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would be removed, and remove nothing.")] = False,
    by: _By = None,
) -> None:
    """Remove what is over, as the hub does once a day; a receipt of each kind is kept."""

    async def purged(retention: Retention) -> Sequence[Receipt]:
        return await retention.purge(by=by or getpass.getuser(), dry_run=dry_run)

    found = asyncio.run(_with_retention(purged))
    _show(found, numbered=not dry_run)
    if not found:
        typer.echo("Nothing is over.")
    elif dry_run:
        typer.echo("Nothing was removed.")


def receipts() -> None:
    """List the receipts of what was removed."""

    async def listed(retention: Retention) -> Sequence[Receipt]:
        return await retention.receipts()

    found = asyncio.run(_with_retention(listed))
    _show(found, numbered=True)
    if not found:
        typer.echo("Nothing was removed yet.")


def _show(found: Sequence[Receipt], *, numbered: bool) -> None:
    if not found:
        return
    table = Table("receipt", "what", "removed", "written from", "until", "kept days", "when", "by", box=None)
    for each in found:
        span = [moment.isoformat(timespec="seconds") if moment else "" for moment in (each.oldest, each.newest)]
        when = each.purged_at.isoformat(timespec="seconds")
        number = str(each.number) if numbered else "none"
        table.add_row(number, each.name, each.removed, *span, each.kept_days, when, each.purged_by)
    Console(width=240, soft_wrap=True).print(table)


async def _with_retention(work: Callable[[Retention], Awaitable[T]]) -> T:
    from store.retention import PurgeUnderWay  # noqa: PLC0415 - the hub, which other commands need not wait for

    async with _retention() as retention:
        try:
            return await work(retention)
        except PurgeUnderWay as problem:
            raise Failure("the hub, or another command, purges at the moment: try again in a while") from problem
        except Exception as problem:
            raise Failure(
                f"the hub's database cannot be used ({type(problem).__name__}): is it up, and was the hub started on"
                " it?"
            ) from problem


@asynccontextmanager
async def _retention() -> AsyncIterator[Retention]:
    from cli.hub_settings import hub_settings  # noqa: PLC0415 - the hub, which other commands need not wait for
    from store.database import database  # noqa: PLC0415 - same
    from wiring.own_state import retention  # noqa: PLC0415 - same

    settings = await asyncio.to_thread(hub_settings, state_folder())
    engine = database(settings.state_url.get_secret_value())
    try:
        yield retention(settings, engine)
    finally:
        await engine.dispose()
