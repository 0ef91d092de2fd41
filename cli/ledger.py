"""`simpul ledger`: whether the access ledger is as it was written, and where it ends now."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from cli.failure import Failure
from cli.place import state_folder


def build_group() -> typer.Typer:
    """The group with every command."""
    group = typer.Typer(no_args_is_help=True, help="The access ledger: who read what of whom.")
    group.command("verify")(verify)
    group.command("heads")(heads)
    return group


def verify(
    *,
    kept: Annotated[
        Path | None, typer.Option("--heads", help="Heads that `simpul ledger heads` printed earlier.", dir_okay=False)
    ] = None,
) -> None:
    """Walk every chain; name the first broken entry of each, and fail where there is one."""
    broken = asyncio.run(_verified(_kept(kept)))
    if broken:
        raise Failure(
            f"the access ledger is not as it was written, broken in {broken} place{'' if broken == 1 else 's'}: "
            "keep the database as it is, and compare it with a backup"
        )


def heads() -> None:
    """Print where every chain ends now; kept elsewhere, they prove later that nothing before them went missing."""
    typer.echo(asyncio.run(_heads()), nl=False)


def _kept(path: Path | None) -> str:
    try:
        return "" if path is None else path.read_text()
    except (OSError, UnicodeDecodeError) as problem:
        raise Failure(f"{path} cannot be read: {problem}") from problem


async def _verified(kept: str) -> int:
    """Tell what was found; how many chains and receipts are broken."""
    from cli.hub_settings import hub_settings  # noqa: PLC0415 - the hub, which other commands need not wait for
    from store.database import database  # noqa: PLC0415 - same
    from store.ledger_check import check_ledger  # noqa: PLC0415 - same
    from store.ledger_heads import heads_of  # noqa: PLC0415 - same

    try:
        known = heads_of(kept)
    except ValueError as problem:
        raise Failure(str(problem)) from problem
    settings = await asyncio.to_thread(hub_settings, state_folder())
    engine = database(settings.state_url.get_secret_value())
    try:
        found = await check_ledger(engine, settings.secret_bytes, known)
    except Exception as problem:
        raise _unread(problem) from problem
    finally:
        await engine.dispose()
    for each in (*found.broken, *found.receipts):
        typer.echo(str(each))
    if not found.broken and not found.receipts:
        if found.purged:
            typer.echo(f"{found.purged} entries were purged, with receipts (`simpul retention receipts`).")
        typer.echo(f"{found.entries} entries in {found.chains} chains are as they were written.")
    return len(found.broken) + len(found.receipts)


async def _heads() -> str:
    from cli.hub_settings import hub_settings  # noqa: PLC0415 - the hub, which other commands need not wait for
    from store.database import database  # noqa: PLC0415 - same
    from store.ledger_check import heads as heads_now  # noqa: PLC0415 - same
    from store.ledger_heads import heads_text  # noqa: PLC0415 - same

    settings = await asyncio.to_thread(hub_settings, state_folder())
    engine = database(settings.state_url.get_secret_value())
    try:
        return heads_text(await heads_now(engine))
    except Exception as problem:
        raise _unread(problem) from problem
    finally:
        await engine.dispose()


def _unread(problem: Exception) -> Failure:
    return Failure(
        f"the access ledger cannot be read ({type(problem).__name__}): is the hub's database up, and was the hub "
        "started on it?"
    )
