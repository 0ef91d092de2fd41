"""Forgetting what was kept under a consent that ended (UU PDP 27/2022, articles 40 and 43)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

from auth.sealed_people import SealedPeople
from records.consents import Consent
from store.consent_upkeep import ConsentUpkeep

_log = logging.getLogger("simpul.consents")


class Purges(Protocol):
    """Something that keeps things under consents."""

    async def purge(self, consent: Consent) -> Mapping[str, int]:
        """Forget what is kept under a consent; how much that was, by what is called what. Doing it twice does no harm.

        Whatever it raises is logged, and it is asked again until it returns.
        """


class Purging:
    """Everything that keeps things under consents, and the note that they are gone."""

    def __init__(self, upkeep: ConsentUpkeep, purges: Sequence[Purges], people: SealedPeople) -> None:
        """Take where it is noted, what has to forget, and who opens seals."""
        self._upkeep = upkeep
        self._purges = purges
        self._people = people

    async def purge(self, consent: Consent) -> bool:
        """Forget what was kept under one consent. False where that has to be tried again: nobody else has to know."""
        gone: dict[str, int] = {}
        try:
            for each in self._purges:
                gone.update(await each.purge(consent))
            await self._upkeep.purged(consent, gone)
        except Exception as failure:  # noqa: BLE001 - whatever it was: the consent ended, and this is tried again
            _log.error("What was kept under a consent is not gone yet: %s", type(failure).__name__)
            return False
        return True

    async def purge_all(self) -> None:
        """Forget what was kept under every consent that ended and is not purged yet."""
        for consent in await self._upkeep.unpurged(self._people.open):
            await self.purge(consent)
