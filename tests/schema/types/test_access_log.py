"""`me.accessLog`: pages of the access log, for the person only."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from records.hub.access_history import AccessLogFilters, AccessLogQuery, AccessReader
from records.hub.ledger_entries import AccessPosition
from schema.declarations.relay import encode_cursor
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import NOW, SITI
from tests.schema.requests import get_codes, run, run_for_data

CURSOR = encode_cursor(NOW, "c1:3")


async def test_a_person_reads_their_access_log() -> None:
    assert await run_for_data(
        "{ me { accessLog { nodes { at text reader readerKind agency partner purpose legalBasis sources fields "
        "operation requestId } edges { cursor node { text } } "
        "pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }",
        caller="the person",
    ) == {
        "me": {
            "accessLog": {
                "nodes": [
                    {
                        "at": "2026-11-23T09:00:00+00:00",
                        "text": "An official of the population register (Dukcapil) read your identity.",
                        "reader": "An official of the population register (Dukcapil)",
                        "readerKind": "OFFICIAL",
                        "agency": "dukcapil",
                        "partner": None,
                        "purpose": "verifikasi",
                        "legalBasis": "a task of the city",
                        "sources": ["dukcapil"],
                        "fields": ["Citizen.name"],
                        "operation": "Check",
                        "requestId": "r-0",
                    }
                ],
                "edges": [
                    {
                        "cursor": CURSOR,
                        "node": {"text": "An official of the population register (Dukcapil) read your identity."},
                    }
                ],
                "pageInfo": {
                    "hasNextPage": True,
                    "hasPreviousPage": False,
                    "startCursor": CURSOR,
                    "endCursor": CURSOR,
                },
            }
        }
    }


async def test_a_page_continues_after_its_cursor() -> None:
    city = SmallCity()
    query = "query ($after: String) { me { accessLog(first: 7, after: $after) { pageInfo { hasPreviousPage } } } }"
    found = await run_for_data(query, {"after": CURSOR}, caller="the person", city=city)
    assert found == {"me": {"accessLog": {"pageInfo": {"hasPreviousPage": True}}}}
    after = AccessPosition(at=NOW, chain="c1", sequence=3)
    assert city.calls == [("hub", "access_pages", (AccessLogQuery(subject=SITI, first=7, after=after),))]


async def test_the_log_can_be_filtered() -> None:
    city = SmallCity()
    query = """{ me { accessLog(filter: {readers: [PARTNER, HOUSEHOLD_MEMBER], purpose: "PAYMENT",
        readFrom: "2026-11-01T00:00:00+07:00", readUntil: "2026-11-30T00:00:00Z"}) { nodes { at } } } }"""
    await run_for_data(query, caller="the person", city=city)
    filters = AccessLogFilters(
        readers=(AccessReader.HOUSEHOLD_MEMBER, AccessReader.PARTNER),
        start=datetime(2026, 10, 31, 17, tzinfo=UTC),
        end=datetime(2026, 11, 30, tzinfo=UTC),
        purpose="PAYMENT",
    )
    assert city.calls == [("hub", "access_pages", (AccessLogQuery(subject=SITI, first=20, filters=filters),))]


@pytest.mark.parametrize(
    "arguments",
    [
        "first: 0",
        "first: 101",
        'filter: {purpose: ""}',
        'filter: {purpose: "two\\nlines"}',
        f"filter: {{readers: [{'PARTNER ' * 16}]}}",
        'after: "x"',
        f'after: "{encode_cursor(NOW, "c1")}"',
        f'after: "{encode_cursor(NOW, "c1:x")}"',
        f'after: "{encode_cursor(NOW, "c1:" + "9" * 30)}"',
    ],
)
async def test_an_invalid_page_is_refused_without_any_query(arguments: str) -> None:
    city = SmallCity()
    response = await run(f"{{ me {{ accessLog({arguments}) {{ nodes {{ at }} }} }} }}", caller="the person", city=city)
    assert (get_codes(response), city.calls) == ([("me.accessLog", "BAD_USER_INPUT")], [])


async def test_officials_cannot_read_a_citizens_access_log() -> None:
    city = SmallCity()
    response = await run(
        "query ($nik: NIK!) { citizen(nik: $nik) { accessLog { nodes { at } } } }", {"nik": SITI}, city=city
    )
    assert get_codes(response) == [("citizen.accessLog", "FORBIDDEN")]
    assert "access_pages" not in [question for _, question, _ in city.calls]
