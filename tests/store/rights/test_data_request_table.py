"""Data requests: stored once, answered in steps, with restrictions in force immediately."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from records.hub.data_requests import (
    DataRequestKind,
    DataRequestPosition,
    DataRequestRefusal,
    DataRequestState,
    WaitingDataRequests,
)
from records.purposes import Purpose
from store.database import create_database_engine
from store.database_timeout import StateUnavailable
from store.rights import data_request_table as module
from store.rights.data_request_table import (
    DataRequestStep,
    DataRequestTable,
    InvalidStateChange,
    TooManyDataRequests,
)
from store.tables import data_requests, restrictions
from tests.sandbox_agencies import HOST, free_port
from tests.store.rights.sample_requests import BUDI, SITI, build_request, build_restriction

RECEIVED, PROGRESS, DONE = DataRequestState.RECEIVED, DataRequestState.IN_PROGRESS, DataRequestState.DONE
REFUSED, WITHDRAWN = DataRequestState.REFUSED, DataRequestState.WITHDRAWN
OPEN = (RECEIVED, PROGRESS)


@pytest.fixture
async def table(migrated: AsyncEngine) -> DataRequestTable:
    return DataRequestTable(migrated, timeout=30)


async def list_obeyed(engine: AsyncEngine) -> list[tuple[bytes, list[str]]]:
    wanted = select(restrictions.c.subject, restrictions.c.purposes).where(restrictions.c.ended_at.is_(None))
    async with engine.connect() as connection:
        return [(bytes(subject), purposes) for subject, purposes in (await connection.execute(wanted)).all()]


async def test_a_request_is_stored_with_a_deadline_of_three_days(table: DataRequestTable) -> None:
    kept = await table.file(build_request())
    assert (kept.number, kept.subject, kept.kind) == ("HAK-1", SITI, DataRequestKind.CORRECTION)
    assert (kept.state, kept.agency, kept.field, kept.texts) == (RECEIVED, "dukcapil", "Residence.address", b"sealed")
    assert kept.due_at - kept.received_at == timedelta(hours=72)
    assert kept.closed_at is None
    (event,) = kept.events
    assert (event.at, event.state, event.by, event.refusal, event.text) == (
        kept.received_at,
        RECEIVED,
        None,
        None,
        None,
    )
    found, more = await table.load_page(SITI, 10, None)
    assert ([replace(each, read_at=kept.read_at) for each in found], more) == ([kept], False)
    assert await table.load_page(BUDI, 10, None) == ([], False)


async def test_the_same_key_of_another_person_is_another_request(table: DataRequestTable) -> None:
    first = await table.file(build_request())
    again = await table.file(build_request("HAK-2", key=build_request().key))
    assert again.number == "HAK-1"
    other = await table.file(build_request("HAK-3", key=build_request().key, subject=BUDI))
    assert other.number == "HAK-3"
    assert first.number == "HAK-1"


async def test_one_of_many_concurrent_requests_with_the_same_key_is_stored(table: DataRequestTable) -> None:
    kept = await asyncio.gather(*(table.file(build_request(f"HAK-{n}", key=b"k" * 32)) for n in range(12)))
    assert len({each.number for each in kept}) == 1
    assert len((await table.load_page(SITI, 50, None))[0]) == 1


async def test_a_person_has_at_most_ten_open_requests_with_concurrent_calls_too(table: DataRequestTable) -> None:
    sent = (table.file(build_request(f"HAK-{n}")) for n in range(module.MAX_OPEN + 5))
    results = await asyncio.gather(*sent, return_exceptions=True)
    assert sum(isinstance(each, TooManyDataRequests) for each in results) == 5
    assert len((await table.load_page(SITI, 50, None))[0]) == module.MAX_OPEN
    await table.file(build_request("HAK-B", subject=BUDI))
    await table.withdraw(SITI, (await table.load_page(SITI, 1, None))[0][0].number, must_be_restriction=False)
    assert (await table.file(build_request("HAK-X"))).number == "HAK-X"


async def test_a_person_makes_at_most_twenty_requests_a_day_including_withdrawn_ones(
    table: DataRequestTable, migrated: AsyncEngine
) -> None:
    for n in range(module.MAX_REQUESTS_PER_DAY):
        await table.file(build_request(f"HAK-{n}"))
        await table.withdraw(SITI, f"HAK-{n}", must_be_restriction=False)
    with pytest.raises(TooManyDataRequests):
        await table.file(build_request("HAK-X"))
    assert (await table.file(build_request("HAK-Y", key=build_request("HAK-0").key))).number == "HAK-0"
    async with migrated.begin() as connection:
        await connection.execute(text("UPDATE data_requests SET received_at = received_at - interval '25 hours'"))
    assert (await table.file(build_request("HAK-X"))).number == "HAK-X"


async def test_pages_are_newest_first_and_complete(table: DataRequestTable) -> None:
    for n in range(5):
        await table.file(build_request(f"HAK-{n}"))
    seen: list[str] = []
    after, more = None, True
    while more:
        found, more = await table.load_page(SITI, 2, after)
        seen += [each.number for each in found]
        after = DataRequestPosition(at=found[-1].received_at, number=found[-1].number)
    assert seen == ["HAK-4", "HAK-3", "HAK-2", "HAK-1", "HAK-0"]


async def test_a_restriction_is_in_force_until_it_ends(table: DataRequestTable, migrated: AsyncEngine) -> None:
    kept = await table.file(build_restriction("HAK-9", Purpose.TAX_ASSESSMENT))
    assert kept.state is PROGRESS
    assert await list_obeyed(migrated) == [(SITI, ["TAX_ASSESSMENT"])]
    await table.answer("HAK-9", DataRequestStep(state=DONE, by="Ani"))
    assert await list_obeyed(migrated) == [(SITI, ["TAX_ASSESSMENT"])]
    ended = await table.withdraw(SITI, "HAK-9", must_be_restriction=True)
    assert ended is not None
    assert [each.state for each in ended.events] == [PROGRESS, DONE, WITHDRAWN]
    assert await list_obeyed(migrated) == []
    again = await table.withdraw(SITI, "HAK-9", must_be_restriction=True)
    assert again is not None
    assert again.events == ended.events


async def test_a_refused_restriction_is_no_longer_in_force(table: DataRequestTable, migrated: AsyncEngine) -> None:
    await table.file(build_restriction())
    await table.answer("HAK-9", DataRequestStep(state=REFUSED, by="Ani", refusal=DataRequestRefusal.LAW_ENFORCEMENT))
    assert await list_obeyed(migrated) == []
    with pytest.raises(InvalidStateChange):
        await table.withdraw(SITI, "HAK-9", must_be_restriction=True)


async def test_another_persons_request_or_another_kind_cannot_be_ended_as_a_restriction(
    table: DataRequestTable, migrated: AsyncEngine
) -> None:
    await table.file(build_restriction())
    await table.file(build_request())
    assert await table.withdraw(BUDI, "HAK-9", must_be_restriction=True) is None
    assert await table.withdraw(BUDI, "HAK-1", must_be_restriction=False) is None
    assert await table.withdraw(SITI, "HAK-1", must_be_restriction=True) is None
    assert await table.withdraw(SITI, "HAK-7", must_be_restriction=False) is None
    assert await list_obeyed(migrated) == [(SITI, [])]


async def test_a_request_proceeds_in_steps_and_ends_once(table: DataRequestTable) -> None:
    await table.file(build_request())
    begun = await table.answer("HAK-1", DataRequestStep(state=PROGRESS, by="Ani", text=b"sealed note"))
    assert begun is not None
    assert (begun.state, begun.closed_at) == (PROGRESS, None)
    refusal = DataRequestStep(state=REFUSED, by="Budi", refusal=DataRequestRefusal.DATA_IS_RIGHT, text=b"sealed answer")
    ended = await table.answer("HAK-1", refusal)
    assert ended is not None
    assert ended.state is REFUSED
    assert ended.closed_at is not None
    assert [(each.state, each.by, each.refusal, each.text) for each in ended.events] == [
        (RECEIVED, None, None, None),
        (PROGRESS, "Ani", None, b"sealed note"),
        (REFUSED, "Budi", DataRequestRefusal.DATA_IS_RIGHT, b"sealed answer"),
    ]
    with pytest.raises(InvalidStateChange, match="REFUSED"):
        await table.answer("HAK-1", DataRequestStep(state=DONE, by="Ani"))
    with pytest.raises(InvalidStateChange, match="REFUSED"):
        await table.withdraw(SITI, "HAK-1", must_be_restriction=False)
    assert await table.answer("HAK-7", DataRequestStep(state=DONE, by="Ani")) is None


async def test_a_concurrent_answer_and_withdrawal_end_the_request_once(table: DataRequestTable) -> None:
    for n in range(8):
        await table.file(build_request(f"HAK-{n}"))
        both = await asyncio.gather(
            table.answer(f"HAK-{n}", DataRequestStep(state=DONE, by="Ani")),
            table.withdraw(SITI, f"HAK-{n}", must_be_restriction=False),
            return_exceptions=True,
        )
        assert sum(isinstance(each, InvalidStateChange) for each in both) == 1
        kept = await table.find(f"HAK-{n}")
        assert kept is not None
        assert len(kept.events) == 2


async def list_due(table: DataRequestTable, states: Sequence[DataRequestState], **given: Any) -> list[str]:  # noqa: ANN401 - any field
    found, more = await table.list_waiting(WaitingDataRequests(first=10, states=tuple(states), **given))
    assert more is False
    return [each.number for each in found]


async def test_waiting_requests_are_read_in_pages(table: DataRequestTable) -> None:
    for n in range(5):
        await table.file(build_request(f"HAK-{n}"))
    seen: list[str] = []
    after, more = None, True
    while more:
        found, more = await table.list_waiting(WaitingDataRequests(first=2, states=OPEN, after=after))
        seen += [each.number for each in found]
        after = DataRequestPosition(at=found[-1].due_at, number=found[-1].number)
    assert seen == [f"HAK-{n}" for n in range(5)]


async def test_an_agency_answers_only_its_own_requests(table: DataRequestTable) -> None:
    await table.file(build_request())
    assert await table.answer("HAK-1", DataRequestStep(state=DONE, by="Ani"), agency="pbb") is None
    kept = await table.find("HAK-1")
    assert kept is not None
    assert kept.state is RECEIVED
    assert await table.answer("HAK-1", DataRequestStep(state=DONE, by="Ani"), agency="dukcapil") is not None


async def test_waiting_requests_are_listed_by_due_time_agency_and_overdue(
    table: DataRequestTable, migrated: AsyncEngine
) -> None:
    for n, agency in enumerate(["dukcapil", "pbb", "dukcapil"]):
        await table.file(build_request(f"HAK-{n}", agency=agency))
    async with migrated.begin() as connection:
        late = data_requests.update().where(data_requests.c.number == "HAK-2")
        await connection.execute(late.values(due_at=text("now() - interval '1 hour'")))
    assert await list_due(table, OPEN) == ["HAK-2", "HAK-0", "HAK-1"]
    assert await list_due(table, OPEN, agency="dukcapil") == ["HAK-2", "HAK-0"]
    assert await list_due(table, OPEN, overdue=True) == ["HAK-2"]
    assert await list_due(table, [DONE]) == []
    await table.answer("HAK-2", DataRequestStep(state=DONE, by="Ani"))
    assert await list_due(table, [DONE], overdue=True) == ["HAK-2"]


@pytest.fixture
async def nowhere() -> AsyncIterator[DataRequestTable]:
    engine = create_database_engine(f"postgresql://nobody@{HOST}:{free_port()}/none")
    yield DataRequestTable(engine)
    await engine.dispose()


async def test_a_database_that_does_not_answer_stores_nothing(nowhere: DataRequestTable) -> None:
    with pytest.raises(StateUnavailable):
        await nowhere.file(build_request())
    with pytest.raises(StateUnavailable):
        await nowhere.load_page(SITI, 1, None)
    with pytest.raises(StateUnavailable):
        await nowhere.withdraw(SITI, "HAK-1", must_be_restriction=False)
