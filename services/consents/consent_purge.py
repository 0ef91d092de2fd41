"""Forgetting what was kept under a consent that ended (UU PDP 27/2022, articles 40 and 43)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

from auth.crypto.sealed_people import SealedPeople
from records.hub.consents import Consent
from store.consents.consent_maintenance import ConsentMaintenance

_log = logging.getLogger("simpul.consents")


class ConsentPurge(Protocol):
    """Something that keeps things under consents."""

    async def purge(self, consent: Consent) -> Mapping[str, int]:
        """Forget what is kept under a consent; how much that was, by what is called what. Doing it twice does no harm.

        Whatever it raises is logged, and it is asked again until it returns.
        """


class ConsentPurger:
    """Everything that keeps things under consents, and the note that they are gone."""

    def __init__(self, maintenance: ConsentMaintenance, purges: Sequence[ConsentPurge], people: SealedPeople) -> None:
        """Take where it is noted, what has to forget, and who opens seals."""
        self._upkeep = maintenance
        self._purges = purges
        self._people = people

    async def purge(self, consent: Consent) -> bool:
        """Forget what was kept under one consent. False where that has to be tried again: nobody else has to know."""
        gone: dict[str, int] = {}
        try:
            for each in self._purges:
                gone.update(await each.purge(consent))
            await self._upkeep.mark_purged(consent, gone)
        except Exception as failure:  # noqa: BLE001 - whatever it was: the consent ended, and this is tried again
            _log.error("What was kept under a consent is not gone yet: %s", type(failure).__name__)
            return False
        return True

    async def purge_ended(self) -> None:
        """Forget what was kept under every consent that ended and is not purged yet."""
        for consent in await self._upkeep.list_unpurged(self._people.open):
            await self.purge(consent)
