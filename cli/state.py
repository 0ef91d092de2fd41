"""`simpul state`: whether the hub's database is whole, fits the secret, and how far it reaches: after a restore."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from cli.failure import Failure
from cli.place import state_folder

if TYPE_CHECKING:
    from settings import Settings
    from store.ledger_check import Findings
    from store.standing import Reach, Standing

_JAKARTA = ZoneInfo("Asia/Jakarta")


def build_group() -> typer.Typer:
    """The group with every command."""
    group = typer.Typer(no_args_is_help=True, help="The hub's own database.")
    group.command("verify")(verify)
    group.callback()(lambda: None)  # keeps the group a group while it has one command
    return group


def verify(
    *,
    kept: Annotated[
        Path | None,
        typer.Option("--heads", help="Heads that `simpul ledger heads` printed earlier.", dir_okay=False, exists=True),
    ] = None,
) -> None:
    """Tell whether the database can be used, is whole, fits the secret, and how far it reaches; change nothing."""
    faults = asyncio.run(_verified("" if kept is None else kept.read_text(errors="replace")))
    if faults:
        raise Failure(f"the hub's database is not as it has to be: {'; '.join(faults)}")


async def _verified(kept: str) -> list[str]:
    from cli.hub_settings import hub_settings  # noqa: PLC0415 - the hub, which other commands need not wait for
    from store.database import database  # noqa: PLC0415 - same
    from store.ledger_check import check_ledger  # noqa: PLC0415 - same
    from store.ledger_heads import heads_of  # noqa: PLC0415 - same
    from store.standing import reaches, sealed_people, standing  # noqa: PLC0415 - same
    from store.unavailable import StateUnavailable  # noqa: PLC0415 - same

    try:
        known = heads_of(kept)
    except ValueError as problem:
        raise Failure(str(problem)) from problem
    settings = await asyncio.to_thread(hub_settings, state_folder())
    engine = database(settings.state_url.get_secret_value())
    try:
        how = await standing(engine)
        if how.revision is None:
            return ["it is empty: no hub was ever started on it"]
        if how.revision != how.newest_revision:
            return [_other_form(how)]
        reached = await reaches(engine)
        people = await sealed_people(engine)
        found = await check_ledger(engine, settings.secret_bytes, known)
    except StateUnavailable as problem:
        raise Failure(f"the hub's database does not answer ({problem}): is SIMPUL_STATE_URL right?") from problem
    finally:
        await engine.dispose()
    _tell(how, reached, found)
    return [
        *(["it is in recovery: wait until it is restored, or promote it"] if how.in_recovery else []),
        *_of_secret(settings, people, found),
        *(str(each) for each in (*found.broken, *found.receipts)),
    ]


def _other_form(how: Standing) -> str:
    if how.known_revision:
        return (
            f"its form is {how.revision}, this hub's is {how.newest_revision}: verify it with the hub that wrote it, or"
            " start this one on it, which brings it up to date"
        )
    return f"its form is {how.revision}, which this hub does not know: it is of a newer hub, use that"


def _of_secret(settings: Settings, people: Sequence[bytes], found: Findings) -> list[str]:
    """Whether all of it was made with another secret."""
    from auth.sealed_people import SealedPeople, UnknownPerson  # noqa: PLC0415 - the hub, as above

    seals = SealedPeople(settings.secret_bytes)
    closed = 0
    for each in people:
        try:
            seals.open(each)
        except UnknownPerson:
            closed += 1
    every_chain = found.chains > 0 and len({each.chain for each in found.broken if each.sequence == 0}) >= found.chains
    if closed or every_chain:
        return ["SIMPUL_SECRET is not the one that it was written with: put back the one that was kept with the backup"]
    return []


def _tell(how: Standing, reached: Sequence[Reach], found: Findings) -> None:
    typer.echo(f"PostgreSQL {how.version}, form {how.revision}.")
    for each in reached:
        newest = (
            "" if each.newest is None else f", the newest of {each.newest.astimezone(_JAKARTA):%Y-%m-%d %H:%M:%S} WIB"
        )
        typer.echo(f"{each.name}: {each.rows}{newest}")
    if not found.broken and not found.receipts:
        typer.echo(f"The access ledger is as it was written: {found.entries} entries in {found.chains} chains.")
