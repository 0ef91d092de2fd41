"""Clocks of complaints through the whole hub: what a reporter sees, and what the office that handles them sees."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

from auth.caller import Caller, CallerKind
from auth.tokens.development_issuer import DevelopmentIssuer
from records.purposes import Purpose
from sandbox.crm.complaints import build_complaint_data
from sandbox.population.city_population import build_population
from sandbox.population.samples import SAMPLES
from tests.journeys.hub import HubClient, RunningCity, build_settings, running_hub

DESK = Caller(
    kind=CallerKind.OFFICIAL, agency="crm", purpose=Purpose.COMPLAINT_HANDLING.name, case="CRM/2026/77", unit="Pengawas"
)
MINE = """
{ me { complaints { number reportedAt dueAt isOverdue clocks { stage dueAt metAt breachedBy time } } } }
"""
OVERDUE = """
query Overdue($after: String, $office: String) {
  overdueComplaints(first: 50, after: $after, office: $office) {
    totalCount includesPrivate isCut
    nodes { number visibility responsibleAgency clocks { stage dueAt metAt breachedBy } }
    pageInfo { hasNextPage endCursor }
  }
}
"""


async def test_a_reporter_sees_the_clocks_of_each_stage(hub: HubClient) -> None:
    answer = await hub.ask(MINE, caller="siti")
    assert answer.errors == []
    lamp = next(each for each in answer.data["me"]["complaints"] if each["number"] == "JK2609220001")
    reported = datetime.fromisoformat(lamp["reportedAt"])
    first, second, resolution = lamp["clocks"]
    assert [each["stage"] for each in lamp["clocks"]] == ["FIRST_RESPONSE", "ANSWER", "RESOLUTION"]
    assert datetime.fromisoformat(first["dueAt"]) == reported + timedelta(hours=6)
    assert datetime.fromisoformat(second["dueAt"]) == reported + timedelta(days=3)
    # The complaint system names its own deadline for the resolution, three days for a street light.
    assert resolution["dueAt"] == lamp["dueAt"]
    assert datetime.fromisoformat(lamp["dueAt"]) == reported + timedelta(hours=72)
    assert lamp["isOverdue"] is (resolution["breachedBy"] is not None)
    assert None not in {each["metAt"] for each in lamp["clocks"]}


async def test_the_office_sees_every_overdue_complaint_once_and_its_reporter_sees_the_read(
    hub: HubClient, city: RunningCity
) -> None:
    known = {
        each.number
        for each in build_complaint_data(build_population()).complaints
        if each.state not in {"SELESAI", "DITOLAK"}
    }
    numbers: list[str] = []
    dues: list[datetime] = []
    after: str | None = None
    city.reset_calls()
    while True:
        answer = await hub.ask(OVERDUE, {"after": after}, caller=DESK)
        assert answer.errors == []
        found = answer.data["overdueComplaints"]
        for each in found["nodes"]:
            late = [clock for clock in each["clocks"] if clock["breachedBy"] is not None and clock["metAt"] is None]
            numbers.append(each["number"])
            dues.append(min(datetime.fromisoformat(clock["dueAt"]) for clock in late))
        if not found["pageInfo"]["hasNextPage"]:
            break
        after = found["pageInfo"]["endCursor"]
    # All are weeks old by the clock of this machine, so each open one is late.
    assert set(numbers) == known
    assert len(numbers) == len(set(numbers)) == found["totalCount"]
    assert dues == sorted(dues)
    assert (found["includesPrivate"], found["isCut"]) == (True, False)
    assert city.agencies["crm"].count_calls() == {"POST /open311/v2/requests/search.json": -(-len(numbers) // 50)}
    log = await hub.ask("{ me { accessLog(first: 1) { nodes { agency purpose fields } } } }", caller="siti")
    [read] = log.data["me"]["accessLog"]["nodes"]
    assert (read["agency"], read["purpose"]) == ("crm", "COMPLAINT_HANDLING")
    assert "Complaint.clocks" in read["fields"]


async def test_an_office_sees_its_own_complaints(hub: HubClient) -> None:
    office = "Dinas Bina Marga"
    answer = await hub.ask(OVERDUE, {"office": office}, caller=DESK)
    nodes = answer.data["overdueComplaints"]["nodes"]
    assert {each["responsibleAgency"] for each in nodes} == {office}
    assert {each["visibility"] for each in nodes} == {"PRIVATE", "PUBLIC"}
    assert not any(each.nik in str(answer.body) for each in SAMPLES.values())


async def test_a_citizen_does_not_see_the_list_and_the_complaint_system_is_not_asked(
    hub: HubClient, city: RunningCity
) -> None:
    city.reset_calls()
    answer = await hub.ask(OVERDUE, caller="siti")
    assert {code for _, code in answer.errors} == {"FORBIDDEN"}
    assert city.calls() == {}


async def test_everybody_reads_how_fast_the_offices_were_and_no_small_number(hub: HubClient, city: RunningCity) -> None:
    month = [
        each
        for each in build_complaint_data(build_population()).complaints
        if f"{each.requested_at:%Y-%m}" == "2026-09"
    ]
    city.reset_calls()
    answer = await hub.ask(
        """
        { complaintMeasures(month: "2026-09") {
            total { number stages { stage medianHours shareInTime } }
            offices { office number } hiddenOffices includesPrivate isCut
        } }
        """
    )
    assert answer.errors == []
    found = answer.data["complaintMeasures"]
    assert city.agencies["crm"].count_calls() == {"POST /open311/v2/requests/search.json": 4}
    assert found["total"]["number"] == len(month)
    assert (found["includesPrivate"], found["isCut"]) == (True, False)
    assert [each["stage"] for each in found["total"]["stages"]] == ["FIRST_RESPONSE", "ANSWER", "RESOLUTION"]
    assert all(0 < each["medianHours"] < 400 and 0 < each["shareInTime"] < 1 for each in found["total"]["stages"])
    numbers = Counter(each.steps[-1].agency for each in month)
    assert all(numbers[each["office"]] == each["number"] >= 10 for each in found["offices"])
    assert len(found["offices"]) + found["hiddenOffices"] == len(numbers)
    assert len(month) - sum(each["number"] for each in found["offices"]) >= 10


async def test_the_measures_of_a_month_are_computed_once_a_day(
    city: RunningCity, state_url: str, issuer: DevelopmentIssuer, tmp_path: Path
) -> None:
    settings = build_settings(city, state_url=state_url, issuer=issuer, folder=tmp_path, cache_megabytes=16)
    query = """
    query Month($office: String) {
      complaintMeasures(month: "2026-08", office: $office) {
        total { number stages { stage medianHours shareInTime } } offices { office number }
      }
    }
    """
    async with running_hub(settings, issuer) as hub:
        city.reset_calls()
        first = await hub.ask(query)
        second = await hub.ask(query)
        [office, *_] = first.data["complaintMeasures"]["offices"]
        third = await hub.ask(query, {"office": office["office"]}, caller="siti")
        overdue = [await hub.ask(OVERDUE, caller=DESK) for _ in range(2)]
    assert first.errors == []
    assert second.data == first.data
    assert third.data["complaintMeasures"] == first.data["complaintMeasures"] | {"offices": [office]}
    assert overdue[0].data == overdue[1].data
    assert city.agencies["crm"].count_calls() == {"POST /open311/v2/requests/search.json": 4 + 2}
