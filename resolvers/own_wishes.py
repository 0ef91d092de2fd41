"""What people said, out of the hub's own tables."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from auth.sealed_people import SealedPeople
from records.call import Call
from records.clients import ClientId
from records.identifiers import Nik
from records.wishes import Wishes
from resolvers.wishes import WishesUnknown
from store.unavailable import StateUnavailable
from store.wishes import Sealed, WishTable

_log = logging.getLogger("simpul.wishes")


class OwnWishes:
    """The hub's tables, asked by NIK."""

    def __init__(self, table: WishTable, people: SealedPeople) -> None:
        """The tables know sealed people only."""
        self._table = table
        self._people = people

    async def wishes(
        self,
        people: Sequence[Nik],
        client: ClientId | None,
        call: Call,  # noqa: ARG002 - the hub's own database, not an agency
    ) -> Mapping[Nik, Wishes]:
        """What each of the people said; raises `WishesUnknown`."""
        try:
            return await self._table.said([Sealed(nik, self._people.seal(nik)) for nik in people], client)
        except StateUnavailable as failure:
            _log.error("What people said about the use of their data cannot be read: %s", failure)
            raise WishesUnknown from None
