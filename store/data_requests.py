"""Requests of people about their own data: filed once, answered by steps that are only ever added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, insert, select, text, tuple_, update
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from records.data_requests import (
    CLOCK,
    DataRequestKind,
    DataRequestPosition,
    DataRequestRefusal,
    DataRequestState,
    WaitingDataRequests,
)
from records.purposes import Purpose
from store.tables import data_request_events, data_requests, restrictions
from store.unavailable import answering

MOST_OPEN = 10
"""Open requests of one person, restrictions that are obeyed included."""
MOST_A_DAY = 20
"""Requests of one person within 24 hours, whatever became of them."""
_OPEN = [each.name for each in DataRequestState if each.is_open]
_DAY = timedelta(hours=24)


class TooManyRequests(Exception):  # noqa: N818 - a condition, not a fault
    """The person has as many requests as one may have."""


class NotThatState(Exception):  # noqa: N818 - a condition, not a fault
    """From the state the request is in, it cannot come into the wanted one."""

    def __init__(self, state: DataRequestState) -> None:
        """Take the state it is in."""
        super().__init__(state.name)
        self.state = state


@dataclass(frozen=True, slots=True, kw_only=True)
class Filing:
    """A request to be kept; what the person wrote is sealed."""

    number: str
    subject: bytes
    key: bytes
    kind: DataRequestKind
    agency: str | None
    field: str | None
    purposes: tuple[Purpose, ...]
    texts: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptEvent:
    """An event; `by` is nobody for the person themself, `text` is sealed."""

    at: datetime
    state: DataRequestState
    by: str | None
    refusal: DataRequestRefusal | None
    text: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRequest:
    """A request as it is kept."""

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
    events: tuple[KeptEvent, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What somebody does with a request; `text` is sealed, `by` is nobody for the person themself."""

    state: DataRequestState
    by: str | None = None
    refusal: DataRequestRefusal | None = None
    text: bytes | None = None


class DataRequestTable:
    """Keeps requests, in the hub's database and by its clock."""

    def __init__(self, engine: AsyncEngine, *, patience: float = 2.0) -> None:
        """Use the hub's database; `patience` is how many seconds a request waits for it."""
        self._engine = engine
        self._patience = patience

    async def file(self, filing: Filing) -> KeptRequest:
        """Keep a request; what was filed by the same person with the same key already stands as it is.

        A restriction is obeyed from the moment this returns. Raises `TooManyRequests`, `StateUnavailable`.
        """
        async with answering(self._patience), self._engine.begin() as connection:
            await _alone(connection, filing.subject)
            mine = data_requests.c.subject == filing.subject
            known = await _kept(connection, and_(mine, data_requests.c.key == filing.key))
            if known:
                return known[0]
            await _refuse_too_many(connection, mine)
            state = DataRequestState.RECEIVED
            if filing.kind is DataRequestKind.RESTRICTION:
                state = DataRequestState.IN_PROGRESS  # the hub obeys at once; the agencies' own systems have the clock
                await connection.execute(
                    insert(restrictions).values(
                        id=filing.number, subject=filing.subject, purposes=[each.name for each in filing.purposes]
                    )
                )
            await connection.execute(insert(data_requests).values(**_row(filing, state)))
            await _add(connection, filing.number, Step(state=state))
            return (await _kept(connection, data_requests.c.number == filing.number))[0]

    async def page(
        self, subject: bytes, first: int, after: DataRequestPosition | None
    ) -> tuple[Sequence[KeptRequest], bool]:
        """The next requests of a person, newest first, and whether there are more; raises `StateUnavailable`."""
        wanted = data_requests.c.subject == subject
        if after is not None:
            place = tuple_(data_requests.c.received_at, data_requests.c.number)
            wanted = and_(wanted, place < tuple_(after.at, after.number))
        async with answering(self._patience), self._engine.connect() as connection:
            found = await _kept(connection, wanted, limit=first + 1)
        return found[:first], len(found) > first

    async def waiting(self, wanted: WaitingDataRequests) -> tuple[Sequence[KeptRequest], bool]:
        """The next requests that somebody has to answer, due first, and whether there are more.

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
        async with answering(self._patience), self._engine.connect() as connection:
            found = await _kept(connection, chosen, limit=wanted.first + 1, order=place)
        return found[: wanted.first], len(found) > wanted.first

    async def find(self, number: str) -> KeptRequest | None:
        """One request, or None; raises `StateUnavailable`."""
        async with answering(self._patience), self._engine.connect() as connection:
            found = await _kept(connection, data_requests.c.number == number)
        return found[0] if found else None

    async def withdraw(self, subject: bytes, number: str, *, restriction: bool) -> KeptRequest | None:
        """Take back a request of this person, and end the restriction that it is; None where they have no such.

        Twice is once. With `restriction`, anything else is unknown. Raises `NotThatState` where it was answered before,
        which a restriction may be, and `StateUnavailable`.
        """
        wanted = and_(data_requests.c.number == number, data_requests.c.subject == subject)
        if restriction:
            wanted = and_(wanted, data_requests.c.kind == DataRequestKind.RESTRICTION.name)
        async with answering(self._patience), self._engine.begin() as connection:
            await _alone(connection, subject)
            found = await _kept(connection, wanted)
            if not found or found[0].state is DataRequestState.WITHDRAWN:
                return found[0] if found else None
            obeyed = found[0].kind is DataRequestKind.RESTRICTION and found[0].state is DataRequestState.DONE
            if not found[0].state.is_open and not obeyed:
                raise NotThatState(found[0].state)
            return await _stepped(connection, found[0], Step(state=DataRequestState.WITHDRAWN))

    async def answer(self, number: str, step: Step, *, agency: str | None = None) -> KeptRequest | None:
        """Take a step for the city; None where there is no such request, or it is not this agency's to do.

        A restriction that is refused is obeyed no longer. Raises `NotThatState` where the request is no longer open,
        and `StateUnavailable`.
        """
        async with answering(self._patience), self._engine.begin() as connection:
            found = await _kept(connection, data_requests.c.number == number)
            if not found or agency not in {None, found[0].agency}:
                return None
            await _alone(connection, found[0].subject)
            (current,) = await _kept(connection, data_requests.c.number == number)
            if not current.state.is_open:
                raise NotThatState(current.state)
            return await _stepped(connection, current, step)


async def _alone(connection: AsyncConnection, subject: bytes) -> None:
    """One change of a person's requests at a time, in whichever hub."""
    lock = int.from_bytes(subject[:8], signed=True)
    await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": lock})


