"""`simpul ledger`: verify the access ledger, and print the heads of its chains."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from cli.command_error import CommandError
from cli.project_paths import find_state_folder
from records.plurals import count_noun


def build_group() -> typer.Typer:
    """Build the command group."""
    group = typer.Typer(no_args_is_help=True, help="The access ledger: which caller read which data of which person.")
    group.command("verify")(verify)
    group.command("heads")(print_heads)
    return group


def verify(
    *,
    saved_heads: Annotated[
        Path | None, typer.Option("--heads", help="Heads that `simpul ledger heads` printed earlier.", dir_okay=False)
    ] = None,
) -> None:
    """Verify every chain; print the first broken entry of each, and fail if there is one."""
    broken = asyncio.run(_verify(_read_saved_heads(saved_heads)))
    if broken:
        raise CommandError(
            f"the access ledger was changed after it was written, in {broken} place{'' if broken == 1 else 's'}: "
            "keep the database as it is, and compare it with a backup"
        )


def print_heads() -> None:
    """Print the head of every chain. Stored elsewhere, heads prove later that no entry before them is missing."""
    typer.echo(asyncio.run(_load_heads()), nl=False)


def _read_saved_heads(path: Path | None) -> str:
    try:
        return "" if path is None else path.read_text()
    except (OSError, UnicodeDecodeError) as problem:
        raise CommandError(f"{path} cannot be read: {problem}") from problem


async def _verify(saved_heads: str) -> int:
    """Print what was found; returns the number of broken chains and receipts."""
    from cli.hub_settings import load_hub_settings  # noqa: PLC0415 - the hub, which other commands need not wait for
    from store.database import create_database_engine  # noqa: PLC0415 - same
    from store.ledger.ledger_check import check_ledger  # noqa: PLC0415 - same
    from store.ledger.ledger_heads import parse_heads  # noqa: PLC0415 - same

    try:
        known = parse_heads(saved_heads)
    except ValueError as problem:
        raise CommandError(str(problem)) from problem
    settings = await asyncio.to_thread(load_hub_settings, find_state_folder())
    engine = create_database_engine(settings.state_url.get_secret_value())
    try:
        found = await check_ledger(engine, settings.secret_bytes, known)
    except Exception as problem:
        raise _unreadable_error(problem) from problem
    finally:
        await engine.dispose()
    for each in (*found.broken, *found.receipt_faults):
        typer.echo(str(each))
    if not found.broken and not found.receipt_faults:
        if found.purged:
            typer.echo(
                f"Purged: {count_noun(found.purged, 'entry', 'entries')}, with receipts (`simpul retention receipts`)."
            )
        typer.echo(
            f"Unchanged: {count_noun(found.entries, 'entry', 'entries')} in {count_noun(found.chains, 'chain')}."
        )
    return len(found.broken) + len(found.receipt_faults)


async def _load_heads() -> str:
    from cli.hub_settings import load_hub_settings  # noqa: PLC0415 - the hub, which other commands need not wait for
    from store.database import create_database_engine  # noqa: PLC0415 - same
    from store.ledger.ledger_check import load_heads as heads_now  # noqa: PLC0415 - same
    from store.ledger.ledger_heads import format_heads  # noqa: PLC0415 - same

    settings = await asyncio.to_thread(load_hub_settings, find_state_folder())
    engine = create_database_engine(settings.state_url.get_secret_value())
    try:
        return format_heads(await heads_now(engine))
    except Exception as problem:
        raise _unreadable_error(problem) from problem
    finally:
        await engine.dispose()


def _unreadable_error(problem: Exception) -> CommandError:
    return CommandError(
        f"the access ledger cannot be read ({type(problem).__name__}): is the hub's database up, and was the hub "
        "started on it?"
    )
