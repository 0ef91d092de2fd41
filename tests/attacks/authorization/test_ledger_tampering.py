"""An attacker with all rights on the hub's database, but without its secret, against `simpul ledger verify`.

`tests/store/ledger/test_ledger_check.py` tests single changes of each column. Here the attacker first drops the
table's keys, and adds entries that people would see although no chain proves them.
"""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from store.ledger.access_history import AccessHistory
from store.ledger.access_ledger import AccessLedger
from store.ledger.ledger_check import check_ledger, load_heads
from store.ledger.ledger_hash import LedgerHasher, derive_hash_key, encode_entry
from tests.store.conftest import migrated
from tests.store.ledger.sample_entry import ENTRY, SECRET, SITI

__all__ = ["migrated"]

FOREIGN = b"another secret of 32 bytes......"
GUARDS = (
    "ALTER TABLE access_entries DROP CONSTRAINT IF EXISTS fk_access_entries_chain",
    "ALTER TABLE access_entries DROP CONSTRAINT IF EXISTS pk_access_entries",
)
COLUMNS_BUT_PLACE = (
    'previous, hash, at, request_id, subject, caller_kind, caller, agency, unit, role, client, purpose, "case",'
    " legal_basis, operation, document, agencies, fields, classification, hidden_until, hidden_because"
)


@pytest.fixture(scope="session")
def state_url(state_server_url: str) -> str:
    """A separate database, which the tests may leave broken."""
    return state_server_url


@pytest.fixture
def engine(migrated: AsyncEngine) -> AsyncEngine:
    return migrated


async def write_chain(engine: AsyncEngine, count: int, secret: bytes = SECRET) -> str:
    """Write a chain with this number of entries; returns its name."""
    ledger = AccessLedger(engine, secret)
    await ledger.start()
    assert ledger._chain is not None
    name = ledger._chain.name
    for first in range(0, count, 1_000):
        numbers = range(first, min(first + 1_000, count))
        await ledger.write([ENTRY._replace(request_id=f"r-{number}", client="c", unit="u") for number in numbers])
    await ledger.close()
    return name


async def tamper(engine: AsyncEngine, *statements: str, **values: object) -> None:
    async with engine.begin() as connection:
        for guard in GUARDS:
            await connection.exec_driver_sql(guard)
        for statement in statements:
            assert (await connection.execute(text(statement), values)).rowcount >= 1, statement


async def find_broken(engine: AsyncEngine) -> list[tuple[str, int]]:
    return [(each.chain, each.sequence) for each in (await check_ledger(engine, SECRET)).broken]


async def test_an_entry_that_was_appended_with_another_key_is_found(engine: AsyncEngine) -> None:
    """The entry has the right previous hash, which the table shows. Only its own hash needs the secret."""
    chain = await write_chain(engine, 3)
    (head,) = await load_heads(engine)
    forged = LedgerHasher(derive_hash_key(FOREIGN))(encode_entry(chain, 4, head.hash, ENTRY))
    await tamper(
        engine,
        f"INSERT INTO access_entries (chain, sequence, {COLUMNS_BUT_PLACE}) SELECT chain, 4, :head, :forged,"  # noqa: S608 - of a test
        f" {COLUMNS_BUT_PLACE.partition('hash, ')[2]} FROM access_entries WHERE chain = :chain AND sequence = 3",
        chain=chain,
        head=head.hash,
        forged=forged,
    )
    assert await find_broken(engine) == [(chain, 4)]


async def test_a_repeated_entry_at_the_end_is_found(engine: AsyncEngine) -> None:
    chain = await write_chain(engine, 3)
    await tamper(
        engine,
        f"INSERT INTO access_entries (chain, sequence, {COLUMNS_BUT_PLACE}) SELECT chain, 4, {COLUMNS_BUT_PLACE}"  # noqa: S608 - of a test
        " FROM access_entries WHERE chain = :chain AND sequence = 3",
        chain=chain,
    )
    assert await find_broken(engine) == [(chain, 4)]


@pytest.mark.parametrize("sequence", [0, -1, -(2**63), 2**63 - 1, 2])
@pytest.mark.parametrize("length", [3, 1_000])
async def test_an_entry_at_an_invalid_or_taken_number_is_found(engine: AsyncEngine, sequence: int, length: int) -> None:
    """The check reads a thousand entries at a time, and misses none at the boundaries."""
    chain = await write_chain(engine, length)
    place = length if sequence == 2 else sequence
    await tamper(
        engine,
        f"INSERT INTO access_entries (chain, sequence, {COLUMNS_BUT_PLACE}) SELECT chain, :place, {COLUMNS_BUT_PLACE}"  # noqa: S608 - of a test
        " FROM access_entries WHERE chain = :chain AND sequence = 1",
        chain=chain,
        place=place,
    )
    assert [name for name, _ in await find_broken(engine)] == [chain]


