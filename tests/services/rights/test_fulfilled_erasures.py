"""Whose erasure an agency fulfilled, as the hub's database says it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from auth.crypto.sealed_people import SealedPeople
from auth.crypto.sealed_texts import SealedTexts
from connectors.declared.snapshot.protection import ErasuresUnknown
from records.hub.data_requests import DataRequestAnswer, DataRequestKind, DataRequestState, NewDataRequest
from records.identifiers import Nik
from services.rights.database_data_requests import DatabaseDataRequests
from services.rights.fulfilled_erasures import FulfilledErasures
from store.database import create_database_engine
from store.rights.data_request_table import DataRequestTable
from tests.fakes.city import build_names
from tests.fakes.small_records import BUDI, CALL, SITI
from tests.sandbox_agencies import HOST, free_port

SECRET, NEWER_SECRET = b"o" * 32, b"n" * 32
AN_HOUR_AGO = datetime.now(UTC) - timedelta(hours=1)


def build_erasures(engine: AsyncEngine, secret: bytes, *earlier: bytes) -> FulfilledErasures:
    return FulfilledErasures(DataRequestTable(engine, timeout=30), SealedPeople(secret, earlier))


async def request(
    engine: AsyncEngine, subject: Nik, kind: DataRequestKind, agency: str | None, answer: DataRequestState | None
) -> None:
    requests = DatabaseDataRequests(
        DataRequestTable(engine, timeout=30),
        SealedPeople(SECRET),
        SealedTexts(SECRET),
        {"Msme.name": "jakpreneur", "TaxBill.amount": "pbb"},
        build_names().get,
    )
    wanted = NewDataRequest(subject=subject, key=f"{kind} {agency} {answer}", kind=kind, agency=agency)
    [filed] = (await requests.file_requests([wanted], CALL)).values()
    if answer is not None:
        await requests.answer_requests([DataRequestAnswer(number=filed.number, state=answer, by="Ani")], CALL)


@pytest.mark.parametrize(
    ("kind", "agency", "answer", "is_erased"),
    [
        (DataRequestKind.ERASURE, "jakpreneur", DataRequestState.DONE, True),
        (DataRequestKind.ERASURE, None, DataRequestState.DONE, True),
        (DataRequestKind.ERASURE, "pbb", DataRequestState.DONE, False),
        (DataRequestKind.ERASURE, "jakpreneur", None, False),
        (DataRequestKind.ERASURE, "jakpreneur", DataRequestState.IN_PROGRESS, False),
        (DataRequestKind.ACCESS, "jakpreneur", DataRequestState.DONE, False),
    ],
)
async def test_an_erasure_counts_once_its_agency_or_all_have_fulfilled_it(
    migrated: AsyncEngine,
    kind: DataRequestKind,
    agency: str | None,
    answer: DataRequestState | None,
    is_erased: bool,  # noqa: FBT001 - a column of the table
) -> None:
    await request(migrated, SITI, kind, agency, answer)
    erasures = build_erasures(migrated, SECRET)
    assert await erasures.list_people("jakpreneur", AN_HOUR_AGO) == ([SITI] if is_erased else [])
    assert await erasures.list_people("jakpreneur", datetime.now(UTC) + timedelta(hours=1)) == []


async def test_erasures_of_an_earlier_secret_count_and_unknown_ones_are_an_error(migrated: AsyncEngine) -> None:
    await request(migrated, BUDI, DataRequestKind.ERASURE, "jakpreneur", DataRequestState.DONE)
    rotated = build_erasures(migrated, NEWER_SECRET, SECRET)
    assert await rotated.list_people("jakpreneur", AN_HOUR_AGO) == [BUDI]
    with pytest.raises(ErasuresUnknown, match="a secret that is not in SIMPUL_FORMER_SECRETS"):
        await build_erasures(migrated, NEWER_SECRET).list_people("jakpreneur", AN_HOUR_AGO)


async def test_without_the_database_it_is_unknown_whose_data_was_erased() -> None:
    engine = create_database_engine(f"postgresql://nobody@{HOST}:{free_port()}/none")
    with pytest.raises(ErasuresUnknown, match="does not say whose data was erased"):
        await build_erasures(engine, SECRET).list_people("jakpreneur", AN_HOUR_AGO)
    await engine.dispose()
