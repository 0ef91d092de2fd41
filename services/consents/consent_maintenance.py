"""Background maintenance of consents: expires them, purges stored data, notifies partners."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from records.shared_wakes import compute_pause
from services.consents.consent_purge import ConsentPurger
from services.consents.webhook_delivery import BATCH_SIZE, WebhookDelivery
from store.consents import consent_maintenance
from store.consents.consent_maintenance import ConsentMaintenance

_log = logging.getLogger("simpul.consents")

DELIVERY_INTERVAL = 5.0
"""Seconds between two looks at the outbox, for what other processes put there."""
MAINTENANCE_INTERVAL = 5.0
"""Seconds between two searches for expired requests and consents."""


class ConsentMaintenanceLoop:
    """Runs maintenance and webhook delivery as two tasks."""

    def __init__(self, maintenance: ConsentMaintenance, purger: ConsentPurger, deliveries: WebhookDelivery) -> None:
        """`maintenance` expires, `purger` deletes, `deliveries` notifies."""
        self._maintenance = maintenance
        self._purger = purger
        self._deliveries = deliveries

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run until the block ends; the next hub continues interrupted work."""
        tasks = [
            asyncio.create_task(_repeat_forever("Consents cannot be maintained", self.run_once, _wait_for_maintenance)),
            asyncio.create_task(_repeat_forever("Partners cannot be notified", self.deliver, self._wait_for_delivery)),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def run_once(self) -> None:
        """Expire requests and consents, then purge what was stored under them."""
        if not await self._maintenance.has_due():
            return
        steps: Sequence[Callable[[], Awaitable[int]]] = (
            self._maintenance.expire_requests,
            self._maintenance.close_requests,
            self._maintenance.expire_consents,
        )
        for step in steps:
            while await step() == consent_maintenance.BATCH_SIZE:
                pass
        await self._purger.purge_ended()

    async def _wait_for_delivery(self) -> None:
        await self._deliveries.wait(compute_pause(DELIVERY_INTERVAL))

    async def deliver(self) -> None:
        """Deliver the calls that are due."""
        while await self._deliveries.deliver() == BATCH_SIZE:
            pass


async def _wait_for_maintenance() -> None:
    await asyncio.sleep(compute_pause(MAINTENANCE_INTERVAL))


async def _repeat_forever(
    failure_message: str, work: Callable[[], Awaitable[None]], pause: Callable[[], Awaitable[None]]
) -> None:
    """Repeat the work; a failure is logged once, until the work succeeds again."""
    works = True
    while True:
        try:
            await work()
            works = True
        except Exception as failure:  # noqa: BLE001 - any failure may be temporary
            if works:
                _log.warning("%s: %s", failure_message, type(failure).__name__)
            works = False
        await pause()
