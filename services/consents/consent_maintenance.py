"""What the hub does about consents by itself: notes what is over, forgets what was kept, tells partners."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from services.consents.consent_purge import ConsentPurger
from services.consents.webhook_delivery import BATCH_SIZE, WebhookDelivery
from store.consents import consent_maintenance
from store.consents.consent_maintenance import ConsentMaintenance

_log = logging.getLogger("simpul.consents")

DELIVERY_INTERVAL = 1.0
"""How often the outbox is looked into."""
MAINTENANCE_INTERVAL = 5.0
"""How often it is looked for what is over."""


class ConsentMaintenanceLoop:
    """Two tasks for as long as the hub runs."""

    def __init__(self, maintenance: ConsentMaintenance, purger: ConsentPurger, deliveries: WebhookDelivery) -> None:
        """Take who does it."""
        self._upkeep = maintenance
        self._purger = purger
        self._deliveries = deliveries

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Do it until the block ends; what is under way then is done by the next hub."""
        tasks = [
            asyncio.create_task(
                _repeat_forever("Consents cannot be kept in order", self.run_once, MAINTENANCE_INTERVAL)
            ),
            asyncio.create_task(_repeat_forever("Partners cannot be told", self.deliver, DELIVERY_INTERVAL)),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def run_once(self) -> None:
        """Note and tell what is over, forget what was kept under it."""
        steps: Sequence[Callable[[], Awaitable[int]]] = (
            self._upkeep.expire_requests,
            self._upkeep.close_requests,
            self._upkeep.expire_consents,
        )
        for step in steps:
            while await step() == consent_maintenance.BATCH_SIZE:
                pass
        await self._purger.purge_ended()

    async def deliver(self) -> None:
        """Make the calls that are due."""
        while await self._deliveries.deliver() == BATCH_SIZE:
            pass


async def _repeat_forever(failure_message: str, work: Callable[[], Awaitable[None]], interval: float) -> None:
    """Work again and again; a failure is logged once, until it works again."""
    works = True
    while True:
        try:
            await work()
            works = True
        except Exception as failure:  # noqa: BLE001 - whatever it was, the next time may work
            if works:
                _log.warning("%s: %s", failure_message, type(failure).__name__)
            works = False
        await asyncio.sleep(interval)
