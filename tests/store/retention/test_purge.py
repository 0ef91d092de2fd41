"""A purge leaves a receipt; the rest can still be verified; and no theft can pass as a purge."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from store.ledger.access_ledger import AccessLedger
from store.ledger.ledger_check import LedgerCheckResult, check_ledger, load_heads
from store.ledger.ledger_hash import LedgerHasher, derive_hash_key
from store.retention.purge import _LOCK, PurgeInProgress, RetentionPurge
from store.retention.purge_receipts import PurgeReceipt
from store.retention.retention_policy import RetentionPolicy, parse_retention_policies
from store.retention.retention_rules import list_retention_rules
from store.rights.exports import ExportTable
from store.tables import access_gaps, breaches
from tests.fakes.waiting import wait_until
from tests.store.ledger.sample_entry import ENTRY, SECRET, load_entries
from tests.store.retention.aging import age_rows

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


def days_ago(days: float, **more: Any) -> Any:  # noqa: ANN401 - an entry, and any column of it
    return ENTRY._replace(**{"at": NOW - days * DAY, "request_id": f"r-{days:g}", "classification": "PERSONAL", **more})


async def write_chain(engine: AsyncEngine, *accesses: Any) -> str:  # noqa: ANN401 - entries
    """A chain of these entries; returns its name."""
    ledger = AccessLedger(engine, SECRET)
    await ledger.start()
    assert ledger._chain is not None
    name = ledger._chain.name
    await ledger.write(accesses)
    await ledger.close()
    return name


@pytest.fixture
async def hub(migrated: AsyncEngine) -> AsyncEngine:
    """The hub's database without entries."""
    return migrated


def retention(engine: AsyncEngine, *words: str) -> RetentionPurge:
    return RetentionPurge(
        engine, SECRET, list_retention_rules(), parse_retention_policies(words, list_retention_rules())
    )


async def purge(engine: AsyncEngine, *words: str) -> PurgeReceipt:
    [receipt] = await retention(engine, *words).purge(by="rina")
    return receipt


async def check(engine: AsyncEngine, sound: int, gone: int) -> None:
    found = await check_ledger(engine, SECRET)
    assert (found.broken, found.receipt_faults, found.entries, found.purged) == ([], [], sound, gone)


async def count_left(engine: AsyncEngine) -> list[str]:
    return sorted(each.entry.request_id for each in await load_entries(engine))


async def test_expired_entries_are_purged_and_the_rest_of_the_chain_is_valid(hub: AsyncEngine) -> None:
    await write_chain(hub, *map(days_ago, (40, 39, 31, 29, 2)))
    receipt = await purge(hub, "ledger:30")
    assert await count_left(hub) == ["r-2", "r-29"]
    assert (receipt.number, receipt.name, receipt.purged_by, receipt.kept_days) == (1, "ledger", "rina", "30")
    assert receipt.removed == "rows=3 PERSONAL=3"
    assert (receipt.oldest, receipt.newest) == (NOW - 40 * DAY, NOW - 31 * DAY)
    await check(hub, 2, 3)


async def test_a_whole_chain_may_be_purged_and_others_still_name_its_head(hub: AsyncEngine) -> None:
    await write_chain(hub, *map(days_ago, (40, 39)))
    kept = await load_heads(hub)
    await write_chain(hub, days_ago(1))
    await purge(hub, "ledger:30")
    await write_chain(hub, days_ago(0))
    await check(hub, 2, 2)
    assert (await check_ledger(hub, SECRET, kept)).broken == []
    assert kept[0] in await load_heads(hub)


async def test_each_daily_purge_has_its_receipt(hub: AsyncEngine) -> None:
    await write_chain(hub, *map(days_ago, (40, 30, 20, 10)))
    for number, days in enumerate((35, 25, 15), 1):
        assert (await purge(hub, f"ledger:{days}")).number == number
        await check(hub, 4 - number, number)
    assert [each.removed for each in await retention(hub).list_receipts()] == ["rows=1 PERSONAL=1"] * 3