async def test_renumbered_entries_over_a_gap_are_found(engine: AsyncEngine) -> None:
    chain = await write_chain(engine, 5)
    await tamper(
        engine,
        "DELETE FROM access_entries WHERE chain = :chain AND sequence = 3",
        "UPDATE access_entries SET sequence = sequence - 1 WHERE chain = :chain AND sequence > 3",
        chain=chain,
    )
    assert await find_broken(engine) == [(chain, 3)]


async def test_a_chain_copied_under_another_name_is_found(engine: AsyncEngine) -> None:
    """Otherwise the same reads would seem to have happened twice."""
    chain = await write_chain(engine, 3)
    await tamper(
        engine,
        "INSERT INTO access_chains SELECT 'copy', started_at, heads, hash FROM access_chains WHERE chain = :chain",
        f"INSERT INTO access_entries (chain, sequence, {COLUMNS_BUT_PLACE}) SELECT 'copy', sequence,"  # noqa: S608 - of a test
        f" {COLUMNS_BUT_PLACE} FROM access_entries WHERE chain = :chain",
        chain=chain,
    )
    assert await find_broken(engine) == [("copy", 0)]


async def test_entries_without_a_chain_are_found_although_people_see_them(engine: AsyncEngine) -> None:
    await write_chain(engine, 3)
    chain = await write_chain(engine, 2)
    await tamper(
        engine,
        "UPDATE access_entries SET chain = 'nowhere' WHERE chain = :chain AND sequence = 2",
        chain=chain,
    )
    page = await AccessHistory(engine).load_page(SITI, 10, None)
    assert "nowhere" in {each.chain for each in page.entries}
    assert await find_broken(engine) == [("nowhere", 2)]


async def test_a_chain_without_its_beginning_is_found_although_no_other_chain_names_it(engine: AsyncEngine) -> None:
    await write_chain(engine, 3)
    newest = await write_chain(engine, 2)
    await tamper(engine, "DELETE FROM access_chains WHERE chain = :chain", chain=newest)
    assert await find_broken(engine) == [(newest, 1)]


@pytest.mark.parametrize("column", ["at", "hidden_until"])
@pytest.mark.parametrize("moment", ["infinity", "-infinity", "0044-03-15 BC", "9999-12-31 23:59:59+00", "20000-01-01"])
async def test_an_entry_with_an_impossible_time_is_found_and_named(
    engine: AsyncEngine, column: str, moment: str
) -> None:
    """Such an entry would never be shown to the person."""
    chain = await write_chain(engine, 3)
    await tamper(
        engine,
        f"UPDATE access_entries SET {column} = '{moment}' WHERE chain = :chain AND sequence = 2",  # noqa: S608 - of a test
        chain=chain,
    )
    assert await find_broken(engine) == [(chain, 2)]


@pytest.mark.parametrize("moment", ["infinity", "0044-03-15 BC"])
async def test_a_chain_with_an_impossible_start_is_found_and_named(engine: AsyncEngine, moment: str) -> None:
    chain = await write_chain(engine, 3)
    await tamper(engine, f"UPDATE access_chains SET started_at = '{moment}' WHERE chain = :chain", chain=chain)  # noqa: S608 - of a test
    assert await find_broken(engine) == [(chain, 0)]


async def test_rolled_back_heads_are_found(engine: AsyncEngine) -> None:
    """The newer chain is changed to name an earlier end of the older one, whose later entries are removed."""
    older = await write_chain(engine, 5)
    younger = await write_chain(engine, 2)
    async with engine.connect() as connection:
        third = (
            await connection.execute(
                text("SELECT hash FROM access_entries WHERE chain = :chain AND sequence = 3"), {"chain": older}
            )
        ).scalar_one()
    await tamper(
        engine,
        "DELETE FROM access_entries WHERE chain = :older AND sequence > 3",
        "UPDATE access_chains SET heads = :heads WHERE chain = :younger",
        older=older,
        younger=younger,
        heads=f"{older} 3 {bytes(third).hex()}\n",
    )
    assert await find_broken(engine) == [(younger, 0)]


async def test_a_removed_newest_end_is_found_only_with_stored_heads(engine: AsyncEngine) -> None:
    """A keyed chain alone cannot detect this (docs/operators/ledger.md)."""
    await write_chain(engine, 3)
    newest = await write_chain(engine, 3)
    kept = await load_heads(engine)
    await tamper(engine, "DELETE FROM access_entries WHERE chain = :chain AND sequence > 1", chain=newest)
    assert await find_broken(engine) == []
    found = (await check_ledger(engine, SECRET, kept)).broken
    assert [(each.chain, each.sequence) for each in found] == [(newest, 2)]
    await tamper(
        engine,
        "DELETE FROM access_entries WHERE chain = :chain",
        "DELETE FROM access_chains WHERE chain = :chain",
        chain=newest,
    )
    assert await find_broken(engine) == []
    found = (await check_ledger(engine, SECRET, kept)).broken
    assert [(each.chain, each.sequence) for each in found] == [(newest, 3)]
