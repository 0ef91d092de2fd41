"""Accepts commands in the hub's own database, and shows people what became of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from hmac import digest
from secrets import choice
from typing import Final

from auth.crypto.sealed_people import SealedPeople
from auth.crypto.sealed_texts import SealedTexts
from records.clocks import CITY_TIME_ZONE
from records.hub.commands import (
    CommandKind,
    CommandProblem,
    CommandProblemCode,
    CommandReceipt,
    NewCommand,
)
from records.identifiers import Nik
from services.commands.command_agency import CommandAgency, PayloadForm
from store.commands.command_outbox import CommandKeyReused, CommandOutbox, TooManyCommands
from store.commands.command_rows import SealedCommand, StoredCommand

_NUMBER_ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Without characters that are confused when read aloud."""
_NUMBER_LENGTH: Final = 10


class DatabaseCommands:
    """Accepts and shows commands. People, payloads and their digests are sealed or keyed in the database."""

    def __init__(
        self,
        outbox: CommandOutbox,
        agencies: Mapping[str, CommandAgency],
        people: SealedPeople,
        texts: SealedTexts,
        *,
        secret: bytes,
        wake: Callable[[str], None],
    ) -> None:
        """`wake` is called with the code of the agency of an accepted command."""
        self._outbox = outbox
        self._agencies = agencies
        self._people = people
        self._texts = texts
        self._key = digest(secret, b"simpul command digests v1", sha256)
        self._wake = wake

    async def accept(self, wanted: NewCommand) -> CommandReceipt | CommandProblem:
        """Stores a command; when this returns a receipt, it is committed. Raises `StateUnavailable`."""
        payload = self._get_form(wanted.kind).encode(wanted.payload)
        number = _draw_number()
        sealed = SealedCommand(
            number=number,
            kind=wanted.kind,
            case=wanted.case or number,
            subject=self._people.seal(wanted.subject),
            key=sha256(wanted.key.encode()).digest(),
            digest=self._digest(wanted, payload),
            payload=self._texts.seal(payload.decode(), number),
        )
        try:
            stored = await self._outbox.accept(sealed)
        except CommandKeyReused:
            return CommandProblem(code=CommandProblemCode.KEY_REUSED)
        except TooManyCommands:
            return CommandProblem(code=CommandProblemCode.TOO_MANY)
        self._wake(wanted.kind.agency)
        return self._build_receipt(wanted.subject, stored)

    async def list_of(self, subject: Nik) -> Sequence[CommandReceipt]:
        """A person's commands, newest first. Raises `StateUnavailable`."""
        stored = await self._outbox.list_of_subject(self._people.seal(subject))
        return [self._build_receipt(subject, each) for each in stored]

    def _get_form(self, kind: CommandKind) -> PayloadForm:
        return self._agencies[kind.agency].commands[kind.name, kind.version].form

    def _digest(self, wanted: NewCommand, payload: bytes) -> bytes:
        """Tells commands apart. It is keyed, because a short text could be guessed from a plain digest."""
        parts = (wanted.kind.name, str(wanted.kind.version), wanted.kind.agency, wanted.case or "")
        return digest(self._key, "\0".join(parts).encode() + b"\0" + payload, sha256)

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
    return f"TT-{year:02}-{''.join(choice(_NUMBER_ALPHABET) for _ in range(_NUMBER_LENGTH))}"
