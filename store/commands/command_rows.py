"""Commands as the database stores them: people, payloads and outcomes are sealed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, insert, select
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
    connection: AsyncConnection, wanted: ColumnElement[bool], *, limit: int = 1, newest_first: bool = True
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


async def add_steps(
    connection: AsyncConnection, numbers: Sequence[str], state: CommandState, **more: str | None
) -> None:
    """Records a step of each command, with `by` and `detail`."""
    if numbers:
        rows = [{"number": number, "state": state.value, **more} for number in numbers]
        await connection.execute(insert(command_steps), rows)


def to_command(
    row: RowMapping, *, read_at: datetime, waits_for: str | None = None, steps: Sequence[CommandStep] = ()
) -> StoredCommand:
    """The command of a row."""
    same: Mapping[str, Any] = {name: row[name] for name in _SAME}
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
