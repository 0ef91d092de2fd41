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

from store.ledger_hash import Hasher, hash_key
from store.purging import Bounds, Keeping, Purgeable
from store.receipts import Receipt, receipt_bytes, receipt_of
from store.tables import purge_receipts

_log = logging.getLogger("simpul.retention")

_LOCK = 7_305_135
"""PostgreSQL's advisory lock of the purge, for a transaction."""
_FIRST_S = 60.0
_EVERY_S = 24 * 60 * 60.0


class PurgeUnderWay(Exception):  # noqa: N818 - a condition, not a fault
    """Another process purges at the moment."""


class Retention:
    """Removes what is over."""

    def __init__(
        self, engine: AsyncEngine, secret: bytes, known: Sequence[Purgeable], keeping: Mapping[str, Keeping]
    ) -> None:
        """`keeping` says by name how long each of the known is kept (`keeping_from`)."""
        self._engine = engine
        self._hashed = Hasher(hash_key(secret))
        self._known = known
        self._keeping = keeping

    async def purge(self, *, by: str, dry_run: bool = False) -> Sequence[Receipt]:
        """Remove what is over, each kind in a transaction of its own; a receipt for each kind that had any.

        A `dry_run` does the same and takes it back. Raises `PurgeUnderWay`.
        """
        receipts = [await self._purge(each, by, dry_run=dry_run) for each in self._known]
        return [each for each in receipts if each is not None]

    @contextlib.asynccontextmanager
    async def daily(self, *, first_s: float = _FIRST_S, every_s: float = _EVERY_S) -> AsyncIterator[None]:
        """As long as the block runs, purge once a day, the first time soon. What fails is logged and tried again."""

        async def purge_again_and_again() -> None:
            await asyncio.sleep(first_s)
            while True:
                for each in self._known:
                    await self._purge_and_tell(each)
                await asyncio.sleep(every_s)

        task = asyncio.create_task(purge_again_and_again())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def receipts(self) -> Sequence[Receipt]:
        """All receipts, the oldest first."""
        async with self._engine.connect() as connection:
            rows = (await connection.execute(select(purge_receipts).order_by("number"))).mappings().all()
        return [receipt_of(row) for row in rows]

    async def _purge_and_tell(self, what: Purgeable) -> None:
        """One kind of the daily purge: that it fails keeps no other kind."""
        try:
            receipt = await self._purge(what, "hub", dry_run=False)
        except PurgeUnderWay:
            return
        except Exception as failure:  # noqa: BLE001 - whatever it was, tomorrow is another day
            _log.error("%s: what is over could not be purged: %s", what.name, type(failure).__name__)
            return
        if receipt is not None:
            _log.info("purged %s: %s, receipt %d", receipt.name, receipt.removed, receipt.number)

    async def _purge(self, what: Purgeable, by: str, *, dry_run: bool) -> Receipt | None:
        async with self._engine.connect() as connection:
            await connection.execution_options(isolation_level="REPEATABLE READ")
            receipt = await self._purged(connection, what, by)
            await (connection.rollback() if dry_run else connection.commit())
        return receipt

    async def _purged(self, connection: AsyncConnection, what: Purgeable, by: str) -> Receipt | None:
        locked = (await connection.execute(select(func.pg_try_advisory_xact_lock(_LOCK)))).scalar_one()
        if not locked:
            raise PurgeUnderWay("another process purges at the moment")
        newest = select(purge_receipts.c.number, purge_receipts.c.seal).order_by(purge_receipts.c.number.desc())
        last = (await connection.execute(newest.limit(1))).first()
        number, previous = (1, b"") if last is None else (last.number + 1, bytes(last.seal))
        keeping, now = self._keeping[what.name], datetime.now(UTC)
        removed = await what.purge(connection, Bounds(now=now, keeping=keeping, receipt=number, sealed=self._hashed))
        if not removed.rows:
            return None
        receipt = Receipt(
            number=number,
            previous=previous,
            name=what.name,
            purged_at=now,
            purged_by=by,
            kept_days=str(keeping),
            removed=str(removed),
            oldest=removed.oldest,
            newest=removed.newest,
        )
        seal = self._hashed(receipt_bytes(receipt))
        await connection.execute(insert(purge_receipts).values(**receipt.columns, seal=seal))
        return receipt
