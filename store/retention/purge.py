"""The purge: deletes rows past their retention, one process at a time, and writes a receipt for each run.

A receipt holds no personal data and is kept forever. Each names the seal of the previous one, and is sealed with the
hub's key. So no receipt can be changed, or removed from the middle, without detection.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from store.ledger.ledger_hash import LedgerHasher, derive_hash_key
from store.retention.purge_receipts import PurgeReceipt, encode_receipt, to_receipt
from store.retention.retention_policy import Purgeable, PurgeBounds, RetentionPolicy
from store.tables import purge_receipts

_log = logging.getLogger("simpul.retention")

_LOCK = 7_305_135
"""PostgreSQL's advisory lock of the purge, held for a transaction."""
_FIRST_DELAY = 60.0
_INTERVAL = 24 * 60 * 60.0


class PurgeInProgress(Exception):  # noqa: N818 - a condition, not a fault
    """Another process is purging now."""


class RetentionPurge:
    """Deletes rows past their retention."""

    def __init__(
        self,
        engine: AsyncEngine,
        secret: bytes,
        purgeables: Sequence[Purgeable],
        policies: Mapping[str, RetentionPolicy],
    ) -> None:
        """`policies` has the retention of each purgeable, by name (`parse_retention_policies`)."""
        self._engine = engine
        self._hasher = LedgerHasher(derive_hash_key(secret))
        self._purgeables = purgeables
        self._policies = policies

    async def purge(self, *, by: str, dry_run: bool = False) -> Sequence[PurgeReceipt]:
        """Purges each kind in its own transaction. Returns a receipt for each kind with deleted rows.

        A `dry_run` does the same, and rolls back. Raises `PurgeInProgress`.
        """
        receipts = [await self._purge(each, by, dry_run=dry_run) for each in self._purgeables]
        return [each for each in receipts if each is not None]

    @contextlib.asynccontextmanager
    async def run_daily(self, *, first_delay: float = _FIRST_DELAY, interval: float = _INTERVAL) -> AsyncIterator[None]:
        """Purges once a day within the block, the first time soon. Failures are logged and tried again the next day."""

        async def purge_again_and_again() -> None:
            await asyncio.sleep(first_delay)
            while True:
                for each in self._purgeables:
                    await self._purge_and_log(each)
                await asyncio.sleep(interval)

        task = asyncio.create_task(purge_again_and_again())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def list_receipts(self) -> Sequence[PurgeReceipt]:
        """Returns all receipts, the oldest first."""
        async with self._engine.connect() as connection:
            rows = (await connection.execute(select(purge_receipts).order_by("number"))).mappings().all()
        return [to_receipt(row) for row in rows]

    async def _purge_and_log(self, purgeable: Purgeable) -> None:
        """Runs one kind of the daily purge, and logs a failure so that the other kinds still run."""
        try:
            receipt = await self._purge(purgeable, "hub", dry_run=False)
        except PurgeInProgress:
            return
        except Exception as failure:  # noqa: BLE001 - whatever failed, the next day's purge tries again
            _log.error("%s: the purge failed: %s", purgeable.name, type(failure).__name__)
            return
        if receipt is not None:
            _log.info("purged %s: %s, receipt %d", receipt.name, receipt.removed, receipt.number)

    async def _purge(self, purgeable: Purgeable, by: str, *, dry_run: bool) -> PurgeReceipt | None:
        async with self._engine.connect() as connection:
            await connection.execution_options(isolation_level="REPEATABLE READ")
            receipt = await self._purge_in_transaction(connection, purgeable, by)
            await (connection.rollback() if dry_run else connection.commit())
        return receipt

    async def _purge_in_transaction(
        self, connection: AsyncConnection, purgeable: Purgeable, by: str
    ) -> PurgeReceipt | None:
        locked = (await connection.execute(select(func.pg_try_advisory_xact_lock(_LOCK)))).scalar_one()
        if not locked:
            raise PurgeInProgress("another process is purging now")
        newest = select(purge_receipts.c.number, purge_receipts.c.seal).order_by(purge_receipts.c.number.desc())
        last = (await connection.execute(newest.limit(1))).first()
        number, previous = (1, b"") if last is None else (last.number + 1, bytes(last.seal))
        policy, now = self._policies[purgeable.name], datetime.now(UTC)
        removed = await purgeable.purge(
            connection, PurgeBounds(now=now, policy=policy, receipt=number, seal=self._hasher)
        )
        if not removed.rows:
            return None
        receipt = PurgeReceipt(
            number=number,
            previous=previous,
            name=purgeable.name,
            purged_at=now,
            purged_by=by,
            kept_days=str(policy),
            removed=str(removed),
            oldest=removed.oldest,
            newest=removed.newest,
        )
        seal = self._hasher(encode_receipt(receipt))
        await connection.execute(insert(purge_receipts).values(**receipt.columns, seal=seal))
        return receipt
