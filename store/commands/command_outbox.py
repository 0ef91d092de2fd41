"""The outbox of commands: accepted once, claimed by one hub at a time, and ended with a certain outcome.

A claim hides a command from other hubs until its lease ends, and gives it a new fence. Only the newest fence can change
the command, so a hub that slept through its lease changes nothing. A command whose lease ends while it is being sent
may have arrived: it is looked up first, or parked if its agency cannot be asked.

Order: a command can be claimed only if no earlier command of its case is open. The sequence of a case is allocated
under a lock of the case, so a later command never becomes visible before an earlier one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    and_,
    bindparam,
    case,
    exists,
    false,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from records.command_state import CommandState
from records.hub.commands import LookupClass
from store.commands.command_files import add_files, load_file, load_files, remove_files
from store.commands.command_rows import (
    SealedCommand,
    StoredCommand,
    add_steps,
    insert_command,
    load_commands,
    load_newest_of_each,
    to_command,
)
from store.commands.submitted_commands import SubmittedCommands
from store.database_timeout import database_timeout
from store.prepared_statement import PreparedStatement
from store.tables import command_steps, commands

DEFAULT_MAX_FILE_BYTES: Final = 2 * 1024**3
"""Maximum size of the files of all open commands."""
MAX_PER_DAY: Final = 50
"""Maximum number of commands of one person within 24 hours, in any state."""
_DAY: Final = timedelta(hours=24)
_OPEN: Final = commands.c.closed_at.is_(None)
_IS_BLIND: Final = and_(commands.c.lookup == LookupClass.NONE.value, commands.c.outcome.is_(None))
"""There is no way to look it up: neither by its kind, nor by a token that the agency gave."""
_TO_SEND: Final = (CommandState.ACCEPTED, CommandState.RETRY_WAIT)
_CLAIMED: Final = (CommandState.SENDING, CommandState.RECONCILING)


class CommandKeyReused(Exception):  # noqa: N818 - a condition, not a fault
    """The person used this key already, for another command."""


class TooManyCommands(Exception):  # noqa: N818 - a condition, not a fault
    """The person has reached the limit on commands."""


class CommandNotWaiting(Exception):  # noqa: N818 - a condition, not a fault
    """The command is not parked, so a person cannot decide about it."""

    def __init__(self, state: CommandState) -> None:
        """Takes the current state."""
        super().__init__(state.value)
        self.state = state


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """What became of a claimed command, or what a person decides about a parked one."""

    state: CommandState
    failure: str | None = None
    """A code, and after a blank the argument that the agency refused, if it names one. Nothing personal."""
    retry_in: timedelta = timedelta()
    """Until the next attempt or lookup."""
    agency_id: str | None = None
    outcome: bytes | None = None
    """The token that the agency gave in place of an identifier, sealed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCommands:
    """The open commands of an agency."""

    agency: str
    by_state: Mapping[str, int]
    oldest_timestamp: float
    """When the oldest one was accepted, in seconds since 1970; 0 without one."""


