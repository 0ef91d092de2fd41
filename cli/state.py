"""`simpul state`: checks the hub's database, for example after a restore: complete, right secret, extent of data."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.command_error import CommandError
from cli.project_paths import find_state_folder
from records.clocks import CITY_TIME_ZONE
from records.plurals import count_noun

if TYPE_CHECKING:
    from settings import Settings
    from store.database_status import DatabaseStatus, TableSummary
    from store.ledger.ledger_check import LedgerCheckResult


def build_group() -> typer.Typer:
    """Build the command group."""
    group = typer.Typer(no_args_is_help=True, help="The hub's own database.")
    group.command("verify")(verify)
    group.callback()(lambda: None)  # typer turns a group with one command into that command
    return group


def verify(
    *,
    saved_heads: Annotated[
        Path | None,
        typer.Option("--heads", help="Heads that `simpul ledger heads` printed earlier.", dir_okay=False, exists=True),
    ] = None,
) -> None:
    """Check that the database is usable, complete and written with this secret; show its extent. Read-only."""
    faults = asyncio.run(_verify("" if saved_heads is None else saved_heads.read_text(errors="replace")))
    if faults:
        raise CommandError(f"the hub's database cannot be used: {'; '.join(faults)}")


async def _verify(saved_heads: str) -> list[str]:
    from cli.hub_settings import load_hub_settings  # noqa: PLC0415 - the hub, which other commands need not wait for
    from store.database import create_database_engine  # noqa: PLC0415 - same
    from store.database_status import load_newest_sealed_people, read_database_status, summarize_tables  # noqa: PLC0415 - same
    from store.database_timeout import StateUnavailable  # noqa: PLC0415 - same
    from store.ledger.ledger_check import check_ledger  # noqa: PLC0415 - same
    from store.ledger.ledger_heads import parse_heads  # noqa: PLC0415 - same

    try:
        known = parse_heads(saved_heads)
    except ValueError as problem:
        raise CommandError(str(problem)) from problem
    settings = await asyncio.to_thread(load_hub_settings, find_state_folder())
    engine = create_database_engine(settings.state_url.get_secret_value())
    try:
        status = await read_database_status(engine)
        if status.revision is None:
            return ["it is empty: start a hub on it first"]
        if status.revision != status.newest_revision:
            return [_describe_revision_mismatch(status)]
        extents = await summarize_tables(engine)
        people = await load_newest_sealed_people(engine)
        found = await check_ledger(engine, settings.secret_bytes, known)
    except StateUnavailable as problem:
        raise CommandError(f"the hub's database does not answer ({problem}): is SIMPUL_STATE_URL right?") from problem
    finally:
        await engine.dispose()
    _print_report(status, extents, found)
    return [
        *(["it is in recovery: wait until it is restored, or promote it"] if status.is_in_recovery else []),
        *_check_secret(settings, people, found),
        *(str(each) for each in (*found.broken, *found.receipt_faults)),
    ]


def _describe_revision_mismatch(status: DatabaseStatus) -> str:
    if status.is_known_revision:
        return (
            f"its schema is {status.revision}, this hub's is {status.newest_revision}: verify with the hub that wrote"
            " it, or start this one on it, which migrates it"
        )
    return f"its schema is {status.revision}, of a newer hub than this one: use that hub"


def _check_secret(settings: Settings, people: Sequence[bytes], found: LedgerCheckResult) -> list[str]:
    """Whether the data was written with another secret."""
    from auth.crypto.sealed_people import InvalidPersonSeal, SealedPeople  # noqa: PLC0415 - the hub, as above

    seals = SealedPeople(settings.secret_bytes)
    closed = 0
    for each in people:
        try:
            seals.open(each)
        except InvalidPersonSeal:
            closed += 1
    every_chain = found.chains > 0 and len({each.chain for each in found.broken if each.sequence == 0}) >= found.chains
    if closed or every_chain:
        return ["SIMPUL_SECRET is not the secret of this database: restore the one that is stored with the backup"]
    return []


def _print_report(status: DatabaseStatus, extents: Sequence[TableSummary], found: LedgerCheckResult) -> None:
    typer.echo(f"PostgreSQL {status.version}, schema {status.revision}.")
    for each in extents:
        newest = (
            ""
            if each.newest is None
            else f", the newest of {each.newest.astimezone(CITY_TIME_ZONE):%Y-%m-%d %H:%M:%S} WIB"
        )
        typer.echo(f"{each.name}: {each.rows}{newest}")
    if not found.broken and not found.receipt_faults:
        entries, chains = count_noun(found.entries, "entry", "entries"), count_noun(found.chains, "chain")
        typer.echo(f"The access ledger is unchanged: {entries} in {chains}.")
