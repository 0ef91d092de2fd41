"""What the hub does about consents by itself: notes what is over, forgets what was kept, tells partners."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from resolvers.purges import Purging
from resolvers.webhooks import AT_ONCE, Deliveries
from store import consent_upkeep
from store.consent_upkeep import ConsentUpkeep

_log = logging.getLogger("simpul.consents")

DELIVERY_SECONDS = 1.0
"""How often the outbox is looked into."""
UPKEEP_SECONDS = 5.0
"""How often it is looked for what is over."""


class Upkeep:
    """Two tasks for as long as the hub runs."""

    def __init__(self, upkeep: ConsentUpkeep, purging: Purging, deliveries: Deliveries) -> None:
        """Take who does it."""
        self._upkeep = upkeep
        self._purging = purging
        self._deliveries = deliveries

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Do it until the block ends; what is under way then is done by the next hub."""
        tasks = [
            asyncio.create_task(_for_ever("Consents cannot be kept in order", self.tidy, UPKEEP_SECONDS)),
            asyncio.create_task(_for_ever("Partners cannot be told", self.deliver, DELIVERY_SECONDS)),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def tidy(self) -> None:
        """Note and tell what is over, forget what was kept under it."""
        steps: Sequence[Callable[[], Awaitable[int]]] = (
            self._upkeep.expire_requests,
            self._upkeep.close_requests,
            self._upkeep.expire_consents,
        )
        for step in steps:
            while await step() == consent_upkeep.AT_ONCE:
                pass
        await self._purging.purge_all()

    async def deliver(self) -> None:
        """Make the calls that are due."""
        while await self._deliveries.deliver() == AT_ONCE:
            pass


async def _for_ever(fails: str, work: Callable[[], Awaitable[None]], pause: float) -> None:
    """Work again and again; a failure is logged once, until it works again."""
    works = True
    while True:
        try:
            await work()
            works = True
        except Exception as failure:  # noqa: BLE001 - whatever it was, the next time may work
            if works:
                _log.warning("%s: %s", fails, type(failure).__name__)
            works = False
        await asyncio.sleep(pause)
