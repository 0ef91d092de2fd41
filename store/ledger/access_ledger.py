"""Writes the access ledger: entries are committed before the answer is sent.

Entries of requests that end in the same event loop iteration, or during a running commit, share one statement and so
one transaction (group commit). Each process writes its own chains. It starts a new chain with each connection, because
after a lost connection the last commit is uncertain, and after one day. A chain begins with the last hashes of all
other chains.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from secrets import token_hex
from typing import Any, NamedTuple, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from records.histogram import Histogram
from records.hub.ledger_entries import LedgerEntry
from store.ledger.ledger_hash import LedgerHasher, derive_hash_key, encode_chain, encode_entry
from store.ledger.ledger_heads import HEADS_QUERY, find_unnamed_heads, format_heads
from store.ledger.ledger_insert import INSERT_ENTRIES, build_row
from store.tables import access_chains

_log = logging.getLogger("simpul.ledger")

MAX_WAITING = 20_000
"""Entries that may wait for their commit; beyond that, entries are refused immediately."""
MAX_BATCH_ENTRIES = 5_000
"""Entries per transaction, unless one request has more."""
CHAIN_LIFETIME = timedelta(days=1)
"""The age at which the next entry starts a new chain, which stores the last hashes of the other chains."""

_INSERT_CHAIN = f"INSERT INTO {access_chains.name} (chain, started_at, heads, hash) VALUES ($1, $2, $3, $4)"  # noqa: S608 - names of our own table


class LedgerUnavailable(Exception):  # noqa: N818 - a condition, not a fault
    """Entries cannot be recorded now. The text is for the log."""


class _PendingWrite(NamedTuple):
    entries: Sequence[LedgerEntry]
    done: asyncio.Future[None]


class _Chain:
    """A chain in progress, with its own connection."""

    def __init__(self, connection: AsyncConnection, driver: Any, hasher: LedgerHasher) -> None:  # noqa: ANN401 - asyncpg's connection
        self.connection = connection
        self.driver = driver
        self._hasher = hasher
        self._insert: Any = None
        """asyncpg's prepared statement: one round trip commits a batch."""
        self.name = ""
        self.started_at = datetime.min.replace(tzinfo=UTC)
        self.sequence = 0
        self.head = b""

    @property
    def closed(self) -> bool:
        """Whether the database closed the connection, as in a restart."""
        return bool(self.driver.is_closed())

    async def prepare(self) -> None:
        """Prepares the connection, once."""
        # An answer may leave only after its entries are on disk, whatever the server's default is.
        await self.driver.execute("SET synchronous_commit = on")
        self._insert = await self.driver.prepare(INSERT_ENTRIES)

    async def begin(self) -> None:
        """Starts a new chain, which stores the last hashes of the other chains."""
        started_at = datetime.now(UTC)
        name = token_hex(16)
        rows = [tuple(row) for row in await self.driver.fetch(HEADS_QUERY)]
        heads = format_heads(find_unnamed_heads(rows))
        head = self._hasher(encode_chain(name, started_at, heads))
        await self.driver.execute(_INSERT_CHAIN, name, started_at, heads, head)
        self.name, self.started_at, self.sequence, self.head = name, started_at, 0, head

    async def append(self, entries: Sequence[LedgerEntry]) -> None:
        """Commits entries."""
        sequence, head, hasher, rows = self.sequence, self.head, self._hasher, []
        # The chain's own state changes only after the insertion succeeded.
        for entry in entries:
            sequence += 1
            entry_hash = hasher(encode_entry(self.name, sequence, head, entry))
            rows.append(build_row(self.name, sequence, head, entry_hash, entry))
            head = entry_hash
        await self._insert.fetch(rows)
        self.sequence, self.head = sequence, head


class LedgerWriter(Protocol):
    """Writes entries."""

    async def start(self) -> None:
        """Prepare to write; raises the database's errors."""

    async def write(self, entries: Sequence[LedgerEntry]) -> None:
        """Return once they are committed; raises `LedgerUnavailable`."""

    async def close(self) -> None:
        """Commit pending entries."""


class NoLedger:
    """Writes nothing, for hubs whose operator turned the ledger off."""

    async def start(self) -> None:
        """Open nothing."""

    async def write(self, entries: Sequence[LedgerEntry]) -> None:
        """Write nothing."""

    async def close(self) -> None:
        """Do nothing."""


