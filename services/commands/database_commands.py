"""Accepts commands in the hub's own database, and shows people what became of them."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from hmac import digest
from typing import Final

from engine.agencies.agency_routing import is_inside
from records.calls.call import Call
from records.clocks import CITY_TIME_ZONE
from records.hub.commands import (
    CommandProblem,
    CommandProblemCode,
    CommandReceipt,
    NewCommand,
)
from records.identifiers import Nik
from records.readable_codes import draw_code
from resolvers.hub.commands import CommandsUnavailable
from services.commands.command_agency import AgencyCommand, CommandAgency
from services.commands.command_seals import CommandSeals
from store.commands.command_files import FileStoreFull
from store.commands.command_outbox import CommandKeyReused, CommandOutbox, TooManyCommands
from store.commands.command_rows import SealedCommand, StoredCommand
from store.database_timeout import StateUnavailable

_log = logging.getLogger("simpul.commands")

_NUMBER_LENGTH: Final = 10


class DatabaseCommands:
    """Accepts and shows commands. People, payloads and their digests are sealed or keyed in the database."""

    def __init__(
        self,
        outbox: CommandOutbox,
        agencies: Mapping[str, CommandAgency],
        seals: CommandSeals,
        *,
        secret: bytes,
        on_accepted: Callable[[Nik, str], Awaitable[None]],
    ) -> None:
        """`on_accepted` is called with the person and the agency's code, before the acknowledgement."""
        self._outbox = outbox
        self._agencies = agencies
        self._people, self._texts, self._files = seals.people, seals.texts, seals.files
        self._key = digest(secret, b"simpul command digests v1", sha256)
        self._on_accepted = on_accepted

    async def accept(
        self,
        wanted: Sequence[NewCommand],
        call: Call,  # noqa: ARG002 - the hub's own database, not an agency
    ) -> Mapping[NewCommand, CommandReceipt | CommandProblem]:
        """Store each command, once. What has a receipt is committed. Raises `CommandsUnavailable`."""
        with _translate_errors():
            return {each: await self._accept(each) for each in wanted}

    async def receipts_of(
        self,
        people: Sequence[Nik],
        call: Call,  # noqa: ARG002 - the hub's own database, not an agency
    ) -> Mapping[Nik, Sequence[CommandReceipt]]:
        """The commands of each person, newest first; raises `CommandsUnavailable`."""
        with _translate_errors():
            return {each: await self.list_receipts(each) for each in people}

    async def list_receipts(self, subject: Nik) -> Sequence[CommandReceipt]:
        """The commands of a person, newest first. Raises `StateUnavailable`."""
        stored = await self._outbox.list_of_subject(self._people.seal(subject))
        return [self._build_receipt(subject, each) for each in stored]

    async def find_receipts(self, numbers: Sequence[str]) -> Mapping[str, CommandReceipt]:
        """Receipts by their numbers. Raises `StateUnavailable`."""
        stored = await self._outbox.find_many(numbers)
        return {each.number: self._build_receipt(self._people.open(each.subject), each) for each in stored}

    async def _accept(self, wanted: NewCommand) -> CommandReceipt | CommandProblem:
        found = self._find_agency(wanted)
        if found is None:
            return CommandProblem(code=CommandProblemCode.NO_AGENCY)
        if wanted.files and not found.takes_files:
            return CommandProblem(code=CommandProblemCode.FILES_REFUSED, field="photos")
        payload, number = found.form.encode(wanted.payload), _draw_number()
        sealed = SealedCommand(
            number=number,
            kind=found.kind,
            case=wanted.case or number,
            subject=self._people.seal(wanted.subject),
            key=sha256(wanted.key.encode()).digest(),
            digest=self._digest(wanted, payload),
            payload=self._texts.seal(payload.decode(), number),
            files=self._files.seal(number, wanted.files),
        )
        try:
            stored = await self._outbox.accept(sealed)
        except CommandKeyReused:
            return CommandProblem(code=CommandProblemCode.KEY_REUSED, field="key")
        except FileStoreFull:
            _log.warning("The store of photos is full: a command with photos was refused.")
            return CommandProblem(code=CommandProblemCode.STORE_FULL, field="photos")
        except TooManyCommands:
            return CommandProblem(code=CommandProblemCode.TOO_MANY)
        await self._on_accepted(wanted.subject, found.kind.agency)
        return self._build_receipt(wanted.subject, stored)

    def _find_agency(self, wanted: NewCommand) -> AgencyCommand | None:
        """The command at the agency that serves its place; None if that is not exactly one."""
        offered = [each for each in self._agencies.values() if each.get_newest(wanted.name) is not None]
        if len(offered) > 1:
            place = wanted.region or ""
            offered = [each for each in offered if place and any(is_inside(place, (area,)) for area in each.serves)]
        return offered[0].get_newest(wanted.name) if len(offered) == 1 else None

    def _digest(self, wanted: NewCommand, payload: bytes) -> bytes:
        """Tells commands apart. It is keyed, because a short text could be guessed from a plain digest."""
        return digest(self._key, f"{wanted.name} {wanted.case or ''} ".encode() + payload, sha256)

    def _build_receipt(self, subject: Nik, stored: StoredCommand) -> CommandReceipt:
        known = self._agencies.get(stored.kind.agency)
        command = None if known is None else known.commands.get((stored.kind.name, stored.kind.version))
        payload = None
        if command is not None and stored.payload is not None:
            payload = command.form.decode(self._texts.open(stored.payload, stored.number).encode())
        return CommandReceipt(
            subject=subject,
            number=stored.number,
            kind=stored.kind.name,
            agency=stored.kind.agency,
            state=stored.state,
            accepted_at=stored.accepted_at,
            closed_at=stored.closed_at,
            problem=stored.failure,
            waits_for=stored.waits_for,
            steps=stored.steps,
            agency_id=stored.agency_id,
            payload=payload,
        )


def _draw_number() -> str:
    year = datetime.now(CITY_TIME_ZONE).year % 100
    return f"TT-{year:02}-{draw_code(_NUMBER_LENGTH)}"


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except StateUnavailable as failure:
        _log.warning("The database of commands is unavailable: %s", failure)
        raise CommandsUnavailable from None
