"""The purge: what is over is removed, one process at a time, and each time a receipt tells what and how much.

A receipt holds no personal data and is kept for good. Each names the seal of the one before it, and is sealed with the
hub's key, so that none can be changed or taken out of the midst unnoticed.
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
"""PostgreSQL's advisory lock of the purge, for a transaction."""
_FIRST_DELAY = 60.0
_INTERVAL = 24 * 60 * 60.0


class PurgeInProgress(Exception):  # noqa: N818 - a condition, not a fault
    """Another process purges at the moment."""


class RetentionPurge:
    """Removes what is over."""

    def __init__(
        self,
        engine: AsyncEngine,
        secret: bytes,
        purgeables: Sequence[Purgeable],
        policies: Mapping[str, RetentionPolicy],
    ) -> None:
        """`policies` says by name how long each of the known is kept (`parse_retention_policies`)."""
        self._engine = engine
        self._hasher = LedgerHasher(derive_hash_key(secret))
        self._purgeables = purgeables
        self._policies = policies

    async def purge(self, *, by: str, dry_run: bool = False) -> Sequence[PurgeReceipt]:
        """Remove what is over, each kind in a transaction of its own; a receipt for each kind that had any.

        A `dry_run` does the same and takes it back. Raises `PurgeInProgress`.
        """
        receipts = [await self._purge(each, by, dry_run=dry_run) for each in self._purgeables]
        return [each for each in receipts if each is not None]

    @contextlib.asynccontextmanager
    async def run_daily(self, *, first_delay: float = _FIRST_DELAY, interval: float = _INTERVAL) -> AsyncIterator[None]:
        """As long as the block runs, purge once a day, the first time soon. What fails is logged and tried again."""

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
        """All receipts, the oldest first."""
        async with self._engine.connect() as connection:
            rows = (await connection.execute(select(purge_receipts).order_by("number"))).mappings().all()
        return [to_receipt(row) for row in rows]

    async def _purge_and_log(self, purgeable: Purgeable) -> None:
        """One kind of the daily purge: that it fails keeps no other kind."""
        try:
            receipt = await self._purge(purgeable, "hub", dry_run=False)
        except PurgeInProgress:
            return
        except Exception as failure:  # noqa: BLE001 - whatever it was, tomorrow is another day
            _log.error("%s: what is over could not be purged: %s", purgeable.name, type(failure).__name__)
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
            raise PurgeInProgress("another process purges at the moment")
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
