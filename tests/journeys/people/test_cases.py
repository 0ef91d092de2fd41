"""The inbox over real processes: a submitted complaint is unseen, seen, and unseen again when its agency acts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from auth.tokens.development_issuer import DevelopmentIssuer
from tests.fakes.waiting import wait_until_answered
from tests.journeys.hub import HubClient, RunningCity, build_settings, running_hub, state_server
from tests.sandbox_agencies import RunningAgency, run_agency

SUBMIT = """
mutation ($complaint: NewComplaintInput!) {
  submitComplaint(complaint: $complaint, key: "inbox") {
    ... on CommandReceipt { number }
    ... on CommandProblem { code }
  }
}
"""
LAMP = {"categoryCode": "1202", "description": "Lampu gang untuk kotak masuk.", "region": "31.71.01.1001"}
CASES = """
query ($filter: CaseFilter) {
  me {
    cases(first: 100, filter: $filter) {
      unseenCount
      nodes {
        id kind title state seen changedAt
        activities { at text by }
        nextStep { by name }
        subject { __typename ... on Complaint { description } }
      }
    }
  }
}
"""
MARK = "mutation ($ids: [ID!]!) { markCasesSeen(ids: $ids) { id seen } }"


@pytest.fixture(scope="module")
def complaint_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAgency]:
    """A complaint system of these tests alone, because they add to it."""
    with run_agency("crm", tmp_path_factory.mktemp("crm")) as agency:
        yield agency


@pytest.fixture(scope="module")
async def desk(
    complaint_system: RunningAgency,
    city_snapshots: Path,
    issuer: DevelopmentIssuer,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[HubClient]:
    """A hub in front of that complaint system."""
    with state_server(tmp_path_factory.mktemp("cases") / "state") as url:
        settings = build_settings(
            RunningCity(agencies={"crm": complaint_system}, snapshots=city_snapshots),
            state_url=url,
            issuer=issuer,
            folder=tmp_path_factory.mktemp("desk"),
        )
        async with running_hub(settings, issuer) as running:
            yield running


async def load_cases(desk: HubClient, **wanted: Any) -> list[Mapping[str, Any]]:  # noqa: ANN401 - JSON
    answer = await desk.ask(CASES, {"filter": wanted}, caller="siti")
    assert answer.errors == []
    found: list[Mapping[str, Any]] = answer.data["me"]["cases"]["nodes"]
    return found


async def load_case(desk: HubClient, id_: str) -> Mapping[str, Any]:
    [found] = [each for each in await load_cases(desk, kinds=["COMPLAINT"]) if each["id"] == id_]
    return found


async def mark_seen(desk: HubClient, id_: str) -> None:
    answer = await desk.ask(MARK, {"ids": [id_]}, caller="siti")
    assert (answer.errors, answer.data) == ([], {"markCasesSeen": [{"id": id_, "seen": True}]})


@pytest.fixture(scope="module")
async def case(desk: HubClient, complaint_system: RunningAgency) -> Mapping[str, Any]:
    """The case of a complaint that waits for its agency, which is down when it is submitted."""
    complaint_system.kill()
    submitted = await desk.ask(SUBMIT, {"complaint": LAMP}, caller="siti")
    assert "number" in submitted.data["submitComplaint"]
    [waiting] = await load_cases(desk, kinds=["COMPLAINT"])
    return waiting


async def test_a_case_is_unseen_until_it_is_opened_and_again_after_each_change(
    desk: HubClient, complaint_system: RunningAgency, case: Mapping[str, Any]
) -> None:
    assert (case["seen"], case["state"], case["title"]) == (
        False,
        "WAITING_FOR_HUB",
        f"Pengaduan: {LAMP['description']}",
    )

    async def is_seen() -> bool:  # an attempt to deliver it changes it, too
        await mark_seen(desk, case["id"])
        return bool((await load_case(desk, case["id"]))["seen"])

    await wait_until_answered(is_seen, timeout=60)
    complaint_system.restart()

    async def is_delivered() -> bool:
        return bool((await load_case(desk, case["id"]))["state"] == "WAITING_FOR_AGENCY")

    await wait_until_answered(is_delivered, timeout=60)
    delivered = await load_case(desk, case["id"])
    assert (delivered["seen"], delivered["nextStep"]["by"]) == (False, "AGENCY")
    assert delivered["activities"][0] == case["activities"][0]
    assert len(delivered["activities"]) > len(case["activities"])

    await mark_seen(desk, case["id"])
    assert (await load_case(desk, case["id"]))["seen"] is True
    assert case["id"] not in {each["id"] for each in await load_cases(desk, unseen=True)}


async def test_another_person_can_neither_read_nor_mark_it(desk: HubClient, case: Mapping[str, Any]) -> None:
    node = await desk.ask(f'{{ node(id: "{case["id"]}") {{ ... on Case {{ title }} }} }}', caller="budi")
    assert node.data == {"node": None}  # without the register, it is not even known whether he is a parent
    marked = await desk.ask(MARK, {"ids": [case["id"]]}, caller="budi")
    assert [code for _, code in marked.errors] == ["FORBIDDEN"]


async def test_requests_and_consents_are_there_while_the_complaint_system_is_down(
    desk: HubClient, complaint_system: RunningAgency
) -> None:
    filed = await desk.ask('mutation { requestAccessCopy(key: "inbox") { number } }', caller="siti")
    assert filed.errors == []
    complaint_system.kill()
    try:
        answer = await desk.ask(CASES, {"filter": {}}, caller="siti")
    finally:
        complaint_system.restart()
    assert answer.errors == []
    found = answer.data["me"]["cases"]
    assert (found["unseenCount"], {each["kind"] for each in found["nodes"]}) == (None, {"DATA_REQUEST"})
    [missing] = answer.body["extensions"]["incomplete"]
    assert (missing["path"], missing["agency"]) == (["me", "cases"], "crm")
    assert missing["code"] in {"AGENCY_UNAVAILABLE", "AGENCY_TIMEOUT"}
