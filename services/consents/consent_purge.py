"""Deletes what was stored under a consent that ended (UU PDP 27/2022, articles 40 and 43)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

from auth.crypto.sealed_people import SealedPeople
from records.hub.consents import Consent
from store.consents.consent_maintenance import ConsentMaintenance

_log = logging.getLogger("simpul.consents")


class ConsentPurge(Protocol):
    """A component that stores data under consents."""

    async def purge(self, consent: Consent) -> Mapping[str, int]:
        """Delete what is stored under a consent; returns how many items, by name. Idempotent.

        The caller logs any exception and tries again until this returns.
        """


class ConsentPurger:
    """Purges every component that stores data under consents, and records that the purge is complete."""

    def __init__(self, maintenance: ConsentMaintenance, purges: Sequence[ConsentPurge], people: SealedPeople) -> None:
        """`maintenance` records purges, `purges` are the components, and `people` opens seals."""
        self._maintenance = maintenance
        self._purges = purges
        self._people = people

    async def purge(self, consent: Consent) -> bool:
        """Delete what was stored under one consent. False if it has to be tried again; the failure is logged here."""
        deleted_counts: dict[str, int] = {}
        try:
            for each in self._purges:
                deleted_counts.update(await each.purge(consent))
            await self._maintenance.mark_purged(consent, deleted_counts)
        except Exception as failure:  # noqa: BLE001 - the consent ended, so any failure must lead to a retry
            _log.error("Data stored under a consent is not deleted yet: %s", type(failure).__name__)
            return False
        return True

    async def purge_ended(self) -> None:
        """Delete what was stored under every consent that ended and is not purged yet."""
        for consent in await self._maintenance.list_unpurged(self._people.open):
            await self.purge(consent)
