"""Reading the ledger: one person's visible entries, newest first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from records.hub.access_history import READERS_BY_CALLER_KIND, AccessLogFilters, AccessReader, classify_reader
from records.hub.ledger_entries import AccessPosition, AccessSearch
from store.ledger.access_history import AccessHistory
from store.ledger.access_ledger import AccessLedger
from store.tables import operation_clients
from tests.store.ledger.sample_entry import ENTRY, RINA, SECRET, SITI

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
async def log(migrated: AsyncEngine) -> AccessHistory:
    """Six entries about Siti, an hour apart, two of them of the same moment; one about another person."""
    ledger = AccessLedger(migrated, SECRET)
    await ledger.start()
    for number in range(5):
        await ledger.write([ENTRY._replace(request_id=f"r-{number}", at=NOON + timedelta(hours=number))])
    await ledger.write([ENTRY._replace(request_id="r-4b", at=NOON + timedelta(hours=4))])
    await ledger.write([ENTRY._replace(subject=RINA), ENTRY._replace(subject=None)])
    await ledger.close()
    return AccessHistory(migrated)


async def pages(log: AccessHistory, first: int) -> list[list[str]]:
    found: list[list[str]] = []
    after: AccessPosition | None = None
    while True:
        page = await log.load_page(SITI, first, after)
        found.append([each.entry.request_id for each in page.entries])
        if not page.has_more:
            return found
        after = page.entries[-1].position


async def test_entries_are_newest_first_and_pages_omit_none(log: AccessHistory) -> None:
    assert await pages(log, 4) == [["r-4b", "r-4", "r-3", "r-2"], ["r-1", "r-0"]]
    assert await pages(log, 1) == [["r-4b"], ["r-4"], ["r-3"], ["r-2"], ["r-1"], ["r-0"]]
    assert await pages(log, 6) == [["r-4b", "r-4", "r-3", "r-2", "r-1", "r-0"]]


async def test_a_history_holds_no_other_person(log: AccessHistory) -> None:
    assert (await log.load_page(b"x" * 32, 10, None)).entries == ()


async def test_hidden_entries_appear_only_after_their_time(log: AccessHistory, migrated: AsyncEngine) -> None:
    ledger = AccessLedger(migrated, SECRET)
    await ledger.start()
    now = datetime.now(UTC)
    for name, until in (("secret", now + timedelta(days=1)), ("over", now - timedelta(seconds=1))):
        await ledger.write([ENTRY._replace(request_id=name, at=NOON - timedelta(days=1), hidden_until=until)])
    await ledger.close()
    assert (await pages(log, 100))[0][-1] == "over"
    assert (await log.load_range(SITI, None, NOON - timedelta(hours=1), offset=0, limit=9))[0] == 1


async def test_a_range_includes_both_ends_and_counts_all_entries(log: AccessHistory) -> None:
    count, some = await log.load_range(SITI, NOON + timedelta(hours=1), NOON + timedelta(hours=4), offset=1, limit=2)
    assert (count, [each.entry.request_id for each in some]) == (5, ["r-4", "r-3"])


READINGS = [
    ENTRY._replace(caller=SITI, caller_kind="citizen", legal_basis="own-right"),
    ENTRY._replace(caller_kind="citizen", legal_basis="assistance"),
    ENTRY._replace(caller_kind="citizen", legal_basis="guardianship", fields=("Citizen.name", "Household.members")),
    ENTRY._replace(caller_kind="citizen", legal_basis="own-right", fields=("HouseholdMember.name",)),
    ENTRY._replace(caller_kind="citizen", legal_basis="own-right", fields=("Citizen.nik", "Household.members")),
    ENTRY._replace(caller_kind="citizen", legal_basis="own-right", fields=("Citizen.household",)),
    ENTRY._replace(caller_kind="partner", caller=None, client="city/kreditku"),
    ENTRY._replace(caller_kind="official", fields=("Household.members",)),
    ENTRY._replace(caller_kind="yourself"),
    ENTRY._replace(caller_kind="of-tomorrow", legal_basis=None),
    *(ENTRY._replace(caller_kind=kind) for kind in sorted(READERS_BY_CALLER_KIND)),
]


async def test_a_filter_by_reader_finds_exactly_the_entries_that_are_described_so(migrated: AsyncEngine) -> None:
    ledger = AccessLedger(migrated, SECRET)
    await ledger.start()
    for number, entry in enumerate(READINGS):
        await ledger.write([entry._replace(request_id=f"r-{number}", at=NOON - timedelta(hours=number))])
    await ledger.close()
    described = {f"r-{number}": classify_reader(entry) for number, entry in enumerate(READINGS)}
    assert set(described.values()) == set(AccessReader)
    for reader in AccessReader:
        page = await AccessHistory(migrated).load_page(SITI, 100, None, AccessLogFilters(readers=(reader,)))
        assert [each.entry.request_id for each in page.entries] == [
            request for request, kind in described.items() if kind is reader
        ]


@pytest.mark.parametrize(
    ("filters", "requests"),
    [
        (AccessLogFilters(readers=(AccessReader.OFFICIAL, AccessReader.PARTNER), end=NOON), ["r-0"]),
        (AccessLogFilters(readers=(AccessReader.PARTNER,)), []),
        (AccessLogFilters(start=NOON + timedelta(hours=3), end=NOON + timedelta(hours=3)), ["r-3"]),
        (AccessLogFilters(purpose="verifikasi-identitas", start=NOON + timedelta(hours=4)), ["r-4b", "r-4"]),
        (AccessLogFilters(purpose="verifikasi"), []),
    ],
    ids=str,
)
async def test_a_history_can_be_filtered(log: AccessHistory, filters: AccessLogFilters, requests: list[str]) -> None:
    page = await log.load_page(SITI, 100, None, filters)
    assert [each.entry.request_id for each in page.entries] == requests


async def test_the_names_of_clients_are_those_of_their_contracts(log: AccessHistory, migrated: AsyncEngine) -> None:
    contract = {"mode": "off", "scopes": {}, "variables": {}, "changed_by": "tests"}
    async with migrated.begin() as connection:
        await connection.execute(
            insert(operation_clients),
            [{"client": "city/bank", "name": "Bank", **contract}, {"client": "city/bare", "name": None, **contract}],
        )
    assert await log.load_client_names({"city/bank", "city/bare", "city/none", None}) == {"city/bank": "Bank"}
    assert await log.load_client_names(set()) == {}


async def test_the_start_is_that_of_the_oldest_chain(log: AccessHistory) -> None:
    begun = await log.load_start()
    assert begun is not None
    assert datetime.now(UTC) - begun < timedelta(minutes=5)


async def found(log: AccessHistory, **search: Any) -> list[str]:  # noqa: ANN401 - what a search can name
    return [each.entry.request_id for each in (await log.search(AccessSearch(**search), 100, None)).entries]


SITIS = ["r-4b", "r-4", "r-3", "r-2", "r-1", "r-0"]


@pytest.mark.parametrize(
    ("search", "requests"),
    [
        ({"subjects": (SITI,)}, SITIS),
        ({"subjects": (SITI, RINA)}, []),
        ({"caller": RINA, "subjects": (SITI,)}, SITIS),
        ({"caller": SITI}, []),
        ({"request_id": "r-3"}, ["r-3"]),
        ({"start": NOON + timedelta(hours=4), "end": NOON + timedelta(hours=4)}, ["r-4b", "r-4"]),
        ({"end": NOON + timedelta(hours=1), "agency": "dukcapil"}, ["r-1", "r-0"]),
        ({"agency": "pbb"}, []),
        ({"caller_kind": "official", "purpose": "verifikasi-identitas", "case": "K-2026", "end": NOON}, ["r-0"]),
        ({"caller_kind": "citizen"}, []),
        ({"purpose": "penagihan"}, []),
        ({"case": "K-1"}, []),
        ({"client": "loket"}, []),
        ({"operation": "Check", "end": NOON}, ["r-0"]),
    ],
    ids=str,
)
async def test_a_search_finds_entries_that_match_all_filters(
    log: AccessHistory, search: dict[str, Any], requests: list[str]
) -> None:
    assert await found(log, **search) == requests


async def test_a_search_continues_after_a_cursor_and_reports_more(log: AccessHistory) -> None:
    search = AccessSearch(subjects=(SITI,))
    first = await log.search(search, 4, None)
    rest = await log.search(search, 4, first.entries[-1].position)
    assert [each.entry.request_id for page in (first, rest) for each in page.entries] == SITIS
    assert (first.has_more, rest.has_more) == (True, False)


async def test_an_overseer_finds_entries_that_are_hidden_from_the_person(
    log: AccessHistory, migrated: AsyncEngine
) -> None:
    ledger = AccessLedger(migrated, SECRET)
    await ledger.start()
    hidden = ENTRY._replace(request_id="secret", hidden_until=datetime.now(UTC) + timedelta(days=1))
    await ledger.write([hidden])
    await ledger.close()
    assert await found(log, request_id="secret") == ["secret"]
