"""Values from callers are never executed, neither by SQL, SOAP, REST or a log nor by the hub itself.

Every place of the graph that takes a value gets every value below, as a variable and as a literal. Behind the hub are
the real PostgreSQL, MariaDB (or SQLite), SOAP and REST services of the sandbox city.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from auth.caller import Caller, CallerKind
from auth.crypto.node_ids import NodeIds
from tests.attacks.transport.hostile_values import OTHERS, TEXTS
from tests.attacks.transport.input_places import InputPlace, list_input_places
from tests.journeys.hub import HubClient, HubResponse, RunningCity

REFUSALS = {
    "BAD_USER_INPUT",
    "GRAPHQL_VALIDATION_FAILED",
    "FORBIDDEN",
    "OPERATION_TOO_LARGE",
    "CONSENT_UNKNOWN",
    "DATA_REQUEST_UNKNOWN",
}
"""Allowed outcomes of a value: it breaks a rule, or the caller may not see the result. An agency's error about the
request and a fault of the hub are not allowed."""
IDS = NodeIds(b"j" * 32)
HARMLESS: Mapping[str, object] = {
    "NIK": "3171014506909001",
    "RegionCode": "31.71",
    "DateTime": "2026-11-01T00:00:00+07:00",
    "Int": 2,
    "Float": 6.8,
    "Boolean": True,
    "ComplaintStatus": "WAITING",
    "RegionLevel": "VILLAGE",
    "CodeSystem": "BPS",
}
NO_TEXTS = {"Int", "Float", "Boolean", "ComplaintStatus", "RegionLevel", "CodeSystem"}
"""Types that refuse every text, so a few values are enough."""
TOO_LONG_FOR_A_NAME = 4
"""The minimum length at which no value below occurs in a name of the city."""
OFFICER = Caller(kind=CallerKind.PROTECTION_OFFICER, case="PDP/1")
CALLERS: Mapping[str, str | Caller] = {
    "citizen": "rina",
    "citizens": "rina",
    "accessEntries": OFFICER,
    "accessEntriesOf": OFFICER,
}
"""The caller for fields that a resident may not read."""
LONGEST_MESSAGE = 504
LONGEST = 1_500
"""Maximum characters of a value that is also sent as a literal."""
VARIABLES, LITERALS = 72, 256
"""A place gets every 72nd value as a variable and every 256th as a literal. The next place gets others, so that
each value reaches every kind of place. `make test-long` sends all values to all places in both ways."""
FIELDS_WITHOUT_AGENCY = {"accessLog", "accessEntries", "accessEntriesOf", "consents", "dataRequests"}
"""Like mutations and consent requests they call no agency. Their arguments of the same name share the values."""


def find_values(answer: HubResponse) -> list[Any]:
    """The values found at `it`, at any depth, with lists and connections flattened."""
    left, items = [answer.data], []
    while left:
        value = left.pop()
        if isinstance(value, list):
            left += value
        elif isinstance(value, dict):
            if "it" in value:
                it = value["it"]
                it = it["nodes"] if isinstance(it, dict) and "nodes" in it else it
                items += [each for each in (it if isinstance(it, list) else [it]) if each is not None]
            else:
                left += value.values()
    return items


def assert_nothing_came_of_it(answer: HubResponse, value: object) -> None:
    assert answer.status in {200, 400}
    assert {code for _, code in answer.errors} <= REFUSALS, (value, answer.body)
    for each in answer.body.get("errors", ()):
        assert len(each["message"]) <= LONGEST_MESSAGE
        assert re.search(r"\d{10}", each["message"]) is None, (value, each)


def literal(value: object) -> str:
    """The value as a GraphQL literal."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"a{number}: {literal(each)}" for number, each in enumerate(value.values())) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    return json.dumps(value)


async def ask_with_literal(hub: HubClient, place: InputPlace, value: object, caller: str | Caller) -> HubResponse:
    return await hub.ask(place.query(place.write_literal(literal(value))), caller=caller)


