"""The access ledger's writer: what was read is committed before the answer leaves.

Entries of all requests that end in the same moment, or while a commit is under way, go in one statement, which is one
transaction (group commit). Each process writes chains of its own: a new one with each connection, because after a lost
one nobody knows what was still committed, and one a day. A chain begins with the heads of all others.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import Any, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from records.accesses import Access
from records.histogram import Histogram
from store.ledger_copy import COLUMNS, copied, row_of
from store.ledger_hash import Hasher, chain_bytes, entry_bytes, hash_key
from store.ledger_heads import HEADS, heads_text, unnamed
from store.tables import access_chains, access_entries

_log = logging.getLogger("simpul.ledger")

MOST_WAITING = 20_000
"""Entries that may wait for their commit; more are refused at once."""
MOST_AT_ONCE = 5_000
"""Entries in one transaction, unless one request has more."""
CHAIN_LASTS = timedelta(days=1)
"""After this time the next entry begins a new chain, which names the heads of the others anew."""

_BEGIN = f"INSERT INTO {access_chains.name} (chain, started_at, heads, hash) VALUES ($1, $2, $3, $4)"  # noqa: S608 - names of our own table


class LedgerUnavailable(Exception):  # noqa: N818 - a condition, not a fault
    """What was read cannot be recorded now. The text is for the log."""


class _Waiting(NamedTuple):
    accesses: Sequence[Access]
    done: asyncio.Future[None]


class _Chain:
    """A chain that is being written, on a connection of its own."""

    def __init__(self, connection: AsyncConnection, driver: Any, hashed: Hasher) -> None:  # noqa: ANN401 - asyncpg's connection
        self.connection = connection
        self.driver = driver
        self._hashed = hashed
        self.name = ""
        self.started_at = datetime.min.replace(tzinfo=UTC)
        self.sequence = 0
        self.head = b""

    @property
    def closed(self) -> bool:
        """Whether the database has hung up, as it does when it is restarted."""
        return bool(self.driver.is_closed())

    async def begin(self) -> None:
        """Begin a new chain, which names where the others stand."""
        started_at = datetime.now(UTC)
        name = token_hex(16)
        rows = [tuple(row) for row in await self.driver.fetch(HEADS)]
        heads = heads_text(unnamed(rows))
        head = self._hashed(chain_bytes(name, started_at, heads))
        await self.driver.execute(_BEGIN, name, started_at, heads, head)
        self.name, self.started_at, self.sequence, self.head = name, started_at, 0, head

    async def append(self, accesses: Sequence[Access]) -> None:
        """Commit entries."""
        sequence, head, hashed, rows = self.sequence, self.head, self._hashed, []
        for access in accesses:
            sequence += 1
            following = hashed(entry_bytes(self.name, sequence, head, access))
            rows.append(row_of(self.name, sequence, head, following, access))
            head = following
        await self.driver.copy_to_table(access_entries.name, source=copied(rows), columns=COLUMNS, format="binary")
        self.sequence, self.head = sequence, head


class AccessLedger:
    """Writes entries, many requests a commit."""

    def __init__(self, engine: AsyncEngine, secret: bytes, *, patience: float = 2.0) -> None:
        """Use the hub's database; `patience` is how many seconds a request waits for its commit."""
        self._engine = engine
        self._hashed = Hasher(hash_key(secret))
        self._patience = patience
        self._queue: deque[_Waiting] = deque()
        self._patient: deque[tuple[float, asyncio.Future[None]]] = deque()
        """Who waits, and until when on the loop's clock, in that order: one timer for all of them."""
        self._timer: asyncio.TimerHandle | None = None
        self._held = 0
        self._chain: _Chain | None = None
        self._writing: asyncio.Task[None] | None = None
        self.commits = 0
        """Transactions with entries, so far."""
        self.failed = 0
        """Requests whose entries were not committed, so far."""
        self.durations = Histogram()
        """Seconds that requests waited for their commit."""

    def __repr__(self) -> str:
        """The chain and its length."""
        chain = f"{self._chain.name}:{self._chain.sequence}" if self._chain else "not begun"
        return f"<AccessLedger {chain}>"

    async def start(self) -> None:
        """Begin this process's chain; raises what the database raises."""
        async with asyncio.timeout(self._patience):
            self._chain = await self._begun()

    async def write(self, accesses: Sequence[Access]) -> None:
        """Commit entries, all or none of them.

        Raises:
            LedgerUnavailable: They were not committed in time, as far as the hub knows.
            ValueError: An entry that no table can hold; those of other requests are not touched by it.

        """
        if not accesses:
            return
        for each in accesses:
            _check(each)
        if self._held + len(accesses) > MOST_WAITING:
            self.failed += 1
            raise LedgerUnavailable(f"{self._held} entries wait already")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        until = loop.time() + self._patience
        self._queue.append(_Waiting(accesses, done))
        self._patient.append((until, done))
        self._held += len(accesses)
        if self._writing is None:
            self._writing = loop.create_task(self._drain())
        if self._timer is None:
            self._timer = loop.call_at(until, self._out_of_patience)
        began = loop.time()
        try:
            await done
        except LedgerUnavailable:
            self.failed += 1
            raise
        self.durations.add(loop.time() - began)

    @property
    def waiting(self) -> int:
        """Entries that wait for their commit."""
        return self._held

    async def close(self) -> None:
        """Commit what waits, and let go of the database."""
        if self._writing is not None:
            await asyncio.wait({self._writing}, timeout=self._patience)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for _, done in self._patient:
            if not done.done():
                done.set_exception(LedgerUnavailable("the hub ends"))
        self._patient.clear()
        await self._let_go()

    def _out_of_patience(self) -> None:
        """Give up for those who waited long enough; come again for the next."""
        loop = asyncio.get_running_loop()
        while self._patient and (self._patient[0][1].done() or self._patient[0][0] <= loop.time()):
            _, done = self._patient.popleft()
            if not done.done():
                done.set_exception(LedgerUnavailable(f"not committed within {self._patience:g} s"))
        self._timer = loop.call_at(self._patient[0][0], self._out_of_patience) if self._patient else None

    async def _drain(self) -> None:
        try:
            while self._queue:
                await asyncio.sleep(0)  # whatever else ends in this turn of the loop goes along
                together = self._taken()
                if together:
                    await self._commit(together)
        finally:
            self._writing = None

    def _taken(self) -> list[_Waiting]:
        """Who is next; those who gave up waiting are left out."""
        together: list[_Waiting] = []
        count = 0
        while self._queue and (not together or count + len(self._queue[0].accesses) <= MOST_AT_ONCE):
            each = self._queue.popleft()
            self._held -= len(each.accesses)
            if not each.done.done():
                together.append(each)
                count += len(each.accesses)
        return together

    async def _commit(self, together: Sequence[_Waiting]) -> None:
        try:
            async with asyncio.timeout(self._patience):
                if self._chain is not None and self._chain.closed:  # while nobody wrote, so nothing is in doubt
                    await self._let_go()
                chain = self._chain = self._chain or await self._begun()
                if datetime.now(UTC) - chain.started_at > CHAIN_LASTS:
                    await chain.begin()
                await chain.append([access for each in together for access in each.accesses])
            self.commits += 1
        except Exception as failure:  # noqa: BLE001 - whatever it was, nothing may be taken for recorded
            _log.error("The access ledger cannot be written: %s", type(failure).__name__)
            for each in together:
                if not each.done.done():
                    each.done.set_exception(LedgerUnavailable(type(failure).__name__))
            await self._let_go()
            return
        for each in together:
            if not each.done.done():
                each.done.set_result(None)
        while self._patient and self._patient[0][1].done():
            self._patient.popleft()

    async def _begun(self) -> _Chain:
        connection = await self._engine.connect()
        try:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            await driver.execute("SET synchronous_commit = on")
            chain = _Chain(connection, driver, self._hashed)
            await chain.begin()
        except BaseException:
            await connection.invalidate()
            await connection.close()
            raise
        return chain

    async def _let_go(self) -> None:
        """Leave the chain where it is; the next entry begins another."""
        chain, self._chain = self._chain, None
        if chain is not None:
            chain.driver.terminate()  # nothing of ours is under way that somebody waits for
            with contextlib.suppress(Exception):
                await chain.connection.invalidate()
                await chain.connection.close()


def _check(access: Access) -> None:
    """Raise `ValueError` where PostgreSQL could not keep a text: one request's must not fail those of others."""
    for text in (
        access.request_id,
        access.agency,
        access.unit,
        access.role,
        access.client,
        access.purpose,
        access.case,
    ):
        if text is not None and ("\0" in text or not _is_utf8(text)):
            raise ValueError("A text of the entry holds a character that cannot be kept.")


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
