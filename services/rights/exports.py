"""Where a person fetches everything about them, and whether they may begin to."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from auth.crypto.sealed_people import SealedPeople
from records.calls.answers import Answers
from records.calls.call import Call
from records.hub.exports import Export
from records.identifiers import Nik
from store.database_timeout import StateUnavailable
from store.rights.exports import MAX_PER_HOUR, ExportRefused, ExportTable

_log = logging.getLogger("simpul.exports")


class FixedExports:
    """The same address and parts for everybody."""

    def __init__(self, url: str, parts: Sequence[str]) -> None:
        """Take where exports are, and what they hold."""
        self._url = url
        self._parts = tuple(parts)

    async def exports(
        self,
        people: Sequence[Nik],
        call: Call,  # noqa: ARG002 - nobody is asked
    ) -> Answers[Nik, Export]:
        """Where each person's export is."""
        return {nik: Export(subject=nik, url=self._url, parts=self._parts) for nik in people}


class TooManyExports(Exception):  # noqa: N818 - a condition, not a fault
    """The person may not begin another now; the text is for them."""


class ExportsUnavailable(Exception):  # noqa: N818 - a condition, not a fault
    """Whether the person may begin cannot be told."""


class ExportSlots:
    """Lets people begin exports, one at a time and not too many, whichever hub they ask."""

    def __init__(self, table: ExportTable, people: SealedPeople) -> None:
        """The table knows sealed people only."""
        self._table = table
        self._people = people

    async def begin(self, nik: Nik) -> str:
        """The id of a new export; raises `TooManyExports` and `ExportsUnavailable`."""
        try:
            return await self._table.begin(self._people.seal(nik))
        except ExportRefused as refusal:
            if refusal.running:
                raise TooManyExports("An export of yours is running. Wait until it has ended.") from None
            raise TooManyExports(f"You fetched {MAX_PER_HOUR} exports within an hour. Wait before the next.") from None
        except StateUnavailable as failure:
            _log.error("Exports cannot begin: %s", failure)
            raise ExportsUnavailable from None

    async def end(self, id_: str) -> None:
        """Let the person begin the next one. Where that cannot be kept, the export is given up by itself later."""
        try:
            await self._table.end(id_)
        except StateUnavailable as failure:
            _log.error("The end of an export cannot be kept: %s", failure)
