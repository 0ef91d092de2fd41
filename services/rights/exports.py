"""The address and contents of a person's data export, and the limit on starting one."""

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
    """One address and one list of parts, the same for every person."""

    def __init__(self, url: str, parts: Sequence[str]) -> None:
        """`url` is the address of the export; `parts` are its contents."""
        self._url = url
        self._parts = tuple(parts)

    async def exports(
        self,
        people: Sequence[Nik],
        call: Call,  # noqa: ARG002 - no agency is called
    ) -> Answers[Nik, Export]:
        """The export of each person."""
        return {nik: Export(subject=nik, url=self._url, parts=self._parts) for nik in people}


class TooManyExports(Exception):  # noqa: N818 - a condition, not a fault
    """The person cannot start another export now; the text is shown to them."""


class ExportsUnavailable(Exception):  # noqa: N818 - a condition, not a fault
    """The database does not answer, so the limit cannot be checked."""


class ExportSlots:
    """Lets each person run one export at a time and a bounded number per hour, across all hubs."""

    def __init__(self, table: ExportTable, people: SealedPeople) -> None:
        """`people` seals identities; the table stores sealed people only."""
        self._table = table
        self._people = people

    async def begin(self, nik: Nik) -> str:
        """Start an export and return its id; raises `TooManyExports` and `ExportsUnavailable`."""
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
        """Record the end of an export. If that fails, the slot expires later."""
        try:
            await self._table.end(id_)
        except StateUnavailable as failure:
            _log.error("The end of an export cannot be recorded: %s", failure)
