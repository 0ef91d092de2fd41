"""People's requests about their own data, through the graph."""

from __future__ import annotations

import pytest

from records.hub.data_preferences import DataPreferences
from records.hub.data_requests import (
    MAX_TEXT_LENGTH,
    DataRequestAnswer,
    DataRequestKind,
    DataRequestPosition,
    DataRequestRefusal,
    DataRequestState,
    DataRequestWithdrawal,
    NewDataRequest,
    WaitingDataRequests,
)
from records.purposes import Purpose
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import BUDI, SITI, data_request, restriction
from tests.schema.requests import get_codes, run, run_for_data

RESTRICTED = {SITI: DataPreferences(restrictions=(restriction(Purpose.TAX_ASSESSMENT),))}


async def run_mutation(field: str, *, city: SmallCity) -> object:
    found = await run_for_data(f"mutation {{ {field} {{ number }} }}", caller="the person", city=city)
    return next(iter(found.values()))["number"]


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (
            'requestCorrection(field: "Residence.address", says: "salah", wanted: "RT 2", key: "a")',
            NewDataRequest(
                subject=SITI,
                key="a",
                kind=DataRequestKind.CORRECTION,
                field="Residence.address",
                says="salah",
                wanted="RT 2",
            ),
        ),
        (
            'requestErasure(says: "hapus", key: "b", agency: "jakpreneur")',
            NewDataRequest(subject=SITI, key="b", kind=DataRequestKind.ERASURE, says="hapus", agency="jakpreneur"),
        ),
        ('requestAccessCopy(key: "c")', NewDataRequest(subject=SITI, key="c", kind=DataRequestKind.ACCESS)),
        (
            'objectToDecision(says: "mesin", key: "d")',
            NewDataRequest(subject=SITI, key="d", kind=DataRequestKind.OBJECTION, says="mesin"),
        ),
        (
            'restrictProcessing(purposes: [PAYMENT, TAX_ASSESSMENT, PAYMENT], key: "e")',
            NewDataRequest(
                subject=SITI,
                key="e",
                kind=DataRequestKind.RESTRICTION,
                purposes=(Purpose.TAX_ASSESSMENT, Purpose.PAYMENT),
            ),
        ),
        (
            'restrictProcessing(key: "f")',
            NewDataRequest(subject=SITI, key="f", kind=DataRequestKind.RESTRICTION, purposes=()),
        ),
    ],
    ids=["correction", "erasure", "access", "objection", "restriction", "restriction of everything"],
)
async def test_a_persons_request_is_filed_for_them(field: str, expected: NewDataRequest) -> None:
    city = SmallCity()
    assert await run_mutation(field, city=city) == "HAK-2026-7K3QX9RD"
    assert city.filed_requests == [expected]
    assert city.calls == []


@pytest.mark.parametrize(("field", "restriction_only"), [("endRestriction", True), ("withdrawDataRequest", False)])
async def test_a_person_withdraws_their_own_request(field: str, restriction_only: bool) -> None:  # noqa: FBT001 - a parameter of the table
    city = SmallCity()
    query = f'mutation {{ {field}(number: "HAK-2026-22222222") {{ state }} }}'
    assert await run_for_data(query, caller="another citizen", city=city) == {field: {"state": "WITHDRAWN"}}
    expected = DataRequestWithdrawal(subject=BUDI, number="HAK-2026-22222222", must_be_restriction=restriction_only)
    assert city.withdrawn_requests == [expected]


@pytest.mark.parametrize(
    ("field", "argument"),
    [
        ('requestAccessCopy(key: "")', "key"),
        (f'requestAccessCopy(key: "{"k" * 65}")', "key"),
        ('requestErasure(says: "   ", key: "a")', "says"),
        (f'requestErasure(says: "{"x" * (MAX_TEXT_LENGTH + 1)}", key: "a")', "says"),
        ('requestErasure(says: "x", agency: "", key: "a")', "agency"),
        (f'requestCorrection(field: "F.f", says: "x", wanted: "{"x" * (MAX_TEXT_LENGTH + 1)}", key: "a")', "wanted"),
        (f'requestCorrection(field: "{"x" * 201}", says: "x", wanted: "y", key: "a")', "field"),
        ('withdrawDataRequest(number: "HAK-2026-222222222222222")', "number"),
        (f'restrictProcessing(purposes: [{", ".join(["PAYMENT"] * (len(Purpose) + 1))}], key: "a")', "purposes"),
    ],
)
async def test_an_argument_out_of_bounds_is_named_and_nothing_is_filed(field: str, argument: str) -> None:
    city = SmallCity()
    response = await run(f"mutation {{ {field} {{ number }} }}", caller="the person", city=city)
    assert [code for _, code in get_codes(response)] == ["BAD_USER_INPUT"]
    assert f"'{argument}'" in response.errors[0]["message"]
    assert (city.filed_requests, city.withdrawn_requests) == ([], [])


async def test_a_lone_surrogate_is_refused() -> None:
    city, query = SmallCity(), 'mutation ($says: String!) { requestErasure(says: $says, key: "a") { number } }'
    response = await run(query, {"says": "a\ud800"}, caller="the person", city=city)
    assert [code for _, code in get_codes(response)] == ["BAD_USER_INPUT"]
    assert city.filed_requests == []


