"""The access ledger: many requests per commit, chained, and nothing reported as written that is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from hmac import digest

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

import store.ledger.access_ledger
from records.hub.ledger_entries import LedgerEntry
from store.database import create_database_engine
from store.ledger.access_ledger import AccessLedger, LedgerUnavailable
from store.ledger.ledger_check import check_ledger
from store.ledger.ledger_hash import LedgerHasher, derive_hash_key, encode_chain, encode_entry
from store.ledger.ledger_insert import COLUMNS, ENTRY_TYPE, build_row
from tests.fakes.waiting import wait_until
from tests.store.ledger.sample_entry import ENTRY, SECRET, load_entries

_HANG_UP = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = 'simpul'
"""


@pytest.fixture
async def ledger(migrated: AsyncEngine) -> AsyncIterator[AccessLedger]:
    ledger = AccessLedger(migrated, SECRET)
    await ledger.start()
    yield ledger
    await ledger.close()


async def count(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return int((await connection.execute(text("SELECT count(*) FROM access_entries"))).scalar_one())


def test_the_canonical_bytes_and_the_hash_are_as_documented() -> None:
    canonical = encode_entry("c" * 32, 7, b"\x01" * 32, ENTRY)
    assert canonical == (
        b"22:simpul ledger entry v1,32:" + b"c" * 32 + b",1:7,32:" + b"\x01" * 32 + b","
        b"27:2026-11-24T03:00:00.000001Z,4:r-17,32:" + b"S" * 32 + b",8:official,32:" + b"C" * 32 + b","
        b"8:dukcapil,---20:verifikasi-identitas,6:K-2026,11:public-task,5:Check,32:" + b"D" * 32 + b","
        b"12:dukcapil pbb,29:Citizen.name TaxBill.payments,---"
    )
    assert LedgerHasher(derive_hash_key(SECRET))(canonical) == digest(derive_hash_key(SECRET), canonical, "sha256")
    assert LedgerHasher(derive_hash_key(SECRET))(canonical).hex() == (
        "cdf533c7de7573a8f6d8b862171248677f656dec9368e092bfa9da5e96a1223c"
    )
    beginning = encode_chain("c" * 32, ENTRY.at, "")
    assert beginning == b"22:simpul ledger chain v1,32:" + b"c" * 32 + b",27:2026-11-24T03:00:00.000001Z,0:,"


async def test_entries_are_committed_when_writing_returns(ledger: AccessLedger, migrated: AsyncEngine) -> None:
    await ledger.write([ENTRY, ENTRY._replace(request_id="r-18")])
    assert [each.entry.request_id for each in await load_entries(migrated)] == ["r-17", "r-18"]
    assert [each.sequence for each in await load_entries(migrated)] == [1, 2]


async def test_stored_entries_equal_the_written_ones(ledger: AccessLedger, migrated: AsyncEngine) -> None:
    full = ENTRY._replace(
        at=datetime(2026, 11, 24, 10, 0, 0, 120, tzinfo=timezone(timedelta(hours=7))),
        unit="Suku Dinas",
        role="verifikator",
        client="spbe",
        classification="specific",
        hidden_until=datetime(2027, 1, 1, tzinfo=UTC),
        hidden_because="a reason",
        case='a "case"\n 🍰 \\x41 \\u0000 {}',
    )
    bare = LedgerEntry(
        at=ENTRY.at, request_id="r", subject=None, caller_kind="official", document=b"D" * 32, fields=("A.b",)
    )
    await ledger.write([full, bare])
    assert [each.entry for each in await load_entries(migrated)] == [full, bare]


async def test_the_type_of_an_entry_has_the_columns_of_the_table(migrated: AsyncEngine) -> None:
    wanted = text(
        "SELECT attname FROM pg_attribute JOIN pg_type ON typrelid = attrelid WHERE typname = :name ORDER BY attnum"
    )
    async with migrated.connect() as connection:
        names = (await connection.execute(wanted, {"name": ENTRY_TYPE})).scalars().all()
    assert tuple(names) == COLUMNS
    assert len(build_row("c", 1, b"", b"", ENTRY)) == len(COLUMNS)


async def test_a_column_of_a_later_release_disturbs_no_open_chain(ledger: AccessLedger, migrated: AsyncEngine) -> None:
    await ledger.write([ENTRY])
    async with migrated.begin() as connection:
        await connection.execute(text("ALTER TABLE access_entries ADD COLUMN later text NOT NULL DEFAULT 'x'"))
    await ledger.write([ENTRY])
    found = await check_ledger(migrated, SECRET)
    assert (found.chains, found.entries, found.broken) == (1, 2, [])


async def test_concurrent_requests_share_a_commit(ledger: AccessLedger, migrated: AsyncEngine) -> None:
    await asyncio.gather(*(ledger.write([ENTRY._replace(request_id=f"r-{number}")]) for number in range(200)))
    assert (await count(migrated), ledger.commits) == (200, 1)
    assert (await check_ledger(migrated, SECRET)).broken == []


async def test_each_writer_has_a_chain_that_names_the_earlier_heads(
    ledger: AccessLedger, migrated: AsyncEngine
) -> None:
    await ledger.write([ENTRY])
    other = AccessLedger(migrated, SECRET)
    await other.start()
    await asyncio.gather(*(each.write([ENTRY]) for each in (ledger, other) for _ in range(20)))
    await other.close()
    found = await check_ledger(migrated, SECRET)
    assert (found.chains, found.entries, found.broken) == (2, 41, [])
    async with migrated.connect() as connection:
        heads = (await connection.execute(text("SELECT heads FROM access_chains ORDER BY started_at"))).scalars().all()
    assert heads[0] == ""
    assert heads[1].split(" ")[1] == "1"


async def test_a_chain_that_is_a_day_old_is_followed_by_another(
    ledger: AccessLedger, migrated: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ledger.write([ENTRY])
    monkeypatch.setattr(store.ledger.access_ledger, "CHAIN_LIFETIME", timedelta(0))
    await ledger.write([ENTRY])
    found = await check_ledger(migrated, SECRET)
    assert (found.chains, found.entries, found.broken) == (2, 2, [])


async def test_a_connection_lost_during_a_write_fails_waiting_requests_and_starts_a_new_chain(
    ledger: AccessLedger, migrated: AsyncEngine
) -> None:
    await ledger.write([ENTRY])
    async with migrated.connect() as connection:
        await connection.execute(text("LOCK TABLE access_entries IN ACCESS EXCLUSIVE MODE"))
        writing = asyncio.create_task(ledger.write([ENTRY]))
        while not (await connection.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted"))).scalar_one():
            assert not writing.done()
        await connection.execute(text(_HANG_UP))
        with pytest.raises(LedgerUnavailable):
            await writing
    await ledger.write([ENTRY])
    found = await check_ledger(migrated, SECRET)
    assert (found.chains, found.entries, found.broken) == (2, 2, [])


async def test_a_database_restart_while_idle_fails_no_request(ledger: AccessLedger, migrated: AsyncEngine) -> None:
    await ledger.write([ENTRY])
    async with migrated.connect() as connection:
        await connection.execute(text(_HANG_UP))
    chain = ledger._chain
    assert chain is not None
    async with asyncio.timeout(5):
        while not chain.closed:  # noqa: ASYNC110 - the driver has no event
            await asyncio.sleep(0.01)
    await ledger.write([ENTRY])
    found = await check_ledger(migrated, SECRET)
    assert (found.chains, found.entries, found.broken) == (2, 2, [])


async def test_a_locked_table_costs_no_more_than_the_timeout(
    migrated: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = AccessLedger(migrated, SECRET, timeout=30)
    await ledger.start()
    async with migrated.begin() as connection:
        await connection.execute(text("LOCK TABLE access_entries IN ACCESS EXCLUSIVE MODE"))
        with monkeypatch.context() as while_locked:
            while_locked.setattr(ledger, "_timeout", 0.2)
            with pytest.raises(LedgerUnavailable):
                await ledger.write([ENTRY])
            await wait_until(lambda: ledger._drain_task is None)  # its commit ends by a timer that was set later
    await ledger.write([ENTRY])
    await ledger.close()
    assert (await check_ledger(migrated, SECRET)).broken == []
    assert (ledger.commits, ledger.failed_requests, ledger.durations.count) == (1, 1, 1)


async def test_a_missing_database_is_reported_immediately() -> None:
    engine = create_database_engine("postgresql://simpul:rahasia@127.0.0.1:9/simpul")
    ledger = AccessLedger(engine, SECRET)
    with pytest.raises(LedgerUnavailable, match="Error"):
        await ledger.write([ENTRY])
    await ledger.close()
    await engine.dispose()


async def test_entries_beyond_the_limit_are_refused_and_waiting_ones_are_written(
    ledger: AccessLedger, migrated: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store.ledger.access_ledger, "MAX_WAITING", 3)
    waiting = asyncio.create_task(ledger.write([ENTRY] * 3))
    await asyncio.sleep(0)
    assert ledger.waiting == 3
    with pytest.raises(LedgerUnavailable, match="3 entries are already waiting"):
        await ledger.write([ENTRY])
    assert ledger.failed_requests == 1
    await waiting
    assert await count(migrated) == 3


async def test_a_text_that_cannot_be_stored_fails_only_its_own_request(
    ledger: AccessLedger, migrated: AsyncEngine
) -> None:
    good, *bad = await asyncio.gather(
        ledger.write([ENTRY]),
        ledger.write([ENTRY, ENTRY._replace(case="a\0b")]),
        ledger.write([ENTRY._replace(purpose="\ud800")]),
        return_exceptions=True,
    )
    assert (good, [type(each) for each in bad]) == (None, [ValueError, ValueError])
    assert await count(migrated) == 1


async def test_a_cancelled_request_is_not_written_and_affects_no_other(
    ledger: AccessLedger, migrated: AsyncEngine
) -> None:
    leaving = asyncio.create_task(ledger.write([ENTRY._replace(request_id="gone")]))
    staying = asyncio.create_task(ledger.write([ENTRY]))
    await asyncio.sleep(0)
    leaving.cancel()
    await staying
    assert [each.entry.request_id for each in await load_entries(migrated)] == ["r-17"]


async def test_writing_no_entries_makes_no_call() -> None:
    engine = create_database_engine("postgresql://simpul:rahasia@127.0.0.1:9/simpul")
    await AccessLedger(engine, SECRET).write([])
    await engine.dispose()


async def test_commits_wait_for_the_disk(ledger: AccessLedger) -> None:
    assert ledger._chain is not None
    assert await ledger._chain.driver.fetchval("SHOW synchronous_commit") == "on"


def test_the_repr_shows_the_chain_and_no_key(migrated: AsyncEngine) -> None:
    assert repr(AccessLedger(migrated, SECRET)) == "<AccessLedger not begun>"
