"""The officials' list of overdue complaints: who may see it, and whose complaints it shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from auth.caller import ANONYMOUS, Caller, CallerKind
from engine.agencies.bindings import Agencies
from engine.request import GraphQLResponse
from records.hub.clients import ClientId
from records.hub.data_preferences import DataPreferences, Restriction
from records.purposes import Purpose
from records.service_levels import ServiceLevel, ServiceLevels
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import CALLERS, NOW, SITI
from tests.schema.requests import get_codes, get_reasons, run

DESK = Caller(kind=CallerKind.OFFICIAL, agency="crm", purpose=Purpose.COMPLAINT_HANDLING.name, case="CRM/1")
BANK = ClientId.without_issuer("bank")
LIST = """
{
  overdueComplaints(first: 5) {
    totalCount includesPrivate isCut
    nodes { description responsibleAgency clocks { stage breachedBy } }
  }
}
"""


class LateCity(SmallCity):
    """Both complaints wait for their first agency, and were due an hour after their report."""

    def agencies(self, own: Mapping[type[Any], Any] = MappingProxyType({})) -> Agencies:
        level = ServiceLevel(first_response=3_600.0)
        return super().agencies(own).extended_with({ServiceLevels: ServiceLevels(level)})


def get_list(response: GraphQLResponse) -> Any:  # noqa: ANN401 - JSON
    assert response.data is not None
    return response.data["overdueComplaints"]


async def test_an_official_sees_private_complaints_with_their_clocks_and_not_their_reporters() -> None:
    city = LateCity()
    response = await run(LIST, caller=DESK, city=city)
    assert response.errors == []
    clocks = [{"stage": "FIRST_RESPONSE", "breachedBy": 71.0}, {"stage": "RESOLUTION", "breachedBy": None}]
    row = {"description": "Lubang", "responsibleAgency": "Bina Marga", "clocks": clocks}
    assert response.data == {
        "overdueComplaints": {"totalCount": 2, "includesPrivate": True, "isCut": False, "nodes": [row, row]}
    }
    assert [(agency, batch) for agency, batch, _ in city.calls] == [("crm", "surveys")]
    assert SITI not in str(response.data)


async def test_the_read_of_a_private_complaint_is_recorded_for_its_reporter() -> None:
    response = await run(LIST, caller=DESK, city=LateCity())
    assert {read.subject for read in response.reads} == {SITI}


@pytest.mark.parametrize(
    ("caller", "reason"),
    [
        (ANONYMOUS, "SIGN_IN"),
        (CALLERS["the person"], "NOT_FOR_CITIZENS"),
        (replace(DESK, case=None), "CASE_REQUIRED"),
        (replace(DESK, purpose=None), "PURPOSE_REQUIRED"),
        (replace(DESK, agency="pbb", purpose="TAX_ASSESSMENT"), "PURPOSE_DOES_NOT_COVER"),
        (CALLERS["an official"], "PURPOSE_DOES_NOT_COVER"),
        (replace(DESK, kind=CallerKind.AGENCY_SYSTEM, client=BANK), "NOT_FOR_SYSTEMS"),
        (
            replace(DESK, kind=CallerKind.PARTNER, client=ClientId.without_issuer("bank"), agency=None),
            "NOT_FOR_PARTNERS",
        ),
        (CALLERS["a supervisor"], "NOT_FOR_YOUR_ROLE"),
    ],
    ids=lambda value: value.kind.value if isinstance(value, Caller) else str(value),
)
async def test_nobody_else_sees_the_list_and_no_agency_is_asked(caller: Caller, reason: str) -> None:
    city = LateCity()
    response = await run(LIST, caller=caller, city=city)
    assert not (response.data or {}).get("overdueComplaints")
    assert {found for _, found in get_codes(response)} == {"FORBIDDEN"}
    assert {found for _, found in get_reasons(response)} == {reason}
    assert city.calls == []


async def test_a_person_who_restricted_the_use_of_their_data_is_left_out() -> None:
    restriction = Restriction(subject=SITI, number="HAK-1", purposes=(), since=NOW)
    city = LateCity(preferences={SITI: DataPreferences(restrictions=(restriction,))})
    response = await run(LIST, caller=DESK, city=city)
    nodes = get_list(response)["nodes"]
    assert [each["description"] for each in nodes] == ["Lubang", None]
    assert {reason for _, reason in get_reasons(response)} == {"RESTRICTED"}
    assert {read.subject for read in response.reads} == set()


async def test_pages_follow_the_cursor() -> None:
    query = "{ overdueComplaints(first: 1AFTER) { nodes { id } pageInfo { hasNextPage endCursor } } }"
    first = await run(query.replace("AFTER", ""), caller=DESK, city=LateCity())
    page = get_list(first)["pageInfo"]
    assert page["hasNextPage"] is True
    second = await run(query.replace("AFTER", f', after: "{page["endCursor"]}"'), caller=DESK, city=LateCity())
    nodes = [get_list(each)["nodes"][0]["id"] for each in (first, second)]
    assert len(set(nodes)) == 2
    assert get_list(second)["pageInfo"]["hasNextPage"] is False


@pytest.mark.parametrize(
    ("arguments", "total"),
    [
        ('office: "Bina Marga"', 2),
        ('office: "Sumber Daya Air"', 0),
        ("stage: FIRST_RESPONSE", 2),
        ("stage: RESOLUTION", 0),
        ('region: "31.71"', 2),
    ],
)
async def test_arguments_narrow_the_list(arguments: str, total: int) -> None:
    city = LateCity()
    response = await run(f"{{ overdueComplaints({arguments}) {{ totalCount }} }}", caller=DESK, city=city)
    assert response.data == {"overdueComplaints": {"totalCount": total}}


async def test_a_wrong_cursor_asks_nothing() -> None:
    city = LateCity()
    response = await run('{ overdueComplaints(after: "x") { totalCount } }', caller=DESK, city=city)
    assert get_codes(response) == [("overdueComplaints", "BAD_USER_INPUT")]
    assert city.calls == []


async def test_the_failure_of_the_complaint_system_is_the_answer() -> None:
    city = LateCity(failing_agencies={"crm"})
    response = await run(LIST, caller=DESK, city=city)
    assert response.data == {"overdueComplaints": None}
    assert get_codes(response) == [("overdueComplaints", "AGENCY_UNAVAILABLE")]
