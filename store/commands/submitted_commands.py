"""What people submitted to an agency, and what they change there: the lists of the agency may lack it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from math import inf
from time import monotonic
from typing import Any, Final

from sqlalchemy import ARRAY, ColumnElement, Select, and_, any_, bindparam, func, or_
from sqlalchemy.ext.asyncio import AsyncEngine

from records.command_state import CommandState
from store.commands.command_rows import (
    StoredCommand,
    load_newest_without_steps,
    select_newest_of_each,
    to_command,
)
from store.database_timeout import database_timeout
from store.prepared_statement import PreparedStatement
from store.tables import commands

MAX_LISTED: Final = 1_000
"""Maximum number of a person's commands in a list of their agency."""
_MAY_BE_MISSING: Final = and_(
    commands.c.case != commands.c.number,
    or_(
        commands.c.closed_at.is_(None),
        and_(commands.c.state == CommandState.DONE.value, commands.c.closed_at > func.now() - timedelta(minutes=1)),
    ),
)
"""A change that the answer of an agency may lack: an open one, or one that was delivered while the agency answered."""


class SubmittedCommands:
    """Lists commands of the outbox."""

    def __init__(self, engine: AsyncEngine, timeout: float) -> None:
        """Takes the hub's database; `timeout` is the maximum time of a statement, in seconds."""
        self._engine = engine
        self._timeout = timeout
        self._statement = PreparedStatement(_select_submitted(), keeps_connection=True)

    async def list_submitted(
        self,
        agency: str,
        kind: str,
        *,
        subjects: Collection[bytes] = (),
        numbers: Collection[str] = (),
        asked_at: float = inf,
    ) -> Sequence[StoredCommand]:
        """Returns commands of one kind that are not rejected, by people or numbers; and people's changes.

        The changes are those that an answer of the agency may lack which was asked at `asked_at`, on the monotonic
        clock. At most `MAX_LISTED` of each person, newest first, without steps, in one statement. Raises
        `StateUnavailable`.
        """
        parameters = {"agency": agency, "kind": kind, "subjects": list(subjects), "numbers": list(numbers)}
        async with database_timeout(self._timeout):
            rows = await self._statement.load(self._engine, parameters)
        found = [to_command(row, read_at=row["read_at"]) for row in rows]
        return [each for each in found if each.case == each.number or _may_be_missing(each, asked_at)]

    async def list_changes(self, subjects: Collection[bytes], *, asked_at: float) -> Sequence[StoredCommand]:
        """Returns people's commands about earlier matters that an answer may lack which was asked at `asked_at`.

        The newest come first; `asked_at` is on the monotonic clock. Raises `StateUnavailable`.
        """
        wanted = and_(commands.c.subject.in_(subjects), _MAY_BE_MISSING)
        async with database_timeout(self._timeout), self._engine.connect() as connection:
            found = await load_newest_without_steps(connection, wanted, limit=MAX_LISTED)
        return [each for each in found if _may_be_missing(each, asked_at)]


def _select_submitted() -> Select[Any]:
    """Submissions of one kind that are not rejected, by people or numbers; and people's changes."""
    columns = commands.c
    of_people = _is_among(columns.subject, "subjects")
    submitted = and_(
        columns.kind == bindparam("kind"),
        columns.state != CommandState.REJECTED.value,
        or_(of_people, _is_among(columns.number, "numbers")),
    )
    wanted = and_(columns.agency == bindparam("agency"), or_(submitted, and_(_MAY_BE_MISSING, of_people)))
    return select_newest_of_each(wanted, limit=MAX_LISTED)


def _may_be_missing(change: StoredCommand, asked_at: float) -> bool:
    """Whether an agency that was asked then may have answered before it had the change: both durations, no clocks."""
    if change.closed_at is None:
        return True
    return (change.read_at - change.closed_at).total_seconds() <= monotonic() - asked_at


def _is_among(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    return column == any_(bindparam(name, type_=ARRAY(column.type)))
