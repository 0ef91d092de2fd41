"""Accepts commands in the hub's own database, and shows people what became of them."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from hashlib import sha256
from hmac import digest
from typing import Any, Final

from auth.crypto.sealed_people import InvalidPersonSeal
from engine.agencies.agency_routing import is_inside
from records.calls.call import Call
from records.clocks import CITY_TIME_ZONE
from records.complaint_photos import StoredPhoto
from records.hub.commands import (
    CommandProblem,
    CommandProblemCode,
    CommandReceipt,
    NewCommand,
    SubmittedCommand,
)
from records.identifiers import Nik
from records.readable_codes import draw_code
from resolvers.hub.commands import CommandsUnavailable
from services.commands.command_agency import AgencyCommand, CommandAgency
from services.commands.command_seals import CommandSeals
from services.unavailable_database import translate_unavailable
from store.commands.command_files import FileStoreFull
from store.commands.command_outbox import CommandKeyReused, CommandOutbox, TooManyCommands
from store.commands.command_rows import SealedCommand, StoredCommand

_log = logging.getLogger("simpul.commands")
_translate_errors = partial(translate_unavailable, CommandsUnavailable, _log.warning, "Commands")

_NUMBER_LENGTH: Final = 10
MAX_RECEIPTS: Final = 100
"""Maximum number of receipts of a person, the newest."""


class DatabaseCommands:
    """Accepts and shows commands. People, payloads and their digests are sealed or keyed in the database."""

    def __init__(
        self,
        outbox: CommandOutbox,
        agencies: Mapping[str, CommandAgency],
        seals: CommandSeals,
        *,
        on_accepted: Callable[[Nik, str], Awaitable[None]],
    ) -> None:
        """`on_accepted` is called with the person and the agency's code, before the acknowledgement."""
        self._outbox = outbox
        self._agencies = agencies
        self._people, self._texts, self._files = seals.people, seals.texts, seals.files
        self._keys = seals.digest_keys
        self._on_accepted = on_accepted

    async def accept(
        self,
        wanted: Sequence[NewCommand],
        call: Call,  # noqa: ARG002 - the hub's own database, not an agency
    ) -> Mapping[NewCommand, CommandReceipt | CommandProblem]:
        """Store each command, once. What has a receipt is committed. Raises `CommandsUnavailable`."""
        with _translate_errors():
            return {each: await self._accept(each) for each in wanted}

    async def find_repeated(
        self,
        wanted: Sequence[NewCommand],
        call: Call,  # noqa: ARG002 - the hub's own database, not an agency
    ) -> Mapping[NewCommand, CommandReceipt | CommandProblem]:
        """What `accept` would answer for a key that was used before. Raises `CommandsUnavailable`."""
        with _translate_errors():
            found = {each: await self._find_repeated(each) for each in wanted}
        return {wanted: answer for wanted, answer in found.items() if answer is not None}

    async def changes_of(
        self,
        people: Sequence[Nik],
        call: Call,  # noqa: ARG002 - the hub's own database, not an agency
        *,
        asked_at: float,
    ) -> Mapping[Nik, Sequence[SubmittedCommand]]:
        """The commands of each person about earlier matters that an answer may lack which was asked at `asked_at`.

        It is on the monotonic clock. Raises `CommandsUnavailable`.
        """
        owners = self._map_seals(people)
        with _translate_errors():
            stored = await self._outbox.submitted.list_changes(owners.keys(), asked_at=asked_at)
        return self._group(owners, stored)

    def offers(self, agency: str, command: str) -> bool:
        """Whether an agency takes a command."""
        known = self._agencies.get(agency)
        return known is not None and known.get_newest(command) is not None

    async def receipts_of(
        self,
        people: Sequence[Nik],
        call: Call,  # noqa: ARG002 - the hub's own database, not an agency
    ) -> Mapping[Nik, Sequence[CommandReceipt]]:
        """The commands of each person, newest first; raises `CommandsUnavailable`."""
        owners = self._map_seals(people)
        with _translate_errors():
            stored = await self._outbox.list_of_subjects(owners.keys(), limit=MAX_RECEIPTS)
        found: dict[Nik, list[CommandReceipt]] = {}
        for each in stored:
            subject = owners[each.subject]
            found.setdefault(subject, []).append(self._build_receipt(subject, each))
        return {subject: receipts[:MAX_RECEIPTS] for subject, receipts in found.items()}

    async def list_submitted(
        self, agency: str, kind: str, people: Sequence[Nik], *, asked_at: float
    ) -> Mapping[Nik, Sequence[SubmittedCommand]]:
        """What each person submitted to an agency, except what it refused, and their changes of that.

        The changes are those that an answer may lack which was asked at `asked_at`, on the monotonic clock. Raises
        `StateUnavailable`.
        """
        owners = self._map_seals(people)
        stored = await self._outbox.submitted.list_submitted(agency, kind, subjects=owners.keys(), asked_at=asked_at)
        return self._group(owners, stored)

    async def find_submitted(self, agency: str, kind: str, numbers: Sequence[str]) -> Mapping[str, SubmittedCommand]:
        """The same by their numbers. Raises `StateUnavailable`."""
        found = {}
        for each in await self._outbox.submitted.list_submitted(agency, kind, numbers=numbers):
            with suppress(InvalidPersonSeal):  # of a secret that this hub does not have: unknown to everybody
                found[each.number] = self._build_submitted(self._people.open(each.subject), each)
        return found

    def _group(
        self, owners: Mapping[bytes, Nik], stored: Sequence[StoredCommand]
    ) -> Mapping[Nik, Sequence[SubmittedCommand]]:
        found: dict[Nik, list[SubmittedCommand]] = {}
        for each in stored:
            subject = owners[each.subject]
            found.setdefault(subject, []).append(self._build_submitted(subject, each))
        return found

    def _map_seals(self, people: Sequence[Nik]) -> Mapping[bytes, Nik]:
        return {seal: nik for nik in people for seal in self._people.list_seals(nik)}

    async def load_file(self, photo: StoredPhoto) -> bytes | None:
        """A file of an open command; None if there is none. Raises `CommandsUnavailable`."""
        with _translate_errors():
            sealed = await self._outbox.load_file(photo.number, photo.position)
        return None if sealed is None else self._files.open_one(photo.number, photo.position, sealed).content

    def _seal(self, wanted: NewCommand, found: AgencyCommand) -> SealedCommand:
        payload, number = found.form.encode(wanted.payload), _draw_number()
        seals, digests = self._people.list_seals(wanted.subject), self._list_digests(wanted, payload)
        return SealedCommand(
            number=number,
            kind=found.kind,
            case=wanted.case or number,
            subject=seals[0],
            former_subjects=tuple(seals[1:]),
            key=sha256(wanted.key.encode()).digest(),
            digest=digests[0],
            former_digests=tuple(digests[1:]),
            payload=self._texts.seal(payload.decode(), number),
            files=self._files.seal(number, wanted.files),
        )

    async def _find_repeated(self, wanted: NewCommand) -> CommandReceipt | CommandProblem | None:
        found = self._find_agency(wanted)
        if isinstance(found, CommandProblem):
            return found
        try:
            stored = await self._outbox.find_repeated(self._seal(wanted, found))
        except CommandKeyReused:
            return CommandProblem(code=CommandProblemCode.KEY_REUSED, field="key")
        return None if stored is None else self._build_receipt(wanted.subject, stored)

    async def _accept(self, wanted: NewCommand) -> CommandReceipt | CommandProblem:
        found = self._find_agency(wanted)
        if isinstance(found, CommandProblem):
            return found
        if wanted.files and not found.takes_files:
            return CommandProblem(code=CommandProblemCode.FILES_REFUSED, field="photos")
        sealed = self._seal(wanted, found)
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

    def _find_agency(self, wanted: NewCommand) -> AgencyCommand | CommandProblem:
        """The command at its agency, or at the one that serves its place."""
        found = [
            each
            for code, agency in self._agencies.items()
            if (each := agency.get_newest(wanted.name)) is not None and wanted.agency in {None, code}
        ]
        if not found and wanted.case is not None:
            return CommandProblem(code=CommandProblemCode.NOT_OFFERED)
        if len(found) > 1:
            place = wanted.region or ""
            found = [each for each in found if place and self._serves(each.kind.agency, place)]
        return found[0] if len(found) == 1 else CommandProblem(code=CommandProblemCode.NO_AGENCY)

    def _serves(self, agency: str, place: str) -> bool:
        return any(is_inside(place, (area,)) for area in self._agencies[agency].serves)

    def _list_digests(self, wanted: NewCommand, payload: bytes) -> Sequence[bytes]:
        """Tell commands apart. They are keyed, because a short text could be guessed from a plain digest."""
        text = f"{wanted.name} {wanted.case or ''} ".encode() + payload
        return [digest(key, text, sha256) for key in self._keys]

    def _open_payload(self, stored: StoredCommand) -> Any:  # noqa: ANN401 - the record of the kind
        """What the person wrote; None after its retention, and where this hub cannot read it."""
        known = self._agencies.get(stored.kind.agency)
        command = None if known is None else known.commands.get((stored.kind.name, stored.kind.version))
        if command is None or stored.payload is None:
            return None
        try:
            return command.form.decode(self._texts.open(stored.payload, stored.number).encode())
        except ValueError:  # another secret, or a form of another release: delivery parks the command
            return None

    def _build_submitted(self, subject: Nik, stored: StoredCommand) -> SubmittedCommand:
        return SubmittedCommand(
            subject=subject,
            number=stored.number,
            agency=stored.kind.agency,
            case=stored.case,
            state=stored.state,
            accepted_at=stored.accepted_at,
            closed_at=stored.closed_at,
            agency_id=stored.agency_id,
            payload=self._open_payload(stored),
        )

    def _build_receipt(self, subject: Nik, stored: StoredCommand) -> CommandReceipt:
        problem, _, problem_field = (stored.failure or "").partition(" ")
        return CommandReceipt(
            subject=subject,
            number=stored.number,
            kind=stored.kind.name,
            agency=stored.kind.agency,
            state=stored.state,
            accepted_at=stored.accepted_at,
            closed_at=stored.closed_at,
            problem=problem or None,
            problem_field=problem_field or None,
            waits_for=stored.waits_for,
            steps=stored.steps,
            agency_id=stored.agency_id,
            payload=self._open_payload(stored),
            case=stored.case,
        )


def _draw_number() -> str:
    year = datetime.now(CITY_TIME_ZONE).year % 100
    return f"TT-{year:02}-{draw_code(_NUMBER_LENGTH)}"