async def test_a_person_reads_their_requests_with_their_deadlines() -> None:
    query = """{ me { dataRequests { nodes { number kind state agency field says wanted isOverdue hoursLeft
        events { state by } } pageInfo { hasNextPage } } } }"""
    found = await run_for_data(query, caller="the person")
    assert found["me"]["dataRequests"] == {
        "nodes": [
            {
                "number": "HAK-2026-7K3QX9RD",
                "kind": "CORRECTION",
                "state": "RECEIVED",
                "agency": "dukcapil",
                "field": "Residence.address",
                "says": "RT salah",
                "wanted": "RT 2",
                "isOverdue": False,
                "hoursLeft": 71.0,
                "events": [{"state": "RECEIVED", "by": "You"}],
            }
        ],
        "pageInfo": {"hasNextPage": False},
    }


async def test_a_person_reads_their_restrictions() -> None:
    found = await run_for_data(
        "{ me { restrictions { number purposes } } }", caller="the person", city=SmallCity(preferences=RESTRICTED)
    )
    assert found == {"me": {"restrictions": [{"number": "HAK-2026-22222222", "purposes": ["TAX_ASSESSMENT"]}]}}
    assert await run_for_data("{ me { restrictions { number } } }", caller="the person") == {"me": {"restrictions": []}}


async def test_unreadable_restrictions_fail_only_their_field() -> None:
    city = SmallCity(failing_agencies={"preferences"})
    response = await run("{ me { nik restrictions { number } } }", caller="the person", city=city)
    assert response.data == {"me": {"nik": SITI, "restrictions": None}}
    assert get_codes(response) == [("me.restrictions", "PREFERENCES_UNAVAILABLE")]


def test_a_request_is_open_until_it_is_closed() -> None:
    assert [each.name for each in DataRequestState if each.is_open] == ["RECEIVED", "IN_PROGRESS"]


async def test_an_official_sees_only_open_requests_of_their_own_agency() -> None:
    city = SmallCity()
    query = "{ dataRequests(first: 5, filter: {overdue: true}) { nodes { number subject } pageInfo { hasNextPage } } }"
    assert await run_for_data(query, city=city) == {
        "dataRequests": {
            "nodes": [{"number": "HAK-2026-7K3QX9RD", "subject": SITI}],
            "pageInfo": {"hasNextPage": True},
        }
    }
    open_states = (DataRequestState.RECEIVED, DataRequestState.IN_PROGRESS)
    assert city.waiting_queries == [WaitingDataRequests(first=5, states=open_states, agency="dukcapil", overdue=True)]


async def test_the_next_page_begins_at_the_cursor() -> None:
    city = SmallCity()
    first = await run_for_data("{ dataRequests(first: 1) { pageInfo { endCursor } } }", city=city)
    cursor = first["dataRequests"]["pageInfo"]["endCursor"]
    await run_for_data(
        "query ($after: String) { dataRequests(after: $after) { nodes { number } } }", {"after": cursor}, city=city
    )
    position = DataRequestPosition(at=data_request().due_at, number="HAK-2026-7K3QX9RD")
    assert city.waiting_queries[-1].after == position


async def test_an_official_answers_with_the_name_of_their_agency() -> None:
    city = SmallCity()
    query = 'mutation { answerDataRequest(number: "HAK-1", state: REFUSED, refusal: STATISTICS, text: "x") { state } }'
    assert await run_for_data(query, city=city) == {"answerDataRequest": {"state": "REFUSED"}}
    assert city.answered_requests == [
        DataRequestAnswer(
            number="HAK-1",
            state=DataRequestState.REFUSED,
            by=None,
            agency="dukcapil",
            refusal=DataRequestRefusal.STATISTICS,
            text="x",
        )
    ]


async def test_only_the_person_reads_their_own_list() -> None:
    response = await run(f'{{ citizen(nik: "{SITI}") {{ dataRequests {{ nodes {{ number }} }} }} }}')
    assert response.data == {"citizen": {"dataRequests": None}}
    assert get_codes(response) == [("citizen.dataRequests", "FORBIDDEN")]


async def test_an_official_who_names_another_agency_is_refused_before_any_search() -> None:
    city = SmallCity()
    response = await run('{ dataRequests(filter: {agency: "pbb"}) { nodes { number } } }', city=city)
    assert [code for _, code in get_codes(response)] == ["BAD_USER_INPUT"]
    assert city.waiting_queries == []


@pytest.mark.parametrize("agency", [None, "pbb"])
async def test_the_protection_officer_sees_all_requests_and_answers_for_the_city(
    agency: str | None,
) -> None:
    city = SmallCity()
    query = "query ($agency: String) { dataRequests(filter: {agency: $agency}) { nodes { subject } } }"
    found = await run_for_data(query, {"agency": agency}, caller="the protection officer", city=city)
    assert found == {"dataRequests": {"nodes": [{"subject": SITI}]}}
    assert [each.agency for each in city.waiting_queries] == [agency]
    await run_for_data(
        'mutation { answerDataRequest(number: "HAK-1", state: DONE) { state } }',
        caller="the protection officer",
        city=city,
    )
    assert [(each.by, each.agency) for each in city.answered_requests] == [
        ("The data-protection officer of the city", None)
    ]


@pytest.mark.parametrize("field", ['requestAccessCopy(key: "c")', 'endRestriction(number: "KH-1")'])
async def test_an_anonymous_caller_is_refused_beside_public_fields(field: str) -> None:
    city = SmallCity()
    response = await run(f"mutation {{ __typename {field} {{ number }} }}", caller="anonymous", city=city)
    assert [code for _, code in get_codes(response)] == ["FORBIDDEN"]
    assert response.errors[0]["extensions"]["reason"] == "SIGN_IN"
    assert (city.filed_requests, city.withdrawn_requests) == ([], [])
