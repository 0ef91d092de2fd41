"""What a person of the city decides about parked commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Protocol

from auth.crypto.sealed_people import SealedPeople
from records.identifiers import Nik
from store.commands.command_outbox import CommandOutbox, CommandResult
from store.commands.command_rows import StoredCommand


class ReporterLinks(Protocol):
    """The hub's own record of reporters, for servers that do not name them."""

    async def link(self, nik: Nik, request_ids: Sequence[str]) -> None:
        """Links complaints to the person who reported them; existing links stay unchanged."""


class OperatorCommands:
    """The commands of the hub, for its operators."""

    def __init__(
        self,
        outbox: CommandOutbox,
        people: SealedPeople,
        links: Mapping[str, ReporterLinks],
        *,
        settle: timedelta = timedelta(),
    ) -> None:
        """`links` are by the code of the agency; `settle` is the time in which every agency certainly acts."""
        self._settle = settle
        self.outbox = outbox
        self._people = people
        self._links = links

    async def doubt_open(self, *, by: str) -> int:
        """Makes every open command uncertain, after a restore; returns how many. Raises `StateUnavailable`."""
        return await self.outbox.doubt_open(by=by, settle=self._settle)

    async def decide(self, number: str, result: CommandResult, *, by: str, reason: str) -> StoredCommand | None:
        """Like `CommandOutbox.decide`; the reporter of what an agency made is linked, as after a delivery.

        Raises `InvalidPersonSeal` if the reporter was sealed with another secret, or `StateUnavailable`.
        """
        found = await self.outbox.find(number)
        if found is not None and found.case == found.number and result.agency_id is not None:
            links = self._links.get(found.kind.agency)
            if links is not None:
                await links.link(self._people.open(found.subject), [result.agency_id])
        return await self.outbox.decide(number, result, by=by, reason=reason)