def test_every_place_of_the_graph_is_attacked() -> None:
    assert {str(place) for place in list_input_places()} >= {
        "Query.citizen.nik",
        "Query.citizens.niks",
        "Query.complaints.after",
        "Query.complaints.filter.categories",
        "Query.complaints.filter.reportedFrom",
        "Query.node.id",
        "Market.prices.search",
        "TaxObject.bills.year",
        "Citizen.accessLog.after",
        "Query.wifiPoints.search",
        "Query.healthFacilities.near.metres",
        "Query.airStations.after",
        "Region.wifiPoints.first",
    }


@pytest.mark.parametrize("place", list_input_places(), ids=str)
async def test_a_value_is_never_executed(wired: HubClient, city: RunningCity, place: InputPlace) -> None:
    await attack(wired, city, place, find_similar_places(place), variables=VARIABLES, literals=LITERALS)


@pytest.mark.long
@pytest.mark.parametrize("place", list_input_places(), ids=str)
async def test_no_value_at_any_place_is_executed(wired: HubClient, city: RunningCity, place: InputPlace) -> None:
    await attack(wired, city, place, [place], variables=1, literals=1)


def find_similar_places(place: InputPlace) -> Sequence[InputPlace]:
    """Places that share the values with this one, in order: itself, and those of the hub with the same argument."""

    def calls_no_agency(each: InputPlace) -> bool:
        return each.type_name in {"Mutation", "ConsentRequest"} or each.field in FIELDS_WITHOUT_AGENCY

    def get_kind(each: InputPlace) -> object:
        return each.argument, each.inside, each.named

    if not calls_no_agency(place):
        return [place]
    return [each for each in list_input_places() if calls_no_agency(each) and get_kind(each) == get_kind(place)]


async def attack(
    wired: HubClient,
    city: RunningCity,
    place: InputPlace,
    similar: Sequence[InputPlace],
    *,
    variables: int,
    literals: int,
) -> None:
    caller = CALLERS.get(place.field, "agus" if place.type_name == "Mutation" else "siti")
    baseline = await calls_of_a_harmless_value(wired, city, place, caller)
    query, questions = place.query(), 0
    texts = TEXTS if place.named not in NO_TEXTS else TEXTS[::6]

    def is_sent(number: int, step: int) -> bool:
        return (number + step * similar.index(place)) % (step * len(similar)) == 0

    for number, value in enumerate((*texts, *OTHERS), list_input_places().index(similar[0])):
        answers = []
        if is_sent(number, variables):
            answers.append(await wired.ask(query, {"it": place.value(value)}, caller=caller))
        if is_sent(number, literals) and (not isinstance(value, str) or len(value) <= LONGEST):
            answers.append(await ask_with_literal(wired, place, value, caller))
        for answer in answers:
            questions += 1
            assert_nothing_came_of_it(answer, value)
            if isinstance(value, str) and len(value.strip()) >= TOO_LONG_FOR_A_NAME:
                assert find_values(answer) == [] or place.type_name == "Mutation", (value, answer.body)
    asked = city.count_operations()
    assert set(asked) <= set(baseline), place
    assert all(count <= questions * baseline[operation] for operation, count in asked.items()), (asked, baseline)


async def calls_of_a_harmless_value(
    hub: HubClient, city: RunningCity, place: InputPlace, caller: str | Caller
) -> Mapping[str, int]:
    """The agencies' operations behind the place, and the calls of one request to each."""
    harmless = HARMLESS.get(place.named, None if place.argument == "after" else "1")
    city.reset_calls()
    await hub.ask(
        place.query(),
        {"it": place.value(harmless)},
        caller=caller,
    )
    asked = city.count_operations()
    city.reset_calls()
    return asked


def cursor(text: str) -> str:
    """A cursor in the hub's form, with any text."""
    return urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).decode().rstrip("=")


MOMENTS = (
    "2026-11-20T09:00:00+07:00",
    "0001-01-02T00:00:00+00:00",
    "9999-12-30T00:00:00+00:00",
    "2026-11-20T09:00:00.000001+07:00",
    "2026-11-20T09:00:00",
    "2026-W47-5",
    "",
    "x",
    "2026-11-20T09:00:00+23:59",
)
PLACES_IN_CURSORS = {
    "complaints": "query ($it: String) { it: complaints(first: 1, after: $it) { nodes { __typename } } }",
    "dataRequests": "query ($it: String) { me { it: dataRequests(first: 1, after: $it) { nodes { __typename } } } }",
    "accessLog": "query ($it: String) { me { it: accessLog(first: 1, after: $it) { nodes { __typename } } } }",
}


