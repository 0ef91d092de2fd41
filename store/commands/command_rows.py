"""Commands as the database stores them: people, payloads and outcomes are sealed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, and_, func, insert, literal, select, true
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from records.command_state import CommandState
from records.hub.commands import CommandKind, CommandStep, LookupClass
from store.tables import command_steps, commands


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedCommand:
    """A command to store."""

    number: str
    """Random, and the hub's reference at the agency."""
    kind: CommandKind
    case: str
    """The matter: commands of one case reach the agency in the order in which they were accepted."""
    subject: bytes
    key: bytes
    """Digest of the key that the person's app gave."""
    digest: bytes
    """Keyed digest of the payload, to tell a repetition from another command with the same key."""
    payload: bytes
    files: Sequence[bytes] = ()
    """Sealed."""
    former_subjects: tuple[bytes, ...] = ()
    """The person, sealed with earlier secrets of the hub."""
    former_digests: tuple[bytes, ...] = ()
    """Digests with earlier secrets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCommand:
    """A stored command."""

    number: str
    kind: CommandKind
    case: str
    sequence: int
    subject: bytes
    digest: bytes
    payload: bytes | None
    state: CommandState
    accepted_at: datetime
    next_at: datetime
    fence: int
    attempts: int
    lookups: int
    sent_at: datetime | None
    failure: str | None
    outcome: bytes | None
    agency_id: str | None
    closed_at: datetime | None
    read_at: datetime
    waits_for: str | None = None
    """Number of an earlier open command of the case."""
    steps: tuple[CommandStep, ...] = ()


async def load_commands(
    connection: AsyncConnection, wanted: ColumnElement[bool], *, limit: int | None = 1, newest_first: bool = True
) -> Sequence[StoredCommand]:
    """Loads commands with their steps, in two statements for any number of commands."""
    columns = commands.c
    earlier = commands.alias("earlier")
    head = (
        select(earlier.c.number)
        .where(
            earlier.c.agency == columns.agency,
            earlier.c.case == columns.case,
            earlier.c.sequence < columns.sequence,
            earlier.c.closed_at.is_(None),
        )
        .order_by(earlier.c.sequence)
        .limit(1)
        .correlate(commands)
        .scalar_subquery()
    )
    order = (columns.accepted_at.desc(), columns.number.desc()) if newest_first else (columns.next_at, columns.number)
    some = select(commands, head.label("waits_for"), func.now().label("read_at"))
    rows = (await connection.execute(some.where(wanted).order_by(*order).limit(limit))).mappings().all()
    steps: dict[str, list[CommandStep]] = {row["number"]: [] for row in rows}
    if steps:
        of_them = select(command_steps).where(command_steps.c.number.in_(steps)).order_by(command_steps.c.id)
        for row in (await connection.execute(of_them)).mappings():
            steps[row["number"]].append(_to_step(row))
    return [
        to_command(row, read_at=row["read_at"], waits_for=row["waits_for"], steps=steps[row["number"]]) for row in rows
    ]


async def load_newest_of_each(
    connection: AsyncConnection, wanted: ColumnElement[bool], *, limit: int
) -> Sequence[StoredCommand]:
    """Loads the newest commands of each person, newest first; `limit` is for one person."""
    ranked = _rank_of_each(wanted)
    newest = select(ranked.c.number).where(ranked.c.rank <= limit)
    return await load_commands(connection, commands.c.number.in_(newest), limit=None)


async def load_newest_without_steps(
    connection: AsyncConnection, wanted: ColumnElement[bool], *, limit: int
) -> Sequence[StoredCommand]:
    """The same in one statement, without steps and without what the commands wait for."""
    rows = (await connection.execute(select_newest_of_each(wanted, limit=limit))).mappings()
    return [to_command(row, read_at=row["read_at"]) for row in rows]


def select_newest_of_each(wanted: ColumnElement[bool], *, limit: int) -> Select[Any]:
    """The statement for the newest commands of each person, newest first; `limit` is for one person."""
    ranked = _rank_of_each(wanted)
    return select(ranked).where(ranked.c.rank <= limit).order_by(ranked.c.rank)


async def insert_command(connection: AsyncConnection, command: SealedCommand) -> StoredCommand:
    """Stores a command and its first step, next in its case, in one statement. What it waits for is not loaded."""
    columns, kind, state = commands.c, command.kind, CommandState.ACCEPTED
    of_case = and_(columns.agency == kind.agency, columns.case == command.case)
    row = {
        "number": command.number,
        "kind": kind.name,
        "version": kind.version,
        "agency": kind.agency,
        "lookup": kind.lookup.value,
        "case": command.case,
        "sequence": select(func.coalesce(func.max(columns.sequence), 0) + 1).where(of_case).scalar_subquery(),
        "subject": command.subject,
        "key": command.key,
        "digest": command.digest,
        "payload": command.payload,
        "state": state.value,
    }
    stored = insert(commands).values(row).returning(commands).cte("stored")
    values = select(stored.c.number, literal(state.value))
    step = insert(command_steps).from_select(["number", "state"], values).returning(command_steps.c.at).cte("step")
    both = select(stored, step.c.at.label("step_at"), func.now().label("read_at")).select_from(
        stored.join(step, true())
    )
    found = (await connection.execute(both)).mappings().one()
    return to_command(found, read_at=found["read_at"], steps=[CommandStep(at=found["step_at"], state=state)])


async def add_steps(
    connection: AsyncConnection, numbers: Sequence[str], state: CommandState, **more: str | None
) -> None:
    """Records a step of each command, with `by` and `detail`."""
    if numbers:
        rows = [{"number": number, "state": state.value, **more} for number in numbers]
        await connection.execute(insert(command_steps), rows)


def _rank_of_each(wanted: ColumnElement[bool]) -> Subquery:
    """Commands with their rank among those of their person: 1 for the newest."""
    columns = commands.c
    newest_first = (columns.accepted_at.desc(), columns.number.desc())
    rank = func.row_number().over(partition_by=columns.subject, order_by=newest_first)
    return select(commands, func.now().label("read_at"), rank.label("rank")).where(wanted).subquery()


def to_command(
    row: RowMapping | Mapping[str, Any],
    *,
    read_at: datetime,
    waits_for: str | None = None,
    steps: Sequence[CommandStep] = (),
) -> StoredCommand:
    """The command of a row."""
    same: dict[str, Any] = {name: row[name] for name in _SAME}
    return StoredCommand(
        **same,
        kind=CommandKind(
            name=row["kind"], version=row["version"], agency=row["agency"], lookup=LookupClass(row["lookup"])
        ),
        state=CommandState(row["state"]),
        subject=bytes(row["subject"]),
        digest=bytes(row["digest"]),
        payload=None if row["payload"] is None else bytes(row["payload"]),
        outcome=None if row["outcome"] is None else bytes(row["outcome"]),
        read_at=read_at,
        waits_for=waits_for,
        steps=tuple(steps),
    )


_SAME = (
    "number", "case", "sequence", "accepted_at", "next_at", "fence", "attempts", "lookups", "sent_at", "failure",
    "agency_id", "closed_at",
)  # fmt: skip


def _to_step(row: RowMapping) -> CommandStep:
    return CommandStep(at=row["at"], state=CommandState(row["state"]), by=row["by"], detail=row["detail"])
