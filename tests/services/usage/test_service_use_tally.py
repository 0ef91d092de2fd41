"""Uses of services are counted by the fields of answered operations, and written in the background."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime

from services.usage.service_use_tally import ServiceUseTally
from store.database_timeout import StateUnavailable
from store.usage.service_use_table import ServiceUseKey
from tests.fakes.waiting import wait_until

MARKS = {"Citizen.taxObjects": "bills", "Query.floodGates": "gates", "Citizen.household": "card"}
BILLS = frozenset({"Query.me", "Citizen.taxObjects", "TaxObject.nop"})
OCTOBER = datetime(2026, 10, 1, tzinfo=UTC)


class Store:
    """Keeps counts, unless it is down."""

    def __init__(self) -> None:
        self.stored: Counter[ServiceUseKey] = Counter()
        self.is_down = False

    async def add(self, counts: Mapping[ServiceUseKey, int]) -> None:
        if self.is_down:
            raise StateUnavailable
        self.stored.update(counts)


def build_tally(store: Store) -> ServiceUseTally:
    return ServiceUseTally(MARKS, store, get_today=lambda: date(2026, 10, 31))


async def test_each_marked_service_of_an_operation_counts_once() -> None:
    store = Store()
    tally = build_tally(store)
    for coordinates in (BILLS, BILLS, frozenset({"Query.floodGates", "Citizen.household"}), frozenset({"Query.me"})):
        tally.record(coordinates)
    await tally.write()
    assert store.stored == {
        ServiceUseKey(OCTOBER, "bills"): 2,
        ServiceUseKey(OCTOBER, "gates"): 1,
        ServiceUseKey(OCTOBER, "card"): 1,
    }


async def test_counts_wait_for_a_database_that_is_down_and_none_is_lost_or_doubled() -> None:
    store = Store()
    tally = build_tally(store)
    store.is_down = True
    tally.record(BILLS)
    await tally.write()
    tally.record(BILLS)
    store.is_down = False
    await tally.write()
    await tally.write()
    assert store.stored == {ServiceUseKey(OCTOBER, "bills"): 2}


async def test_what_waits_is_written_at_the_end() -> None:
    store = Store()
    tally = build_tally(store)
    async with tally.running():
        tally.record(BILLS)
        await asyncio.sleep(0)
    await wait_until(lambda: store.stored == {ServiceUseKey(OCTOBER, "bills"): 1})
