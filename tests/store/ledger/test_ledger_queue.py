"""Entries that wait for their commit: batches, timeouts and refusals."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import pytest

import store.ledger.access_ledger
from records.hub.ledger_entries import LedgerEntry
from store.database import create_database_engine
from store.ledger.access_ledger import AccessLedger, LedgerUnavailable
from tests.store.ledger.sample_entry import ENTRY, SECRET

_NOWHERE = "postgresql://simpul:rahasia@127.0.0.1:9/simpul"


class HeldChain:
    """A chain whose commits last until the test ends them; `commits` holds the request ids of each."""

    closed = False
    name, sequence = "held", 0

    def __init__(self) -> None:
        self.started_at = datetime.now(UTC)
        self.commits: list[list[str]] = []
        self.ends = asyncio.Event()
        self.begins = asyncio.Event()
        self.driver = self

    async def append(self, accesses: Sequence[LedgerEntry]) -> None:
        self.commits.append([each.request_id for each in accesses])
        self.begins.set()
        await self.ends.wait()

    def terminate(self) -> None:
        """The driver's flag; there is no connection."""


def build_entries(name: str, count: int = 1) -> Sequence[LedgerEntry]:
    return [ENTRY._replace(request_id=name)] * count


@pytest.fixture
async def chain() -> HeldChain:
    return HeldChain()


@pytest.fixture
async def ledger(chain: HeldChain, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AccessLedger]:
    engine = create_database_engine(_NOWHERE)
    ledger = AccessLedger(engine, SECRET, timeout=0.1)

    async def begun() -> HeldChain:
        return chain

    monkeypatch.setattr(ledger, "_begin_chain", begun)
    yield ledger
    chain.ends.set()
    await ledger.close()
    await engine.dispose()


async def test_the_limit_counts_waiting_entries_only_and_not_committed_ones(
    ledger: AccessLedger, chain: HeldChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store.ledger.access_ledger, "MAX_WAITING", 3)
    chain.ends.set()
    for name in ("first", "second", "third"):
        await ledger.write(build_entries(name, 3))
        assert ledger.waiting == 0
    assert (len(chain.commits), ledger.failed_requests) == (3, 0)


async def test_the_limit_does_not_count_cancelled_entries(
    ledger: AccessLedger, chain: HeldChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store.ledger.access_ledger, "MAX_WAITING", 3)
    gone = asyncio.create_task(ledger.write(build_entries("gone", 3)))
    await asyncio.sleep(0)
    gone.cancel()
    chain.ends.set()
    await asyncio.gather(gone, return_exceptions=True)
    await ledger.write(build_entries("next", 3))
    assert (ledger.waiting, chain.commits) == (0, [["next"] * 3])


async def test_a_write_during_a_commit_is_committed_after_it(ledger: AccessLedger, chain: HeldChain) -> None:
    first = asyncio.create_task(ledger.write(build_entries("first")))
    await chain.begins.wait()
    second = asyncio.create_task(ledger.write(build_entries("second")))
    await asyncio.sleep(0)
    assert (chain.commits, ledger.waiting) == ([["first"]], 1)
    chain.ends.set()
    await asyncio.gather(first, second)
    assert (chain.commits, ledger.waiting, ledger.commits) == ([["first"], ["second"]], 0, 2)


async def test_a_commit_begins_before_the_requests_of_the_last_one_go_on(
    ledger: AccessLedger, chain: HeldChain
) -> None:
    async def write_second() -> None:
        await chain.begins.wait()
        asyncio.get_running_loop().call_soon(chain.ends.set)
        await ledger.write(build_entries("second"))

    second = asyncio.create_task(write_second())
    await ledger.write(build_entries("first"))
    assert chain.commits == [["first"], ["second"]]
    await second


async def test_a_write_during_a_hanging_commit_waits_for_its_own_timeout(
    ledger: AccessLedger, chain: HeldChain
) -> None:
    first = asyncio.create_task(ledger.write(build_entries("first")))
    await chain.begins.wait()
    ledger._timeout = 0.15  # as if it came a little later: its timeout ends after that of the first
    second = asyncio.create_task(ledger.write(build_entries("second")))
    async with asyncio.timeout(10):
        with pytest.raises(LedgerUnavailable):
            await first
        # Its commit begins only now, and would hang for another 0.15 s.
        with pytest.raises(LedgerUnavailable, match=r"^not committed within 0\.15 s$"):
            await second
    assert (ledger.failed_requests, ledger.commits) == (2, 0)


async def test_the_next_write_after_a_hanging_commit_is_committed(ledger: AccessLedger, chain: HeldChain) -> None:
    with pytest.raises(LedgerUnavailable):
        await ledger.write(build_entries("hung"))
    chain.ends.set()
    await ledger.write(build_entries("next"))
    assert (chain.commits, ledger.waiting) == ([["hung"], ["next"]], 0)


async def test_a_transaction_exceeds_the_limit_only_for_a_single_request(
    ledger: AccessLedger, chain: HeldChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store.ledger.access_ledger, "MAX_BATCH_ENTRIES", 3)
    chain.ends.set()
    names = [("a", 2), ("b", 1), ("c", 1), ("large", 5), ("d", 3)]
    await asyncio.gather(*(ledger.write(build_entries(name, count)) for name, count in names))
    assert chain.commits == [["a", "a", "b"], ["c"], ["large"] * 5, ["d"] * 3]