async def test_without_expired_rows_there_is_no_receipt(hub: AsyncEngine) -> None:
    await write_chain(hub, days_ago(29))
    assert await retention(hub, "ledger:30").purge(by="rina") == []
    assert await retention(hub).list_receipts() == []


async def test_an_entry_is_kept_for_the_longest_retention_of_its_classes(
    hub: AsyncEngine,
) -> None:
    await write_chain(
        hub,
        days_ago(50),
        days_ago(51, classification="PERSONAL SPECIFIC:HEALTH"),
        days_ago(52),
        days_ago(53, classification="PERSONAL SPECIFIC:CHILD"),
        days_ago(54, classification=None),
        days_ago(101, classification="PERSONAL SPECIFIC:HEALTH"),
        days_ago(20),
    )
    receipt = await purge(hub, "ledger:52", "ledger/SPECIFIC:HEALTH:100", "ledger/PERSONAL:30")
    assert await count_left(hub) == ["r-20", "r-51"]
    assert receipt.removed == "rows=5 PERSONAL=4 SPECIFIC:CHILD=1 SPECIFIC:HEALTH=1"
    assert receipt.kept_days == "52 PERSONAL:30 SPECIFIC:HEALTH:100"
    await check(hub, 2, 5)


async def test_the_retention_of_a_hidden_entry_starts_at_its_disclosure(hub: AsyncEngine) -> None:
    await write_chain(
        hub,
        days_ago(50, request_id="late", hidden_until=NOW - 20 * DAY),
        days_ago(50, request_id="disclosed", hidden_until=NOW - 31 * DAY),
    )
    await purge(hub, "ledger:30")
    assert await count_left(hub) == ["late"]


async def test_entries_in_the_window_of_an_open_breach_are_kept(hub: AsyncEngine) -> None:
    await write_chain(hub, *map(days_ago, (50, 40, 35)))
    window = {"starts_at": NOW - 41 * DAY, "ends_at": NOW - 39 * DAY}
    breach = {"name": "B-1", "opened_by": "rina", "known_since": NOW, "what": "a laptop was stolen", **window}
    async with hub.begin() as connection:
        await connection.execute(insert(breaches).values(**breach))
    await purge(hub, "ledger:30")
    assert await count_left(hub) == ["r-40"]
    await check(hub, 1, 2)
    async with hub.begin() as connection:
        await connection.execute(breaches.update().values(closed_at=NOW, closed_by="rina"))
    await purge(hub, "ledger:30")
    assert await count_left(hub) == []
    await check(hub, 0, 3)


async def test_a_dry_run_returns_the_same_receipts_and_deletes_nothing(hub: AsyncEngine) -> None:
    await write_chain(hub, *map(days_ago, (40, 10)))
    [receipt] = await retention(hub, "ledger:30").purge(by="rina", dry_run=True)
    assert (await count_left(hub), await retention(hub).list_receipts()) == (["r-10", "r-40"], [])
    await check(hub, 2, 0)
    assert (await purge(hub, "ledger:30")).removed == receipt.removed == "rows=1 PERSONAL=1"


async def test_only_one_process_purges_at_a_time(hub: AsyncEngine) -> None:
    await write_chain(hub, days_ago(40))
    async with hub.begin() as other:
        await other.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        with pytest.raises(PurgeInProgress):
            await purge(hub, "ledger:30")
    assert await count_left(hub) == ["r-40"]
    await purge(hub, "ledger:30")


async def test_the_hub_keeps_writing_during_a_purge(hub: AsyncEngine) -> None:
    await write_chain(hub, *map(days_ago, range(31, 400)))
    ledger = AccessLedger(hub, SECRET)
    await ledger.start()
    purging = asyncio.create_task(purge(hub, "ledger:30"))
    await ledger.write([days_ago(0)])
    await purging
    await ledger.write([days_ago(0)])
    await ledger.close()
    await check(hub, 2, 369)


# Attempts to hide a theft, and how they are found.


async def tamper(engine: AsyncEngine, statement: str, **values: object) -> None:
    async with engine.begin() as connection:
        assert (await connection.execute(text(statement), values)).rowcount >= 1