class AccessLedger:
    """Writes entries, with one commit for many requests."""

    def __init__(self, engine: AsyncEngine, secret: bytes, *, timeout: float = 2.0) -> None:
        """Takes the hub's database; `timeout` is the maximum wait of a request for its commit, in seconds."""
        self._engine = engine
        self._hasher = LedgerHasher(derive_hash_key(secret))
        self._timeout = timeout
        self._queue: deque[_PendingWrite] = deque()
        self._deadlines: deque[tuple[float, asyncio.Future[None]]] = deque()
        """Deadlines of waiting requests on the loop's clock, in order, so that one timer serves all."""
        self._timer: asyncio.TimerHandle | None = None
        self._waiting_entries = 0
        self._chain: _Chain | None = None
        self._drain_task: asyncio.Task[None] | None = None
        self.commits = 0
        """Transactions with entries, so far."""
        self.failed_requests = 0
        """Requests whose entries were not committed, so far."""
        self.durations = Histogram()
        """Seconds that requests waited for their commit."""

    def __repr__(self) -> str:
        """The chain and its length."""
        chain = f"{self._chain.name}:{self._chain.sequence}" if self._chain else "not begun"
        return f"<AccessLedger {chain}>"

    async def start(self) -> None:
        """Starts this process's chain. Raises the errors of the database."""
        async with asyncio.timeout(self._timeout):
            self._chain = await self._begin_chain()

    async def write(self, entries: Sequence[LedgerEntry]) -> None:
        """Commits entries, all or none.

        Raises:
            LedgerUnavailable: They were not committed in time, as far as the hub knows.
            ValueError: An entry cannot be stored in the table; entries of other requests are not affected.

        """
        if not entries:
            return
        for texts in set(map(_get_texts, entries)):  # mostly one, because the entries are of one answer
            _check_texts(texts)
        # With a slow database, the queue would grow without bound, and callers would wait until their deadline in vain.
        if self._waiting_entries + len(entries) > MAX_WAITING:
            self.failed_requests += 1
            raise LedgerUnavailable(f"{self._waiting_entries} entries are already waiting")
        loop = asyncio.get_running_loop()
        # The request only waits for its future. One task commits for all requests, so that many share a transaction.
        done: asyncio.Future[None] = loop.create_future()
        began = loop.time()
        until = began + self._timeout
        self._queue.append(_PendingWrite(entries, done))
        self._deadlines.append((until, done))
        self._waiting_entries += len(entries)
        if self._drain_task is None:
            self._drain_task = loop.create_task(self._drain())
        if self._timer is None:
            self._timer = loop.call_at(until, self._expire_waiting)
        try:
            await done
        except LedgerUnavailable:
            self.failed_requests += 1
            raise
        self.durations.add(loop.time() - began)

    @property
    def waiting(self) -> int:
        """Entries that wait for their commit."""
        return self._waiting_entries

    async def close(self) -> None:
        """Commits waiting entries, and closes the connection."""
        # Requests that end now still need their commit, but a hung database must not delay the end of the hub.
        if self._drain_task is not None:
            await asyncio.wait({self._drain_task}, timeout=self._timeout)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for _, done in self._deadlines:
            if not done.done():
                done.set_exception(LedgerUnavailable("the hub ends"))
        self._deadlines.clear()
        await self._release_chain()

    def _expire_waiting(self) -> None:
        """Fails the requests whose deadline passed, and sets the timer for the next."""
        loop = asyncio.get_running_loop()
        while self._deadlines and (self._deadlines[0][1].done() or self._deadlines[0][0] <= loop.time()):
            _, done = self._deadlines.popleft()
            if not done.done():
                done.set_exception(LedgerUnavailable(f"not committed within {self._timeout:g} s"))
        self._timer = loop.call_at(self._deadlines[0][0], self._expire_waiting) if self._deadlines else None

    async def _drain(self) -> None:
        """Commits batch after batch, until no request waits."""
        try:
            # The task starts one iteration after the first request, and takes all requests of that one. Further commits
            # start as soon as the last ends: to wait for more requests saves no processor time, and adds 10 % to p99.
            while self._queue:
                batch = self._take_batch()
                if batch:
                    await self._commit(batch)
        finally:
            self._drain_task = None

    def _take_batch(self) -> list[_PendingWrite]:
        """Takes the next requests, without those that stopped waiting."""
        batch: list[_PendingWrite] = []
        count = 0
        while self._queue and (not batch or count + len(self._queue[0].entries) <= MAX_BATCH_ENTRIES):
            each = self._queue.popleft()
            self._waiting_entries -= len(each.entries)
            if not each.done.done():
                batch.append(each)
                count += len(each.entries)
        return batch

    async def _commit(self, batch: Sequence[_PendingWrite]) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                if self._chain is not None and self._chain.closed:  # closed while idle, so no commit is in doubt
                    await self._release_chain()
                chain = self._chain = self._chain or await self._begin_chain()
                # The hashes in a new chain reveal the later removal of entries from the end of another chain.
                if datetime.now(UTC) - chain.started_at > CHAIN_LIFETIME:
                    await chain.begin()
                await chain.append([entry for each in batch for entry in each.entries])
            self.commits += 1
        except Exception as failure:  # noqa: BLE001 - after any error, nothing may count as recorded
            _log.error("The access ledger cannot be written: %s", type(failure).__name__)
            for each in batch:
                if not each.done.done():
                    each.done.set_exception(LedgerUnavailable(type(failure).__name__))
            # The commit may have happened, so the head of the chain is unknown and the chain cannot go on.
            await self._release_chain()
            return
        for each in batch:
            if not each.done.done():
                each.done.set_result(None)
        # Without this, the deadlines of committed requests would pile up until the timer fires.
        while self._deadlines and self._deadlines[0][1].done():
            self._deadlines.popleft()

    async def _begin_chain(self) -> _Chain:
        connection = await self._engine.connect()
        try:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            chain = _Chain(connection, driver, self._hasher)
            await chain.prepare()
            await chain.begin()
        except BaseException:  # also on cancellation: a connection in an unknown state must not return to the pool
            await connection.invalidate()
            await connection.close()
            raise
        return chain

    async def _release_chain(self) -> None:
        """Abandons the chain; the next entry starts another."""
        chain, self._chain = self._chain, None
        if chain is not None:
            chain.driver.terminate()  # no commit is awaited here
            with contextlib.suppress(Exception):
                await chain.connection.invalidate()
                await chain.connection.close()


_get_texts = itemgetter(
    *map(LedgerEntry._fields.index, ("request_id", "agency", "unit", "role", "client", "purpose", "case"))
)
"""The texts of an entry that callers choose."""


def _check_texts(texts: Iterable[str | None]) -> None:
    """Raises `ValueError` for text that PostgreSQL cannot store: it would fail the commit of other requests, too."""
    text = "".join(filter(None, texts))
    if "\0" in text or not _is_utf8(text):
        raise ValueError("A text of the entry holds a character that cannot be stored.")


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
