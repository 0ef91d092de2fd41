"""The check finds any change along the chains, and names the first broken entry."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from store.ledger.access_ledger import AccessLedger
from store.ledger.ledger_check import check_ledger, load_heads
from store.ledger.ledger_heads import ChainHead, format_heads, parse_heads
from store.ledger.ledger_insert import COLUMNS
from store.tables import access_entries
from tests.store.ledger.sample_entry import ENTRY, SECRET


@pytest.fixture
async def chains(migrated: AsyncEngine) -> list[str]:
    """Two chains of five entries, the older first; the younger names the head of the older."""
    names = []
    for _ in range(2):
        ledger = AccessLedger(migrated, SECRET)
        await ledger.start()
        assert ledger._chain is not None
        names.append(ledger._chain.name)
        for number in range(5):
            await ledger.write([ENTRY._replace(request_id=f"r-{number}", client="c", unit="u")])
        await ledger.close()
    return names


async def change(engine: AsyncEngine, what: str, chain: str, sequence: int, **values: object) -> None:
    """Overwrites a value of an entry."""
    statement = f"UPDATE access_entries SET {what} WHERE chain = :of AND sequence = :at_place"  # noqa: S608 - of a test
    await tamper(engine, statement, of=chain, at_place=sequence, **values)


async def tamper(engine: AsyncEngine, statement: str, **values: object) -> None:
    async with engine.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE access_entries DROP CONSTRAINT IF EXISTS fk_access_entries_chain")
        assert (await connection.execute(text(statement), values)).rowcount >= 1


async def find_broken(engine: AsyncEngine, kept: list[ChainHead] | None = None) -> list[tuple[str, int, str]]:
    found = await check_ledger(engine, SECRET, kept or ())
    return [(each.chain, each.sequence, each.reason) for each in found.broken]


async def test_an_unchanged_ledger_is_valid(migrated: AsyncEngine, chains: list[str]) -> None:
    found = await check_ledger(migrated, SECRET)
    assert (found.chains, found.entries, found.broken) == (len(chains), 10, [])


OTHERS: dict[str, Any] = {
    "at": datetime(2020, 1, 1, tzinfo=UTC),
    "hidden_until": datetime(2030, 1, 1, tzinfo=UTC),
    "subject": b"x" * 32,
    "caller": b"x" * 32,
    "document": b"x" * 32,
    "hash": b"x" * 32,
}
FOUND_ELSEWHERE = {"chain", "sequence", "previous"}
"""Columns whose change is found, but reported with another reason: see below."""


@pytest.mark.parametrize("column", sorted(set(COLUMNS) - FOUND_ELSEWHERE))
async def test_a_change_in_any_column_is_detected_and_located(
    migrated: AsyncEngine, chains: list[str], column: str
) -> None:
    value = OTHERS.get(column, "other")
    await change(migrated, f'"{column}" = :value', chains[0], 3, value=value)
    assert await find_broken(migrated) == [(chains[0], 3, "the entry was changed")]


@pytest.mark.parametrize("column", sorted(each.name for each in access_entries.columns if each.nullable))
async def test_an_absent_value_and_an_empty_one_differ(migrated: AsyncEngine, chains: list[str], column: str) -> None:
    absent = getattr(ENTRY._replace(client="c", unit="u"), column) is None
    kind = str(access_entries.c[column].type)
    other = {"BLOB": "''::bytea", "BYTEA": "''::bytea", "DATETIME": "now()", "TIMESTAMP": "now()"}.get(kind, "''")
    await change(migrated, f'"{column}" = {other if absent else "NULL"}', chains[1], 2)
    assert await find_broken(migrated) == [(chains[1], 2, "the entry was changed")]


async def test_another_number_of_spaces_is_a_change(migrated: AsyncEngine, chains: list[str]) -> None:
    await change(migrated, "fields = replace(fields, ' ', '  ')", chains[0], 4)
    assert await find_broken(migrated) == [(chains[0], 4, "the entry was changed")]


async def test_a_changed_link_is_detected(migrated: AsyncEngine, chains: list[str]) -> None:
    await change(migrated, "previous = hash", chains[0], 3)
    assert await find_broken(migrated) == [(chains[0], 3, "the entry does not follow the one before it")]


async def test_a_missing_entry_is_detected(migrated: AsyncEngine, chains: list[str]) -> None:
    await tamper(migrated, "DELETE FROM access_entries WHERE chain = :chain AND sequence = 3", chain=chains[0])
    assert await find_broken(migrated) == [(chains[0], 3, "the entry is missing")]


async def test_swapped_entries_are_detected(migrated: AsyncEngine, chains: list[str]) -> None:
    for before, after in ((2, 99), (3, 2), (99, 3)):
        await change(migrated, "sequence = :after", chains[0], before, after=after)
    assert await find_broken(migrated) == [(chains[0], 2, "the entry does not follow the one before it")]


async def test_an_entry_moved_to_another_chain_is_detected_in_both(migrated: AsyncEngine, chains: list[str]) -> None:
    await change(migrated, "chain = :other, sequence = 6", chains[0], 5, other=chains[1])
    assert await find_broken(migrated) == [
        (chains[0], 5, "the entry is missing; a head of the chain names entry 5"),
        (chains[1], 6, "the entry does not follow the one before it"),
    ]


async def test_a_truncated_end_is_detected_if_another_chain_names_it(migrated: AsyncEngine, chains: list[str]) -> None:
    await tamper(migrated, "DELETE FROM access_entries WHERE chain = :chain AND sequence > 2", chain=chains[0])
    assert await find_broken(migrated) == [(chains[0], 3, "the entry is missing; a head of the chain names entry 5")]


async def test_a_truncated_end_without_a_name_is_detected_by_saved_heads_only(
    migrated: AsyncEngine, chains: list[str]
) -> None:
    kept = await load_heads(migrated)
    await tamper(migrated, "DELETE FROM access_entries WHERE chain = :chain AND sequence > 4", chain=chains[1])
    assert await find_broken(migrated) == []
    assert await find_broken(migrated, kept) == [
        (chains[1], 5, "the entry is missing; a head of the chain names entry 5")
    ]


async def test_a_missing_chain_is_detected_if_another_names_it(migrated: AsyncEngine, chains: list[str]) -> None:
    await tamper(migrated, "DELETE FROM access_entries WHERE chain = :chain", chain=chains[0])
    await tamper(migrated, "DELETE FROM access_chains WHERE chain = :chain", chain=chains[0])
    assert await find_broken(migrated) == [(chains[0], 5, "the whole chain is missing; a head names it here")]


@pytest.mark.parametrize("beginning", ["heads = ''", "heads = 'x'", "started_at = now()", "hash = 'x'::bytea"])
async def test_a_changed_beginning_of_a_chain_is_detected(
    migrated: AsyncEngine, chains: list[str], beginning: str
) -> None:
    await tamper(migrated, f"UPDATE access_chains SET {beginning} WHERE chain = :chain", chain=chains[1])  # noqa: S608 - of a test
    assert await find_broken(migrated) == [(chains[1], 0, "the chain's beginning was changed")]


async def test_a_valid_chain_requires_the_secret(migrated: AsyncEngine, chains: list[str]) -> None:
    forger = AccessLedger(migrated, b"another secret of 32 bytes......")
    await forger.start()
    await forger.write([ENTRY])
    assert forger._chain is not None
    name = forger._chain.name
    await forger.close()
    assert await find_broken(migrated) == [(name, 0, "the chain's beginning was changed")]
    assert name not in chains


async def test_formatted_heads_are_parsed_to_the_same_heads(migrated: AsyncEngine, chains: list[str]) -> None:
    found = await load_heads(migrated)
    assert sorted((each.chain, each.sequence) for each in found) == sorted((chain, 5) for chain in chains)
    assert parse_heads(format_heads(found)) == sorted(found)


@pytest.mark.parametrize("text_", ["x", "a b c", "a 1 zz", "a 1 00 11"])
def test_an_invalid_head_is_named_in_the_error(text_: str) -> None:
    with pytest.raises(ValueError, match=f"'{text_}' is not a chain head"):
        parse_heads(text_)