async def find_faults(engine: AsyncEngine) -> tuple[list[tuple[int, str]], list[str]]:
    findings: LedgerCheckResult = await check_ledger(engine, SECRET)
    return [(each.sequence, each.reason) for each in findings.broken], findings.receipt_faults


async def test_entries_deleted_without_a_receipt_are_reported(hub: AsyncEngine) -> None:
    await write_chain(hub, *map(days_ago, (40, 39, 10, 9)))
    await purge(hub, "ledger:30")
    await tamper(hub, "DELETE FROM access_entries WHERE sequence = 3")
    assert await find_faults(hub) == ([(3, "the entry is missing")], [])


async def test_a_gap_extended_over_more_entries_is_invalid(hub: AsyncEngine) -> None:
    await write_chain(hub, *map(days_ago, (40, 39, 10, 9)))
    await purge(hub, "ledger:30")
    await tamper(hub, "DELETE FROM access_entries WHERE sequence = 3")
    await tamper(hub, "UPDATE access_gaps SET last = 3")
    assert await find_faults(hub) == ([(1, "the entry is missing")], [])


async def test_a_gap_of_another_chain_or_another_secret_is_invalid(hub: AsyncEngine) -> None:
    await write_chain(hub, *map(days_ago, (40, 10)))
    await purge(hub, "ledger:30")
    victim = await write_chain(hub, *map(days_ago, (10, 9)))
    await tamper(hub, "DELETE FROM access_entries WHERE chain = :victim AND sequence = 1", victim=victim)
    async with hub.begin() as connection:
        gap: Mapping[str, Any] = dict((await connection.execute(select(access_gaps))).mappings().one())
        await connection.execute(insert(access_gaps).values(**{**gap, "chain": victim}))
    assert await find_faults(hub) == ([(1, "the entry is missing")], [])


async def test_entries_deleted_before_a_gap_are_reported(hub: AsyncEngine) -> None:
    await write_chain(hub, days_ago(10), *map(days_ago, (40, 39)), days_ago(9))
    await purge(hub, "ledger:30")
    await tamper(hub, "DELETE FROM access_entries WHERE sequence = 1")
    assert await find_faults(hub) == ([(1, "the entry is missing")], [])


@pytest.mark.parametrize(
    "change",
    [
        "removed = 'rows=1 PERSONAL=1'",
        "purged_by = 'hub'",
        "kept_days = '3650'",
        "newest = NULL",
        "purged_at = purged_at + interval '1 second'",
        "name = 'sessions'",
        "previous = decode('00', 'hex')",
    ],
)
async def test_a_changed_receipt_is_reported(hub: AsyncEngine, change: str) -> None:
    await write_chain(hub, *map(days_ago, (40, 39, 10)))
    await purge(hub, "ledger:30")
    await tamper(hub, f"UPDATE purge_receipts SET {change}")  # noqa: S608 - of this test
    assert await find_faults(hub) == ([], ["receipt 1: the receipt was changed"])


async def test_a_removed_receipt_is_reported_and_its_gap_is_invalid(hub: AsyncEngine) -> None:
    await write_chain(hub, *map(days_ago, (40, 35, 10)))
    await purge(hub, "ledger:38")
    await purge(hub, "ledger:30")
    await tamper(hub, "DELETE FROM purge_receipts WHERE number = 1")
    assert await find_faults(hub) == ([(1, "the entry is missing")], ["receipt 1: the receipt is missing"])
    await tamper(hub, "UPDATE purge_receipts SET number = 1")
    assert (await find_faults(hub))[1] == ["receipt 1: the receipt was changed"]


async def test_a_purged_entry_must_match_the_heads_that_named_it(hub: AsyncEngine) -> None:
    chain = await write_chain(hub, *map(days_ago, (40, 39)))
    [head] = await load_heads(hub)
    await purge(hub, "ledger:30")
    other = head._replace(hash=LedgerHasher(derive_hash_key(SECRET))(b"another"))
    findings = await check_ledger(hub, SECRET, [other])
    assert [(each.chain, each.reason) for each in findings.broken] == [
        (chain, "a head names another entry than the purged one")
    ]


