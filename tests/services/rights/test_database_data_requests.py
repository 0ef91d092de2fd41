"""Data requests are assigned to the agency that holds the data; the database alone reveals neither person nor text."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from auth.crypto.sealed_people import SealedPeople
from auth.crypto.sealed_texts import SealedTexts
from engine.errors import BadInput
from records.hub.data_requests import (
    DataRequest,
    DataRequestAnswer,
    DataRequestKind,
    DataRequestQuery,
    DataRequestRefusal,
    DataRequestState,
    DataRequestWithdrawal,
    NewDataRequest,
    WaitingDataRequests,
)
from resolvers.hub.data_requests import DataRequestsUnavailable
from services.rights.database_data_requests import DatabaseDataRequests
from store.database import create_database_engine
from store.rights.data_request_table import MAX_OPEN, DataRequestTable
from tests.fakes.small_records import BUDI, CALL, SITI
from tests.sandbox_agencies import HOST, free_port

SECRET = b"a secret of thirty-two bytes...."
HOLDERS = {"Residence.address": "dukcapil", "TaxBill.amount": "pbb"}
WRONG = NewDataRequest(
    subject=SITI,
    key="first",
    kind=DataRequestKind.CORRECTION,
    field="TaxBill.amount",
    says="Sudah saya bayar ☂",
    wanted="Rp 0",
)


def build_requests(engine: AsyncEngine, patience: float = 30) -> DatabaseDataRequests:
    return DatabaseDataRequests(
        DataRequestTable(engine, timeout=patience), SealedPeople(SECRET), SealedTexts(SECRET), HOLDERS
    )


@pytest.fixture
async def requests(migrated: AsyncEngine) -> DatabaseDataRequests:
    return build_requests(migrated)


async def file_request(requests: DatabaseDataRequests, wanted: NewDataRequest) -> DataRequest:
    return (await requests.file_requests([wanted], CALL))[wanted]


async def answer_request(
    requests: DatabaseDataRequests,
    number: str,
    state: DataRequestState,
    **given: Any,  # noqa: ANN401 - any field
) -> DataRequest:
    answer = DataRequestAnswer(number=number, state=state, by="Ani", **given)
    return (await requests.answer_requests([answer], CALL))[answer]


async def test_a_correction_goes_to_the_agency_that_holds_the_field(requests: DatabaseDataRequests) -> None:
    kept = await file_request(requests, WRONG)
    assert (kept.subject, kept.agency, kept.field) == (SITI, "pbb", "TaxBill.amount")
    assert (kept.says, kept.wanted, kept.state) == ("Sudah saya bayar ☂", "Rp 0", DataRequestState.RECEIVED)
    assert [(each.by, each.state) for each in kept.events] == [("You", DataRequestState.RECEIVED)]


async def test_a_request_number_reveals_no_count(requests: DatabaseDataRequests) -> None:
    wanted = [NewDataRequest(subject=SITI, key=str(n), kind=DataRequestKind.ACCESS) for n in range(MAX_OPEN)]
    numbers = [each.number for each in (await requests.file_requests(wanted, CALL)).values()]
    assert len(set(numbers)) == MAX_OPEN
    assert all(re.fullmatch(r"HAK-20\d\d-[2-9A-HJKMNP-Z]{8}", each) for each in numbers)
    assert numbers != sorted(numbers)


async def test_the_database_alone_reveals_neither_person_nor_text(
    requests: DatabaseDataRequests, migrated: AsyncEngine
) -> None:
    kept = await file_request(requests, WRONG)
    await answer_request(requests, kept.number, DataRequestState.IN_PROGRESS, text="Kami periksa di loket")
    dumped = ""
    async with migrated.connect() as connection:
        for table in ("data_requests", "data_request_events"):
            rows = (await connection.execute(text(f"SELECT row_to_json(t)::text FROM {table} t"))).scalars()  # noqa: S608 - our own names
            dumped += " ".join(rows)
    assert kept.number in dumped
    for secret in (SITI, "bayar", "Rp 0", "loket", "first"):
        assert secret not in dumped
        assert secret.encode().hex() not in dumped


async def test_the_person_sees_an_answer_and_its_author(requests: DatabaseDataRequests) -> None:
    kept = await file_request(requests, WRONG)
    refusal = DataRequestRefusal.DATA_IS_RIGHT
    await answer_request(requests, kept.number, DataRequestState.REFUSED, refusal=refusal, text="Belum masuk")
    query = DataRequestQuery(subject=SITI, first=5)
    page = (await requests.request_pages([query], CALL))[query]
    (request,) = page.requests
    assert [(each.by, each.refusal, each.text) for each in request.events] == [
        ("You", None, None),
        ("Ani", DataRequestRefusal.DATA_IS_RIGHT, "Belum masuk"),
    ]
    with pytest.raises(BadInput, match="REFUSED already"):
        await answer_request(requests, kept.number, DataRequestState.DONE)


async def test_an_answer_that_was_moved_to_another_request_does_not_open(
    requests: DatabaseDataRequests, migrated: AsyncEngine
) -> None:
    one = await file_request(requests, WRONG)
    other = await file_request(requests, NewDataRequest(subject=BUDI, key="b", kind=DataRequestKind.ACCESS))
    async with migrated.begin() as connection:
        moved = (
            "UPDATE data_requests SET texts = (SELECT texts FROM data_requests WHERE number = :one)"
            " WHERE number = :other"
        )
        await connection.execute(text(moved), {"one": one.number, "other": other.number})
    with pytest.raises(ValueError, match="belongs to another place"):
        await requests.find(other.number)


async def test_a_reused_key_returns_the_same_request_and_refuses_another(requests: DatabaseDataRequests) -> None:
    first = await file_request(requests, WRONG)
    assert (await file_request(requests, WRONG)).number == first.number
    changed = NewDataRequest(subject=SITI, key="first", kind=DataRequestKind.ACCESS)
    with pytest.raises(BadInput, match="'key' belongs to another request"):
        await file_request(requests, changed)


@pytest.mark.parametrize(
    ("given", "named"),
    [({"field": "Market.name"}, "'field'"), ({"field": "Siti"}, "'field'"), ({"agency": "pangan"}, "'agency'")],
)
async def test_a_request_about_data_that_no_agency_holds_is_refused(
    requests: DatabaseDataRequests, given: dict[str, str], named: str
) -> None:
    wanted = NewDataRequest(subject=SITI, key="x", kind=DataRequestKind.ERASURE, **given)  # type: ignore[arg-type]  # texts
    with pytest.raises(BadInput, match=named):
        await file_request(requests, wanted)
    query = DataRequestQuery(subject=SITI, first=5)
    assert (await requests.request_pages([query], CALL))[query].requests == ()


async def test_too_many_requests_are_refused_with_the_fix(requests: DatabaseDataRequests) -> None:
    for n in range(MAX_OPEN):
        await file_request(requests, NewDataRequest(subject=SITI, key=str(n), kind=DataRequestKind.ACCESS))
    with pytest.raises(BadInput, match="Withdraw one"):
        await file_request(requests, WRONG)


@pytest.mark.parametrize("restriction", [True, False])
async def test_a_number_of_another_person_is_unknown(requests: DatabaseDataRequests, restriction: bool) -> None:  # noqa: FBT001 - a parameter of the table
    kept = await file_request(requests, WRONG)
    told = []
    for number in (kept.number, "HAK-2026-ZZZZZZZZ"):
        wanted = DataRequestWithdrawal(subject=BUDI, number=number, must_be_restriction=restriction)
        with pytest.raises(BadInput) as refusal:
            await requests.withdraw_requests([wanted], CALL)
        told.append(str(refusal.value))
    assert told[0] == told[1]
    assert json.dumps(SITI) not in told[0]


async def test_an_answered_request_cannot_be_withdrawn(requests: DatabaseDataRequests) -> None:
    kept = await file_request(requests, WRONG)
    await answer_request(requests, kept.number, DataRequestState.DONE)
    with pytest.raises(BadInput, match=r"answered already \(DONE\)"):
        await requests.withdraw_requests([DataRequestWithdrawal(subject=SITI, number=kept.number)], CALL)


@pytest.mark.parametrize(
    ("state", "given"),
    [
        (DataRequestState.RECEIVED, {}),
        (DataRequestState.WITHDRAWN, {}),
        (DataRequestState.REFUSED, {}),
        (DataRequestState.DONE, {"refusal": DataRequestRefusal.STATISTICS}),
        (DataRequestState.DONE, {"text": " "}),
        (DataRequestState.DONE, {"text": "x" * 2_001}),
    ],
)
async def test_an_invalid_answer_changes_nothing(
    requests: DatabaseDataRequests, state: DataRequestState, given: dict[str, Any]
) -> None:
    kept = await file_request(requests, WRONG)
    with pytest.raises(BadInput, match="cannot be given"):
        await answer_request(requests, kept.number, state, **given)
    found = await requests.find(kept.number)
    assert found is not None
    assert found.state is DataRequestState.RECEIVED


async def test_an_agency_sees_and_answers_only_its_own_requests(requests: DatabaseDataRequests) -> None:
    kept = await file_request(requests, WRONG)
    for agency, numbers in (("pbb", [kept.number]), ("dukcapil", [])):
        wanted = WaitingDataRequests(first=5, states=(DataRequestState.RECEIVED,), agency=agency)
        found = (await requests.load_open_requests([wanted], CALL))[wanted]
        assert [each.number for each in found.requests] == numbers
    with pytest.raises(BadInput, match="not a request that you answer"):
        await answer_request(requests, kept.number, DataRequestState.DONE, agency="dukcapil")
    assert (
        await answer_request(requests, kept.number, DataRequestState.DONE, agency="pbb")
    ).state is DataRequestState.DONE


async def test_an_unavailable_database_is_reported() -> None:
    engine = create_database_engine(f"postgresql://nobody@{HOST}:{free_port()}/none")
    try:
        away = build_requests(engine, 2)
        with pytest.raises(DataRequestsUnavailable):
            await away.file_requests([WRONG], CALL)
        with pytest.raises(DataRequestsUnavailable):
            await away.request_pages([DataRequestQuery(subject=SITI, first=1)], CALL)
        with pytest.raises(DataRequestsUnavailable):
            await away.withdraw_requests([DataRequestWithdrawal(subject=SITI, number="HAK-1")], CALL)
    finally:
        await engine.dispose()