async def _refuse_too_many(connection: AsyncConnection, mine: ColumnElement[bool]) -> None:
    opened = select(func.count()).where(mine, data_requests.c.state.in_(_OPEN))
    today = select(func.count()).where(mine, data_requests.c.received_at > func.now() - _DAY)
    if (await connection.execute(opened)).scalar_one() >= MOST_OPEN:
        raise TooManyRequests
    if (await connection.execute(today)).scalar_one() >= MOST_A_DAY:
        raise TooManyRequests


def _row(filing: Filing, state: DataRequestState) -> Mapping[str, Any]:
    return {
        "number": filing.number,
        "subject": filing.subject,
        "key": filing.key,
        "kind": filing.kind.name,
        "state": state.name,
        "agency": filing.agency,
        "field": filing.field,
        "purposes": [each.name for each in filing.purposes],
        "texts": filing.texts,
        "due_at": func.now() + CLOCK,
    }


async def _stepped(connection: AsyncConnection, request: KeptRequest, step: Step) -> KeptRequest:
    here = data_requests.c.number == request.number
    closed = None if step.state.is_open else func.now()
    await connection.execute(update(data_requests).where(here).values(state=step.state.name, closed_at=closed))
    await _add(connection, request.number, step)
    if step.state in {DataRequestState.WITHDRAWN, DataRequestState.REFUSED}:
        ended = update(restrictions).where(restrictions.c.id == request.number, restrictions.c.ended_at.is_(None))
        await connection.execute(ended.values(ended_at=func.now()))
    return (await _kept(connection, here))[0]


async def _add(connection: AsyncConnection, number: str, step: Step) -> None:
    row = {
        "number": number,
        "state": step.state.name,
        "by": step.by,
        "refusal": None if step.refusal is None else step.refusal.name,
        "text": step.text,
    }
    await connection.execute(insert(data_request_events).values(**row))


async def _kept(
    connection: AsyncConnection,
    wanted: ColumnElement[bool],
    *,
    limit: int = 1,
    order: Sequence[ColumnElement[Any]] = (data_requests.c.received_at.desc(), data_requests.c.number.desc()),
) -> Sequence[KeptRequest]:
    """Requests with their events, in two statements however many there are."""
    some = select(data_requests, func.now().label("read_at")).where(wanted).order_by(*order).limit(limit)
    rows = (await connection.execute(some)).mappings().all()
    numbers = [row["number"] for row in rows]
    of_them = select(data_request_events).where(data_request_events.c.number.in_(numbers))
    events: dict[str, list[KeptEvent]] = {number: [] for number in numbers}
    if numbers:
        for row in (await connection.execute(of_them.order_by(data_request_events.c.id))).mappings():
            events[row["number"]].append(_event(row))
    return [_request(row, tuple(events[row["number"]])) for row in rows]


def _request(row: RowMapping, events: tuple[KeptEvent, ...]) -> KeptRequest:
    return KeptRequest(
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


def _event(row: RowMapping) -> KeptEvent:
    return KeptEvent(
        at=row["at"],
        state=DataRequestState[row["state"]],
        by=row["by"],
        refusal=None if row["refusal"] is None else DataRequestRefusal[row["refusal"]],
        text=None if row["text"] is None else bytes(row["text"]),
    )