@pytest.mark.parametrize("field", PLACES_IN_CURSORS)
async def test_the_content_of_a_cursor_is_never_executed(wired: HubClient, city: RunningCity, field: str) -> None:
    """Cursors of a public list are not sealed, so any caller can build one."""
    city.reset_calls()
    inside = [
        f"{moment} {text}"
        for moment in MOMENTS
        for text in ("1", "'", "a 1", "ffffffff 1", "ffffffff 99999999999999999999")
    ]
    inside += [f"{MOMENTS[0]} {text}" for text in TEXTS if len(text) <= LONGEST]
    inside += [f"{MOMENTS[0]} {'0' * 32} {text}" for text in ("-1", "1", "9223372036854775808", "1e3", "''", "\x00")]
    for each in inside:
        answer = await wired.ask(PLACES_IN_CURSORS[field], {"it": cursor(each)}, caller="siti")
        assert_nothing_came_of_it(answer, each)
    assert set(city.calls()) <= {"crm"}
    assert city.agencies["crm"].count_calls().keys() <= {"GET /open311/v2/requests.json"}
    assert sum(city.agencies["crm"].count_calls().values()) <= len(inside)


NODES = (
    *("Citizen", "TaxObject", "Msme", "Complaint", "Market", "Commodity", "Region", "Query", "Nonsense", ""),
    *("WifiPoint", "HealthFacility", "FloodGate", "AirStation"),
)


@pytest.mark.parametrize("type_name", NODES)
async def test_the_content_of_a_node_id_is_never_executed(wired: HubClient, city: RunningCity, type_name: str) -> None:
    """Ids are sealed, so callers cannot build one. But their content comes from an agency, which may send anything.

    A type gets every third text, the next type the following ones.
    """
    city.reset_calls()
    ids = [
        IDS.seal(type_name, f"{before}{text}")
        for text in TEXTS[NODES.index(type_name) % 3 :: 3]
        for before in ("", "3171014506909001:")
        if len(text) < 100
    ]
    for node in ids:
        answer = await wired.ask(
            "query ($it: ID!) { it: node(id: $it) { __typename id } }", {"it": node}, caller="siti"
        )
        assert_nothing_came_of_it(answer, node)
        assert find_values(answer) in ([], [{"__typename": type_name, "id": node}])
    for agency in city.agencies.values():
        assert "refused" not in agency.count_calls()


REQUESTS: Mapping[str, Mapping[str, Any]] = {
    "operationName": {"query": "query A { __typename }"},
    "documentId": {},
    "doc_id": {},
    "id": {},
}


@pytest.mark.parametrize("member", REQUESTS)
async def test_the_name_of_an_operation_or_document_is_never_executed(
    wired: HubClient, city: RunningCity, member: str
) -> None:
    city.reset_calls()
    for value in (*TEXTS, *OTHERS):
        answer = await wired.post({**REQUESTS[member], member: value}, caller="siti")
        assert answer.status in {200, 400}
        assert "INTERNAL" not in [code for _, code in answer.errors]
        assert answer.data in (None, {"__typename": "Query"})
        assert answer.data is None or value is None
    for value in (*TEXTS, *OTHERS):
        persisted = {"version": 1, "sha256Hash": value}
        answer = await wired.post({"query": "{ __typename }", "extensions": {"persistedQuery": persisted}})
        assert answer.data is None
        assert "INTERNAL" not in [code for _, code in answer.errors]
    assert city.calls() == {}


async def test_the_longest_operation_name_is_recorded_without_a_fault(wired: HubClient) -> None:
    for length in (100, 10_000, 500_000):
        answer = await wired.ask(f"query {'A' * length} {{ me {{ nik }} }}", caller="siti")
        assert answer.body == {"data": {"me": {"nik": "3171014506909001"}}}
