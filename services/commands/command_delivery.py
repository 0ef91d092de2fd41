"""Delivers the commands of one agency: claims them, sends or looks them up, and records the outcome.

While the agency does not answer, nothing is claimed: a read probes it at growing pauses. So an outage costs no
attempts, and all commands are due, in the order of their acceptance, when the agency is back.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from math import inf
from time import monotonic
from typing import Any, Final, Protocol

from auth.crypto.sealed_people import InvalidPersonSeal
from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.failures import AgencyFailure
from records.calls.outgoing_commands import CommandAnswer, CommandDone, CommandPending, OutgoingCommand
from records.command_state import CommandState
from records.hub.commands import LookupClass
from records.identifiers import Nik
from records.shared_wakes import compute_pause
from records.uploads import CommandFile
from services.commands.command_agency import AgencyCommand, CommandAgency
from services.commands.command_seals import CommandSeals
from services.commands.delivery_rules import compute_outage_pause, judge_lookup, judge_sending, wait_for_number
from store.commands.command_outbox import CommandOutbox, CommandResult, OpenCommands
from store.commands.command_rows import StoredCommand
from store.database_timeout import StateUnavailable

_log = logging.getLogger("simpul.commands")

_COUNT_INTERVAL: Final = 30.0
"""Seconds between two counts of open commands, for the metrics."""
_UNREADABLE: Final = CommandResult(state=CommandState.PARKED, failure="UNREADABLE")
"""Sealed with another secret, or in a form that its version does not have: a person must see it."""
IDLE_INTERVAL: Final = 5.0
"""Seconds between two looks at the outbox; a command that this process accepts is sent immediately."""


class DeliveryListener(Protocol):
    """Acts on what became of commands."""

    async def prepare_done(self, agency: str, subject: Nik, agency_id: str) -> None:
        """Called before a command that made a new matter is recorded as done. Idempotent; raises `StateUnavailable`."""

    async def announce_change(self, agency: str, subject: Nik) -> None:
        """Called after the state of a command has changed."""


class NoDeliveryListener:
    """Does nothing."""

    async def prepare_done(self, agency: str, subject: Nik, agency_id: str) -> None:
        """Do nothing."""

    async def announce_change(self, agency: str, subject: Nik) -> None:
        """Do nothing."""


class CommandDelivery:
    """Delivers the commands of one agency."""

    def __init__(
        self,
        outbox: CommandOutbox,
        agency: CommandAgency,
        seals: CommandSeals,
        listener: DeliveryListener | None = None,
    ) -> None:
        """People, payloads and files are sealed in the outbox."""
        self._listener = listener or NoDeliveryListener()
        self._outbox = outbox
        self._agency = agency
        self._people, self._texts, self._files = seals.people, seals.texts, seals.files
        self._failed_probes = 0
        self._outage_pause = 0.0
        """Seconds until the agency is tried again; 0 while it can be reached."""
        self.open_commands = OpenCommands(agency=agency.code, by_state={}, oldest_timestamp=0.0)
        """What was open at the last count."""
        self._counted_at = -inf
        self._has_work = asyncio.Event()
        self._stopping = asyncio.Event()

    def wake(self) -> None:
        """Look at the outbox now: a command was accepted."""
        self._has_work.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Deliver until the block ends; then finish what is being sent, because it would be in doubt otherwise."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            self._stopping.set()
            self._has_work.set()
            await asyncio.wait({task}, timeout=self._agency.timing.lease.total_seconds())
            task.cancel()
            await asyncio.wait({task})

    async def deliver(self) -> float:
        """Deliver one claim of commands. Returns the seconds until the next look; 0 if more may be due.

        Raises `StateUnavailable`.
        """
        if not (self._outage_pause or await self._outbox.has_due(self._agency.code)):
            return IDLE_INTERVAL
        await self._outbox.release_expired(self._agency.code, settle=self._agency.timing.settle)
        if self._outage_pause and (pause := await self._probe()):
            return pause
        # A hub that wakes after its lease sends nothing: what it had not sent by then, it never sends.
        deadline = monotonic() + self._agency.timing.timeout
        claimed = await self._outbox.claim(
            self._agency.code,
            self._agency.commands.keys(),
            limit=self._agency.timing.claim_size,
            lease=self._agency.timing.lease,
        )
        groups: dict[tuple[CommandState, str, int], list[StoredCommand]] = {}
        for each in claimed:
            groups.setdefault((each.state, each.kind.name, each.kind.version), []).append(each)
        await asyncio.gather(*(self._deliver_group(commands, deadline) for commands in groups.values()))
        return self._outage_pause or (0.0 if len(claimed) == self._agency.timing.claim_size else IDLE_INTERVAL)

    async def _run(self) -> None:
        works = True
        while not self._stopping.is_set():
            self._has_work.clear()
            try:
                pause = await self.deliver()
                await self._count_open()
                works = True
            except Exception as failure:  # noqa: BLE001 - any failure may be temporary
                if works:
                    _log.warning("Commands to '%s' cannot be delivered: %s", self._agency.code, type(failure).__name__)
                works, pause = False, IDLE_INTERVAL
            if pause:
                await self._wait(compute_pause(pause) if pause == IDLE_INTERVAL else pause)

    async def _count_open(self) -> None:
        if monotonic() - self._counted_at >= _COUNT_INTERVAL:
            self.open_commands = await self._outbox.count_open(self._agency.code)
            self._counted_at = monotonic()

    async def _wait(self, seconds: float) -> None:
        """Wait for time, or for a command; while the agency fails, for time only, or for the end."""
        until = self._stopping if self._outage_pause else self._has_work
        try:
            async with asyncio.timeout(seconds):
                await until.wait()
        except TimeoutError:
            return

    async def _probe(self) -> float:
        """Read from an agency that failed. Returns the pause until the next probe; 0 if it answers."""
        try:
            deadline = monotonic() + self._agency.timing.timeout
            await self._agency.probe(Call(deadline=deadline, request_id="command-probe"))
        except AgencyFailure as failure:
            self._failed_probes += 1
            self._outage_pause = compute_outage_pause(failure, self._failed_probes).total_seconds()
        else:
            self._failed_probes, self._outage_pause = 0, 0.0
        return self._outage_pause

    async def _deliver_group(self, commands: Sequence[StoredCommand], deadline: float) -> None:
        """Send, or look up, claimed commands of one kind, until the deadline."""
        kind = self._agency.commands[commands[0].kind.name, commands[0].kind.version]
        outgoing: dict[str, OutgoingCommand[Any]] = {}
        for each in commands:
            subject = self._open_subject(each)
            prepared = _UNREADABLE if subject is None else await self._prepare(each, subject, kind)
            if isinstance(prepared, CommandResult):
                await self._record(each, prepared, subject)
            else:
                outgoing[each.number] = prepared
        sends = commands[0].state is CommandState.SENDING
        answers = await self._ask(kind, list(outgoing.values()), deadline, sends=sends)
        sent = [(each, outgoing[each.number]) for each in commands if each.number in outgoing]
        await asyncio.gather(
            *(
                self._end(each, answers if isinstance(answers, Exception) else answers.get(of_it), of_it.subject)
                for each, of_it in sent
            )
        )

    def _open_subject(self, command: StoredCommand) -> Nik | None:
        """The person; None if they were sealed with a secret that this hub does not have."""
        try:
            return self._people.open(command.subject)
        except InvalidPersonSeal:
            return None

    async def _prepare(
        self, command: StoredCommand, subject: Nik, kind: AgencyCommand
    ) -> OutgoingCommand[Any] | CommandResult:
        """The command as it is sent, or its result where it cannot be sent."""
        case_id = None
        if command.case != command.number:
            case = await self._outbox.find(command.case)
            if case is not None and case.state is CommandState.REJECTED:
                return CommandResult(state=CommandState.REJECTED, failure="CASE_REJECTED")
            if case is not None and case.state is CommandState.DONE and case.agency_id is None:
                return wait_for_number(command)
            case_id = command.case if case is None else case.agency_id
        try:
            payload = kind.form.decode(self._texts.open(command.payload or b"", command.number).encode())
            token = None if command.outcome is None else self._texts.open(command.outcome, command.number)
            files = await self._load_files(command, kind)
        except ValueError:
            return _UNREADABLE
        return OutgoingCommand(
            number=command.number,
            subject=subject,
            payload=payload,
            case_id=case_id,
            sent_at=command.sent_at,
            files=files,
            accepted_at=command.accepted_at,
            token=token,
            **await self._list_for_search(command),
        )

    async def _list_for_search(self, command: StoredCommand) -> Mapping[str, Any]:
        """What a search must know: a record of another command is not this one, and two need two attempts."""
        if command.kind.lookup is not LookupClass.SEARCH or command.state is not CommandState.RECONCILING:
            return {}
        return {
            "other_ids": await self._outbox.list_agency_ids(command),
            "attempts": 1 + await self._outbox.count_steps(command.number, CommandState.RETRY_WAIT, "NOT_FOUND"),
        }

    async def _load_files(self, command: StoredCommand, kind: AgencyCommand) -> tuple[CommandFile, ...]:
        """The files to send; none for a lookup. Raises `StateUnavailable`, or `ValueError` for another secret."""
        if not kind.takes_files or command.state is not CommandState.SENDING:
            return ()
        return self._files.open(command.number, await self._outbox.load_files(command.number))

    async def _ask(
        self, kind: AgencyCommand, commands: Sequence[OutgoingCommand[Any]], deadline: float, *, sends: bool
    ) -> Answers[OutgoingCommand[Any], CommandAnswer] | Exception:
        """The answers, or why the whole call failed."""
        if not commands:
            return {}
        call = Call(deadline=deadline, request_id=f"command-{commands[0].number}")
        try:
            return await (kind.send if sends else kind.look_up)(commands, call)
        except AgencyFailure as failure:
            return failure
        except Exception as fault:  # noqa: BLE001 - a bug of the hub must not stop other commands
            _log.exception("A command of kind '%s' failed in the hub.", kind.kind.name)
            return fault

    async def _end(self, command: StoredCommand, answer: CommandAnswer | Exception | None, subject: Nik) -> None:
        """Record what became of a command that was sent or looked up."""
        sends = command.state is CommandState.SENDING
        result = judge_sending(command, answer, self._agency.timing) if sends else judge_lookup(command, answer)
        if isinstance(answer, CommandPending):
            result = replace(result, outcome=self._texts.seal(answer.token, command.number))
        if isinstance(answer, AgencyFailure) and not answer.sent:
            self._outage_pause = compute_outage_pause(answer).total_seconds()
        if isinstance(answer, CommandDone) and answer.copies > 1:
            _log.error("Command %s was carried out %d times by '%s'.", command.number, answer.copies, self._agency.code)
        await self._record(command, result, subject)

    async def _record(self, command: StoredCommand, result: CommandResult, subject: Nik | None) -> None:
        """Record a result. If the database fails, the lease ends, and another hub looks the command up."""
        if result.state is CommandState.PARKED:
            _log.warning("Command %s is parked: %s.", command.number, result.failure)
        makes_case = result.state is CommandState.DONE and command.case == command.number
        try:
            if makes_case and subject is not None and result.agency_id is not None:
                await self._listener.prepare_done(self._agency.code, subject, result.agency_id)
            kept = await self._outbox.end_claim(command, result)
        except StateUnavailable as failure:
            _log.warning("The outcome of command %s could not be stored: %s", command.number, failure)
            return
        if kept and subject is not None:
            await self._listener.announce_change(self._agency.code, subject)
        elif not kept:
            _log.warning("The outcome of command %s came after its lease.", command.number)