class CommandOutbox:
    """Stores commands in the hub's database, by its clock."""

    def __init__(
        self, engine: AsyncEngine, *, timeout: float = 2.0, max_file_bytes: int = DEFAULT_MAX_FILE_BYTES
    ) -> None:
        """Takes the hub's database; `timeout` is the maximum wait for it, in seconds.

        `max_file_bytes` bounds the files of all open commands.
        """
        self._engine = engine
        self._timeout = timeout
        self._max_file_bytes = max_file_bytes
        self.submitted = SubmittedCommands(engine, timeout)
        due = exists().where(_OPEN, commands.c.agency == bindparam("agency"), commands.c.next_at <= func.now())
        self._has_due = PreparedStatement(select(due))

    async def accept(self, command: SealedCommand) -> StoredCommand:
        """Stores a command with its files. When this returns, it is committed.

        If the person gave the same command with the same key before, returns that one unchanged. Raises
        `CommandKeyReused`, `TooManyCommands`, `FileStoreFull` or `StateUnavailable`.
        """
        columns, mine = commands.c, _is_of_same_person(command)
        known = select(columns.number).where(mine, columns.key == command.key).scalar_subquery()
        today = select(func.count()).where(mine, columns.accepted_at > func.now() - _DAY).scalar_subquery()
        async with database_timeout(self._timeout), self._engine.begin() as connection:
            await _lock_subject(connection, command.subject)
            number, count = (await connection.execute(select(known, today))).one()
            if number is not None:
                return _require_same(command, (await load_commands(connection, columns.number == number))[0])
            if count >= MAX_PER_DAY:
                raise TooManyCommands
            is_new_case = command.case == command.number
            if not is_new_case:
                await _lock_case(connection, command.kind.agency, command.case)
            stored = await insert_command(connection, command)
            await add_files(connection, command.number, command.files, max_bytes=self._max_file_bytes)
            return stored if is_new_case else (await load_commands(connection, columns.number == command.number))[0]

    async def find_repeated(self, command: SealedCommand) -> StoredCommand | None:
        """Returns what `accept` would return unchanged; None for a new key.

        Raises `CommandKeyReused` or `StateUnavailable`.
        """
        found = await self._load(and_(_is_of_same_person(command), commands.c.key == command.key))
        return _require_same(command, found[0]) if found else None

    async def has_due(self, agency: str) -> bool:
        """Whether there is anything to claim or to release; takes a fraction of either. Raises `StateUnavailable`."""
        async with database_timeout(self._timeout):
            return bool(await self._has_due.load_value(self._engine, {"agency": agency}))

    async def claim(
        self, agency: str, kinds: Collection[tuple[str, int]], *, limit: int, lease: timedelta
    ) -> Sequence[StoredCommand]:
        """Claims due commands of an agency, earliest accepted first; no other hub works on them during the lease.

        `kinds` are the names and versions that this hub can send. Commands to send become `SENDING`, those to look up
        `RECONCILING`. Raises `StateUnavailable`.
        """
        columns = commands.c
        known = or_(false(), *(and_(columns.kind == name, columns.version == version) for name, version in kinds))
        waiting = columns.state.in_([each.value for each in (*_TO_SEND, CommandState.UNKNOWN)])
        due = select(columns.number).where(_OPEN, waiting, columns.agency == agency, columns.next_at <= func.now())
        due = due.where(known, ~_has_earlier_open()).order_by(columns.accepted_at, columns.number).limit(limit)
        claimable = due.with_for_update(skip_locked=True).cte("claimable")  # a CTE runs once, so the limit holds
        is_sent = columns.state.in_([each.value for each in _TO_SEND])
        claimed = (
            update(commands)
            .where(columns.number.in_(select(claimable.c.number)))
            .values(
                state=case((is_sent, CommandState.SENDING.value), else_=CommandState.RECONCILING.value),
                next_at=func.now() + lease,
                fence=columns.fence + 1,
                attempts=case((is_sent, columns.attempts + 1), else_=columns.attempts),
                lookups=case((is_sent, 0), else_=columns.lookups + 1),
                sent_at=case((is_sent, func.now()), else_=columns.sent_at),
            )
            .returning(commands, func.now().label("read_at"))
        )
        async with database_timeout(self._timeout), self._engine.begin() as connection:
            rows = (await connection.execute(claimed)).mappings().all()
        found = [to_command(row, read_at=row["read_at"]) for row in rows]
        return sorted(found, key=lambda each: (each.accepted_at, each.number))

    async def end_claim(self, claimed: StoredCommand, result: CommandResult) -> bool:
        """Records what became of a claimed command; False if the lease was lost, and then nothing changes.

        Raises `StateUnavailable`.
        """
        mine = and_(
            commands.c.number == claimed.number,
            commands.c.fence == claimed.fence,
            commands.c.state == claimed.state.value,
        )
        async with database_timeout(self._timeout), self._engine.begin() as connection:
            kept = await _apply(connection, mine, result)
            # A command that waits for its agency for days has one step for it, not one for each attempt.
            waits = result.state in {CommandState.RETRY_WAIT, CommandState.UNKNOWN}
            if kept and not (waits and result.failure == claimed.failure):
                await add_steps(connection, [claimed.number], result.state, detail=result.failure)
            return kept

    async def release_expired(self, agency: str, *, settle: timedelta, limit: int = 100) -> int:
        """Ends claims whose lease is over, because their hub died or sleeps; returns how many.

        A command that was being sent may have arrived. It becomes `UNKNOWN`, and is looked up after `settle`, the time
        in which the agency certainly acts. Without a way to look it up, it is parked. Raises `StateUnavailable`.
        """
        columns = commands.c
        over = select(columns.number).where(_OPEN, columns.agency == agency, columns.next_at <= func.now())
        over = over.where(columns.state.in_([each.value for each in _CLAIMED])).limit(limit)
        expired = over.with_for_update(skip_locked=True).cte("expired")
        was_sent = columns.state == CommandState.SENDING.value
        released = (
            update(commands)
            .where(columns.number.in_(select(expired.c.number)))
            .values(
                state=case((_IS_BLIND, CommandState.PARKED.value), else_=CommandState.UNKNOWN.value),
                next_at=case((was_sent, func.now() + settle), else_=func.now()),
                fence=columns.fence + 1,
                failure="HUB_STOPPED",
            )
            .returning(columns.number, columns.state)
        )
        async with database_timeout(self._timeout), self._engine.begin() as connection:
            rows = (await connection.execute(released)).all()
            for state in (CommandState.PARKED, CommandState.UNKNOWN):
                numbers = [number for number, name in rows if name == state.value]
                await add_steps(connection, numbers, state, detail="HUB_STOPPED")
        return len(rows)

    async def decide(self, number: str, result: CommandResult, *, by: str, reason: str) -> StoredCommand | None:
        """Ends a parked command, or sends it again, as a person decides; None if there is no such command.

        Raises `CommandNotWaiting` if it is not parked, or `StateUnavailable`.
        """
        here = commands.c.number == number
        async with database_timeout(self._timeout), self._engine.begin() as connection:
            state = (await connection.execute(select(commands.c.state).where(here).with_for_update())).scalar()
            if state is None:
                return None
            if CommandState(state) is not CommandState.PARKED:
                raise CommandNotWaiting(CommandState(state))
            await _apply(connection, here, result)
            await add_steps(connection, [number], result.state, by=by, detail=reason)
            return (await load_commands(connection, here))[0]

    async def park(self, number: str, *, by: str, reason: str) -> StoredCommand | None:
        """Stops a command that no hub is working on; None if there is no such command.

        Raises `CommandNotWaiting` for one that is claimed, parked or closed, or `StateUnavailable`.
        """
        here = commands.c.number == number
        async with database_timeout(self._timeout), self._engine.begin() as connection:
            name = (await connection.execute(select(commands.c.state).where(here).with_for_update())).scalar()
            if name is None:
                return None
            state = CommandState(name)
            if state not in {*_TO_SEND, CommandState.UNKNOWN}:
                raise CommandNotWaiting(state)
            await _apply(connection, here, CommandResult(state=CommandState.PARKED))
            await add_steps(connection, [number], CommandState.PARKED, by=by, detail=reason)
            return (await load_commands(connection, here))[0]

    async def doubt_open(self, *, by: str, settle: timedelta) -> int:
        """Makes every open command uncertain, after the database was restored from a backup; returns how many.

        What the backup calls unsent may have been sent since. It is looked up after `settle`, the time in which its
        agency certainly acts. Raises `StateUnavailable`.
        """
        columns = commands.c
        doubted = (
            update(commands)
            .where(_OPEN, columns.state != CommandState.PARKED.value)
            .values(
                state=case((_IS_BLIND, CommandState.PARKED.value), else_=CommandState.UNKNOWN.value),
                next_at=func.now() + settle,
                fence=columns.fence + 1,
                lookups=0,
                sent_at=func.coalesce(columns.sent_at, func.now()),
                failure="RESTORED",
            )
            .returning(columns.number, columns.state)
        )
        async with self._engine.begin() as connection:
            rows = (await connection.execute(doubted)).all()
            for state in (CommandState.PARKED, CommandState.UNKNOWN):
                numbers = [number for number, name in rows if name == state.value]
                await add_steps(connection, numbers, state, by=by, detail="RESTORED")
        return len(rows)

    async def find(self, number: str) -> StoredCommand | None:
        """Returns one command, or None. Raises `StateUnavailable`."""
        found = await self._load(commands.c.number == number)
        return found[0] if found else None

    async def list_of_subjects(self, subjects: Collection[bytes], *, limit: int = 100) -> Sequence[StoredCommand]:
        """Returns the newest commands of each person, newest first. Raises `StateUnavailable`."""
        async with database_timeout(self._timeout), self._engine.connect() as connection:
            return await load_newest_of_each(connection, commands.c.subject.in_(subjects), limit=limit)

    async def list_agency_ids(self, command: StoredCommand) -> frozenset[str]:
        """The agency's identifiers of the person's other commands of this kind. Raises `StateUnavailable`."""
        columns = commands.c
        others = select(columns.agency_id).where(
            columns.subject == command.subject,
            columns.agency == command.kind.agency,
            columns.kind == command.kind.name,
            columns.number != command.number,
            columns.agency_id.is_not(None),
        )
        async with database_timeout(self._timeout), self._engine.connect() as connection:
            return frozenset((await connection.execute(others)).scalars())

    async def count_steps(self, number: str, state: CommandState, detail: str) -> int:
        """How often a command came into a state for a reason. Raises `StateUnavailable`."""
        columns = command_steps.c
        counted = select(func.count()).where(
            columns.number == number, columns.state == state.value, columns.detail == detail
        )
        async with database_timeout(self._timeout), self._engine.connect() as connection:
            return (await connection.execute(counted)).scalar_one()

    async def load_files(self, number: str) -> Sequence[bytes]:
        """Returns the sealed files of a command. Raises `StateUnavailable`."""
        async with database_timeout(self._timeout), self._engine.connect() as connection:
            return await load_files(connection, number)

    async def load_file(self, number: str, position: int) -> bytes | None:
        """Returns one sealed file of a command, or None. Raises `StateUnavailable`."""
        async with database_timeout(self._timeout), self._engine.connect() as connection:
            return await load_file(connection, number, position)

    async def list_open(
        self, *, states: Collection[CommandState] = (), agency: str | None = None, limit: int = 100
    ) -> Sequence[StoredCommand]:
        """Returns open commands, those that are due first. Raises `StateUnavailable`."""
        wanted: ColumnElement[bool] = _OPEN
        if states:
            wanted = and_(wanted, commands.c.state.in_([each.value for each in states]))
        if agency is not None:
            wanted = and_(wanted, commands.c.agency == agency)
        return await self._load(wanted, limit=limit, newest_first=False)

    async def count_open(self, agency: str) -> OpenCommands:
        """Counts the open commands of an agency. Raises `StateUnavailable`."""
        columns = commands.c
        counted = select(columns.state, func.count(), func.min(columns.accepted_at))
        counted = counted.where(_OPEN, columns.agency == agency).group_by(columns.state)
        async with database_timeout(self._timeout), self._engine.connect() as connection:
            rows = (await connection.execute(counted)).all()
        oldest = min((accepted_at.timestamp() for _, _, accepted_at in rows), default=0.0)
        return OpenCommands(
            agency=agency, by_state={state: number for state, number, _ in rows}, oldest_timestamp=oldest
        )

    async def _load(self, wanted: ColumnElement[bool], **how: Any) -> Sequence[StoredCommand]:  # noqa: ANN401 - of `load_commands`
        async with database_timeout(self._timeout), self._engine.connect() as connection:
            return await load_commands(connection, wanted, **how)


