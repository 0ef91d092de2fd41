"""People's requests about their own data: filed once, and answered by append-only steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, insert, or_, select, text, tuple_, update
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from records.hub.data_requests import (
    ANSWER_PERIOD,
    DataRequestKind,
    DataRequestPosition,
    DataRequestRefusal,
    DataRequestState,
    WaitingDataRequests,
)
from records.purposes import Purpose
from store.database_timeout import database_timeout
from store.tables import data_request_events, data_requests, restrictions

MAX_OPEN = 10
"""Maximum number of open requests of one person, including restrictions in force."""
MAX_REQUESTS_PER_DAY = 20
"""Maximum number of requests of one person within 24 hours, in any state."""
_OPEN = [each.name for each in DataRequestState if each.is_open]
_DAY = timedelta(hours=24)


class TooManyDataRequests(Exception):  # noqa: N818 - a condition, not a fault
    """The person has reached a limit on requests."""


class InvalidStateChange(Exception):  # noqa: N818 - a condition, not a fault
    """The requested state cannot follow the current state."""

    def __init__(self, state: DataRequestState) -> None:
        """Takes the current state."""
        super().__init__(state.name)
        self.state = state


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedDataRequest:
    """A request to store; the person's text is sealed."""

    number: str
    subject: bytes
    key: bytes
    kind: DataRequestKind
    agency: str | None
    field: str | None
    purposes: tuple[Purpose, ...]
    texts: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDataRequestEvent:
    """A stored event; `by` is None for the person themself, `text` is sealed."""

    at: datetime
    state: DataRequestState
    by: str | None
    refusal: DataRequestRefusal | None
    text: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDataRequest:
    """A stored request."""

    number: str
    subject: bytes
    kind: DataRequestKind
    state: DataRequestState
    agency: str | None
    field: str | None
    purposes: tuple[Purpose, ...]
    texts: bytes
    received_at: datetime
    due_at: datetime
    closed_at: datetime | None
    read_at: datetime
    events: tuple[StoredDataRequestEvent, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataRequestStep:
    """A step of a request; `text` is sealed, `by` is None for the person themself."""

    state: DataRequestState
    by: str | None = None
    refusal: DataRequestRefusal | None = None
    text: bytes | None = None


class DataRequestTable:
    """Stores requests in the hub's database, by its clock."""

    def __init__(self, engine: AsyncEngine, *, timeout: float = 2.0) -> None:
        """Takes the hub's database; `timeout` is the maximum wait for it, in seconds."""
        self._engine = engine
        self._timeout = timeout

    async def file(self, request: SealedDataRequest) -> StoredDataRequest:
        """Stores a request. If the person already filed one with the same key, returns that one unchanged.

        A restriction is in force when this returns. Raises `TooManyDataRequests` or `StateUnavailable`.
        """
        async with database_timeout(self._timeout), self._engine.begin() as connection:
            await _lock_subject(connection, request.subject)
            mine = data_requests.c.subject == request.subject
            known = await _load_requests(connection, and_(mine, data_requests.c.key == request.key))
            if known:
                return known[0]
            await _refuse_too_many(connection, mine)
            state = DataRequestState.RECEIVED
            if request.kind is DataRequestKind.RESTRICTION:
                state = DataRequestState.IN_PROGRESS  # the hub applies it now; agencies have the deadline
                await connection.execute(
                    insert(restrictions).values(
                        id=request.number, subject=request.subject, purposes=[each.name for each in request.purposes]
                    )
                )
            await connection.execute(insert(data_requests).values(**_to_row(request, state)))
            await _add_event(connection, request.number, DataRequestStep(state=state))
            return (await _load_requests(connection, data_requests.c.number == request.number))[0]

    async def load_page(
        self, subject: bytes, first: int, after: DataRequestPosition | None
    ) -> tuple[Sequence[StoredDataRequest], bool]:
        """Returns the next requests of a person, newest first, and whether more follow. Raises `StateUnavailable`."""
        wanted = data_requests.c.subject == subject
        if after is not None:
            place = tuple_(data_requests.c.received_at, data_requests.c.number)
            wanted = and_(wanted, place < tuple_(after.at, after.number))
        async with database_timeout(self._timeout), self._engine.connect() as connection:
            found = await _load_requests(connection, wanted, limit=first + 1)
        return found[:first], len(found) > first

    async def list_waiting(self, wanted: WaitingDataRequests) -> tuple[Sequence[StoredDataRequest], bool]:
        """Returns the next requests that wait for an answer, earliest due first, and whether more follow.

        Raises `StateUnavailable`.
        """
        place = (data_requests.c.due_at, data_requests.c.number)
        chosen: ColumnElement[bool] = data_requests.c.state.in_([each.name for each in wanted.states])
        if wanted.agency is not None:
            chosen = and_(chosen, data_requests.c.agency == wanted.agency)
        if wanted.overdue:
            chosen = and_(chosen, func.coalesce(data_requests.c.closed_at, func.now()) > data_requests.c.due_at)
        if wanted.after is not None:
            chosen = and_(chosen, tuple_(*place) > tuple_(wanted.after.at, wanted.after.number))
        async with database_timeout(self._timeout), self._engine.connect() as connection:
            found = await _load_requests(connection, chosen, limit=wanted.first + 1, order=place)
        return found[: wanted.first], len(found) > wanted.first

    async def list_erased(self, agency: str, since: datetime) -> Sequence[bytes]:
        """Returns the sealed people whose erasure at an agency was fulfilled after a moment.

        An erasure for all agencies counts for each. Raises `StateUnavailable`.
        """
        columns = data_requests.c
        erased = select(columns.subject).where(
            columns.kind == DataRequestKind.ERASURE.name,
            columns.state == DataRequestState.DONE.name,
            or_(columns.agency == agency, columns.agency.is_(None)),
            columns.closed_at > since,
        )
        async with database_timeout(self._timeout), self._engine.connect() as connection:
            return [bytes(each) for each in (await connection.execute(erased.distinct())).scalars()]

    async def find(self, number: str) -> StoredDataRequest | None:
        """Returns one request, or None. Raises `StateUnavailable`."""
        async with database_timeout(self._timeout), self._engine.connect() as connection:
            found = await _load_requests(connection, data_requests.c.number == number)
        return found[0] if found else None

    async def withdraw(self, subject: bytes, number: str, *, must_be_restriction: bool) -> StoredDataRequest | None:
        """Withdraws a person's request, and ends its restriction; None if the person has no such request.

        Repeating it changes nothing. With `must_be_restriction`, other kinds count as unknown. Raises
        `StateUnavailable`, and `InvalidStateChange` for an answered request, unless it is a restriction in force.
        """
        wanted = and_(data_requests.c.number == number, data_requests.c.subject == subject)
        if must_be_restriction:
            wanted = and_(wanted, data_requests.c.kind == DataRequestKind.RESTRICTION.name)
        async with database_timeout(self._timeout), self._engine.begin() as connection:
            await _lock_subject(connection, subject)
            found = await _load_requests(connection, wanted)
            if not found or found[0].state is DataRequestState.WITHDRAWN:
                return found[0] if found else None
            obeyed = found[0].kind is DataRequestKind.RESTRICTION and found[0].state is DataRequestState.DONE
            if not found[0].state.is_open and not obeyed:
                raise InvalidStateChange(found[0].state)
            return await _apply_step(connection, found[0], DataRequestStep(state=DataRequestState.WITHDRAWN))

    async def answer(
        self, number: str, step: DataRequestStep, *, agency: str | None = None
    ) -> StoredDataRequest | None:
        """Takes a step for the city; None if there is no such request, or if it belongs to another agency.

        A refused restriction is no longer in force. Raises `StateUnavailable`, and `InvalidStateChange` if the request
        is not open.
        """
        async with database_timeout(self._timeout), self._engine.begin() as connection:
            found = await _load_requests(connection, data_requests.c.number == number)
            if not found or agency not in {None, found[0].agency}:
                return None
            await _lock_subject(connection, found[0].subject)
            (current,) = await _load_requests(connection, data_requests.c.number == number)
            if not current.state.is_open:
                raise InvalidStateChange(current.state)
            return await _apply_step(connection, current, step)


async def _lock_subject(connection: AsyncConnection, subject: bytes) -> None:
    """Serializes the changes of a person's requests over all hubs."""
    lock = int.from_bytes(subject[:8], signed=True)
    await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": lock})


async def _refuse_too_many(connection: AsyncConnection, mine: ColumnElement[bool]) -> None:
    opened = select(func.count()).where(mine, data_requests.c.state.in_(_OPEN))
    today = select(func.count()).where(mine, data_requests.c.received_at > func.now() - _DAY)
    if (await connection.execute(opened)).scalar_one() >= MAX_OPEN:
        raise TooManyDataRequests
    if (await connection.execute(today)).scalar_one() >= MAX_REQUESTS_PER_DAY:
        raise TooManyDataRequests


def _to_row(request: SealedDataRequest, state: DataRequestState) -> Mapping[str, Any]:
    return {
        "number": request.number,
        "subject": request.subject,
        "key": request.key,
        "kind": request.kind.name,
        "state": state.name,
        "agency": request.agency,
        "field": request.field,
        "purposes": [each.name for each in request.purposes],
        "texts": request.texts,
        "due_at": func.now() + ANSWER_PERIOD,
    }


async def _apply_step(
    connection: AsyncConnection, request: StoredDataRequest, step: DataRequestStep
) -> StoredDataRequest:
    here = data_requests.c.number == request.number
    closed = None if step.state.is_open else func.now()
    await connection.execute(update(data_requests).where(here).values(state=step.state.name, closed_at=closed))
    await _add_event(connection, request.number, step)
    if step.state in {DataRequestState.WITHDRAWN, DataRequestState.REFUSED}:
        ended = update(restrictions).where(restrictions.c.id == request.number, restrictions.c.ended_at.is_(None))
        await connection.execute(ended.values(ended_at=func.now()))
    return (await _load_requests(connection, here))[0]


async def _add_event(connection: AsyncConnection, number: str, step: DataRequestStep) -> None:
    row = {
        "number": number,
        "state": step.state.name,
        "by": step.by,
        "refusal": None if step.refusal is None else step.refusal.name,
        "text": step.text,
    }
    await connection.execute(insert(data_request_events).values(**row))


async def _load_requests(
    connection: AsyncConnection,
    wanted: ColumnElement[bool],
    *,
    limit: int = 1,
    order: Sequence[ColumnElement[Any]] = (data_requests.c.received_at.desc(), data_requests.c.number.desc()),
) -> Sequence[StoredDataRequest]:
    """Loads requests with their events, in two statements for any number of requests."""
    some = select(data_requests, func.now().label("read_at")).where(wanted).order_by(*order).limit(limit)
    rows = (await connection.execute(some)).mappings().all()
    numbers = [row["number"] for row in rows]
    of_them = select(data_request_events).where(data_request_events.c.number.in_(numbers))
    events: dict[str, list[StoredDataRequestEvent]] = {number: [] for number in numbers}
    if numbers:
        for row in (await connection.execute(of_them.order_by(data_request_events.c.id))).mappings():
            events[row["number"]].append(_to_stored_event(row))
    return [_to_stored_request(row, tuple(events[row["number"]])) for row in rows]


def _to_stored_request(row: RowMapping, events: tuple[StoredDataRequestEvent, ...]) -> StoredDataRequest:
    return StoredDataRequest(
        number=row["number"],
        subject=bytes(row["subject"]),
        kind=DataRequestKind[row["kind"]],
        state=DataRequestState[row["state"]],
        agency=row["agency"],
        field=row["field"],
        purposes=tuple(Purpose[name] for name in row["purposes"]),
        texts=bytes(row["texts"]),
        received_at=row["received_at"],
        due_at=row["due_at"],
        closed_at=row["closed_at"],
        read_at=row["read_at"],
        events=events,
    )


def _to_stored_event(row: RowMapping) -> StoredDataRequestEvent:
    return StoredDataRequestEvent(
        at=row["at"],
        state=DataRequestState[row["state"]],
        by=row["by"],
        refusal=None if row["refusal"] is None else DataRequestRefusal[row["refusal"]],
        text=None if row["text"] is None else bytes(row["text"]),
    )