# The daily purge.


async def test_the_daily_purge_repeats_after_failures(hub: AsyncEngine, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "simpul.retention")
    async with retention(hub, "ledger:30").run_daily(first_delay=0, interval=0.01):
        async with hub.begin() as connection:
            await connection.exec_driver_sql("ALTER TABLE purge_receipts RENAME TO elsewhere")
        await wait_until(lambda: "ledger: the purge failed: ProgrammingError" in caplog.text)
        async with hub.begin() as connection:
            await connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO purge_receipts")
        for _ in range(2):
            caplog.clear()
            await write_chain(hub, days_ago(40))
            await wait_until(lambda: "purged ledger: rows=1 PERSONAL=1, receipt " in caplog.text)
    assert [each.purged_by for each in await retention(hub).list_receipts()] == ["hub", "hub"]


async def test_a_kind_that_cannot_be_purged_does_not_stop_others(
    hub: AsyncEngine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "simpul.retention")
    await ExportTable(hub, timeout=30).begin(b"s" * 32)
    await age_rows(hub, 2)
    async with hub.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE consent_events RENAME TO elsewhere_too")
    async with retention(hub).run_daily(first_delay=0):
        await wait_until(lambda: "purged exports: rows=1, receipt 1" in caplog.text)
    assert "consents: the purge failed: ProgrammingError" in caplog.text


# Settings.


def test_settings_override_the_default_retention() -> None:
    assert parse_retention_policies((), list_retention_rules())["ledger"] == RetentionPolicy(days=1825)
    words = ("ledger:90", "ledger/SPECIFIC:HEALTH:3650")
    assert parse_retention_policies(words, list_retention_rules())["ledger"] == RetentionPolicy(
        days=90, days_by_class={"SPECIFIC:HEALTH": 3650}
    )


@pytest.mark.parametrize(
    "word", ["ledger", "ledger:0", "ledger:x", "ledger:36501", "ledger:-1", "ledger:٣", "books:30", ":30", ""]
)
def test_an_invalid_retention_is_refused_with_the_known_names(word: str) -> None:
    with pytest.raises(ValueError, match=r"is not a retention: .* of ledger"):
        parse_retention_policies((word,), list_retention_rules())


@pytest.mark.parametrize("word", ["ledger/:30", "ledger/HEALTH:30", "ledger/SPECIFIC:30"])
def test_an_unknown_class_is_refused_with_the_known_ones(word: str) -> None:
    classes: Sequence[str] = next(each.classes for each in list_retention_rules() if each.name == "ledger")
    with pytest.raises(ValueError, match=f"it has {', '.join(classes)}"):
        parse_retention_policies((word,), list_retention_rules())


def test_a_proof_is_kept_at_least_as_long_as_what_it_proves() -> None:
    def days(*words: str) -> dict[str, int]:
        kept = parse_retention_policies(words, list_retention_rules())
        return {name: kept[name].days for name in ("ledger", "consents", "restrictions", "data-requests")}

    assert days() == {"ledger": 1825, "consents": 1825, "restrictions": 1825, "data-requests": 365}
    assert days("ledger:30") == {"ledger": 30, "consents": 1825, "restrictions": 1825, "data-requests": 365}
    assert days("ledger/SPECIFIC:HEALTH:3650")["consents"] == 3650
    assert days("ledger:2000", "consents:4000") == {
        "ledger": 2000,
        "consents": 4000,
        "restrictions": 2000,
        "data-requests": 365,
    }
    assert days("consents:30", "ledger:30")["consents"] == 30


def test_a_proof_with_a_shorter_retention_than_what_it_proves_is_refused_with_the_fix() -> None:
    with pytest.raises(ValueError, match="keep 'consents' for 3650 or more, or 'ledger' for less"):
        parse_retention_policies(("consents:1825", "ledger/SPECIFIC:HEALTH:3650"), list_retention_rules())
    with pytest.raises(ValueError, match="'restrictions:30' would delete proofs before what they prove"):
        parse_retention_policies(("restrictions:30",), list_retention_rules())