def _is_of_same_person(command: SealedCommand) -> ColumnElement[bool]:
    return commands.c.subject.in_([command.subject, *command.former_subjects])


def _require_same(command: SealedCommand, found: StoredCommand) -> StoredCommand:
    """The command that has the key already. Raises `CommandKeyReused` if it is another one."""
    if found.digest not in {command.digest, *command.former_digests}:
        raise CommandKeyReused
    return found


def _has_earlier_open() -> ColumnElement[bool]:
    earlier = commands.alias("earlier")
    return exists().where(
        earlier.c.agency == commands.c.agency,
        earlier.c.case == commands.c.case,
        earlier.c.sequence < commands.c.sequence,
        earlier.c.closed_at.is_(None),
    )


async def _lock_subject(connection: AsyncConnection, subject: bytes) -> None:
    """Serializes the acceptance of a person's commands over all hubs, apart from the locks of data requests."""
    lock = int.from_bytes(subject[8:16], signed=True)
    await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": lock})


async def _lock_case(connection: AsyncConnection, agency: str, case_: str) -> None:
    """Serializes the sequences of a case until the commit."""
    await connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"{agency} {case_}", 0))))


async def _apply(connection: AsyncConnection, wanted: ColumnElement[bool], result: CommandResult) -> bool:
    """Writes a result; False if no command matches. A command that ends has no files any more."""
    changed = (
        update(commands)
        .where(wanted)
        .values(
            state=result.state.value,
            next_at=func.now() + result.retry_in,
            failure=result.failure,
            agency_id=func.coalesce(result.agency_id, commands.c.agency_id),
            # What is sent again certainly is not at the agency, so a token of it is void.
            outcome=None
            if result.state is CommandState.RETRY_WAIT
            else func.coalesce(result.outcome, commands.c.outcome),
            closed_at=None if result.state.is_open else func.now(),
        )
    )
    number = (await connection.execute(changed.returning(commands.c.number))).scalar()
    if number is not None and not result.state.is_open:
        await remove_files(connection, number)
    return number is not None
