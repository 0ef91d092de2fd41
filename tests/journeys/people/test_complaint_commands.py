"""A citizen submits a complaint: it is at the complaint system once, whatever fails on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from auth.tokens.development_issuer import DevelopmentIssuer
from sandbox.population.samples import SAMPLES
from tests.fakes.waiting import wait_until_answered
from tests.journeys.hub import HubClient, RunningCity, build_settings, running_hub, state_server
from tests.sandbox.agency_requests import ask_open311
from tests.sandbox_agencies import RunningAgency, run_agency

SUBMIT = """
mutation Submit($complaint: NewComplaintInput!, $key: String!) {
  submitComplaint(complaint: $complaint, key: $key) {
    __typename
    ... on CommandReceipt { number state agency problem steps { state } }
    ... on CommandProblem { code field message }
  }
}
"""
MINE = "{ me { complaints { id number description status visibility delivery region { code } } } }"
RECEIPTS = "{ me { receipts { number state problem problemField steps { state } } } }"
LAMP = {"categoryCode": "1202", "description": "Lampu jalan mati sejak seminggu.", "region": "31.71.01.1001"}


@pytest.fixture(scope="module")
def complaint_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAgency]:
    """A complaint system of these tests alone, because they add to it."""
    with run_agency("crm", tmp_path_factory.mktemp("crm")) as agency:
        yield agency


@pytest.fixture(scope="module")
def commands_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with state_server(tmp_path_factory.mktemp("commands") / "state") as url:
        yield url


@pytest.fixture(scope="module")
async def desk(
    complaint_system: RunningAgency,
    city_snapshots: Path,
    commands_state: str,
    issuer: DevelopmentIssuer,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[HubClient]:
    """A hub in front of that complaint system, with a cache."""
    settings = build_settings(
        RunningCity(agencies={"crm": complaint_system}, snapshots=city_snapshots),
        state_url=commands_state,
        issuer=issuer,
        folder=tmp_path_factory.mktemp("desk"),
        cache_megabytes=16,
    )
    async with running_hub(settings, issuer) as running:
        yield running


async def submit(desk: HubClient, key: str, caller: str | None = "siti", **given: Any) -> Mapping[str, Any]:  # noqa: ANN401 - JSON
    answer = await desk.ask(SUBMIT, {"complaint": LAMP | given, "key": key}, caller=caller)
    assert answer.errors == []
    found: Mapping[str, Any] = answer.data["submitComplaint"]
    return found


async def load_receipt(desk: HubClient, number: str) -> Mapping[str, Any]:
    answer = await desk.ask(RECEIPTS, caller="siti")
    assert answer.errors == []
    [found] = [each for each in answer.data["me"]["receipts"] if each["number"] == number]
    receipt: Mapping[str, Any] = found
    return receipt


async def wait_for_state(desk: HubClient, number: str, state: str) -> Mapping[str, Any]:
    async def has_state() -> bool:
        return bool((await load_receipt(desk, number))["state"] == state)

    await wait_until_answered(has_state, timeout=60)
    return await load_receipt(desk, number)


async def load_mine(desk: HubClient, text: str) -> list[Mapping[str, Any]]:
    answer = await desk.ask(MINE, caller="siti")
    assert answer.errors == []
    return [each for each in answer.data["me"]["complaints"] if each["description"] == text]


async def test_a_submitted_complaint_is_in_the_next_answer_and_keeps_its_id(desk: HubClient) -> None:
    before = await desk.ask(MINE, caller="siti")
    text = "Lampu di gang kami mati."
    receipt = await submit(desk, "first", description=text)
    assert (receipt["__typename"], receipt["agency"], receipt["problem"]) == ("CommandReceipt", "crm", None)
    [mine] = await load_mine(desk, text)
    assert (mine["status"], mine["visibility"], mine["region"]) == ("WAITING", "PRIVATE", {"code": "31.71.01.1001"})
    done = await wait_for_state(desk, receipt["number"], "DONE")
    assert [step["state"] for step in done["steps"]] == ["ACCEPTED", "DONE"]
    [delivered] = await load_mine(desk, text)
    assert (delivered["id"], delivered["delivery"]) == (mine["id"], None)
    assert delivered["number"].startswith("JK")
    node = await desk.ask(
        f'{{ node(id: "{mine["id"]}") {{ ... on Complaint {{ description number }} }} }}', caller="siti"
    )
    assert node.data == {"node": {"description": text, "number": delivered["number"]}}
    after = await desk.ask(MINE, caller="siti")
    assert len(after.data["me"]["complaints"]) == len(before.data["me"]["complaints"]) + 1


async def test_a_double_tap_is_one_complaint(desk: HubClient) -> None:
    text = "Dua kali ditekan."
    receipts = await asyncio.gather(*(submit(desk, "double", description=text) for _ in range(5)))
    assert len({each["number"] for each in receipts}) == 1
    await wait_for_state(desk, receipts[0]["number"], "DONE")
    assert len(await load_mine(desk, text)) == 1


async def test_the_same_key_with_other_text_is_a_problem_that_names_the_fix(desk: HubClient) -> None:
    await submit(desk, "reused", description="Yang pertama.")
    assert await submit(desk, "reused", description="Yang kedua.") == {
        "__typename": "CommandProblem",
        "code": "KEY_REUSED",
        "field": "key",
        "message": "Kunci: Kunci ini sudah dipakai untuk kiriman lain. Pakai kunci baru.",
    }
    assert await load_mine(desk, "Yang kedua.") == []


async def test_problems_and_states_are_in_the_language_of_the_request(desk: HubClient) -> None:
    body = {"query": SUBMIT, "variables": {"complaint": LAMP | {"address": ""}, "key": "language"}}
    answer = await desk.post(body, caller="siti", headers={"Accept-Language": "en-GB, id;q=0.5"})
    assert answer.data["submitComplaint"]["message"].startswith("Address: The text is empty, too long, or has ")
    receipt = await submit(desk, "language", description="Bahasa saya.")
    await wait_for_state(desk, receipt["number"], "DONE")
    for language, text in (
        ("en", "The agency carried it out."),
        ("id", "Sudah diterima oleh instansi."),
        ("fr", "Sudah diterima oleh instansi."),
    ):
        answer, headers = await desk.query_by_get(
            {"query": "{ me { receipts { number stateText } } }"}, caller="siti", headers={"Accept-Language": language}
        )
        assert "Accept-Language" in headers["vary"].split(", ")
        assert {"number": receipt["number"], "stateText": text} in answer.data["me"]["receipts"]


async def test_an_unknown_category_is_a_problem_and_nothing_is_stored(desk: HubClient) -> None:
    problem = await submit(desk, "category", categoryCode="4711", description="Kategori salah.")
    assert (problem["code"], problem["field"]) == ("UNKNOWN_CATEGORY", "categoryCode")
    assert await load_mine(desk, "Kategori salah.") == []


async def test_what_the_complaint_system_refuses_is_rejected_with_its_field_and_leaves_the_list(
    complaint_system: RunningAgency,
    city_snapshots: Path,
    commands_state: str,
    issuer: DevelopmentIssuer,
    tmp_path: Path,
) -> None:
    """A hub that has never read the questions accepts while the system is down, and the system decides later."""
    settings = build_settings(
        RunningCity(agencies={"crm": complaint_system}, snapshots=city_snapshots),
        state_url=commands_state,
        issuer=issuer,
        folder=tmp_path,
    )
    text = "Banjir tanpa ukuran."
    async with running_hub(settings, issuer) as hub:
        complaint_system.kill()
        try:
            receipt = await submit(hub, "refused", categoryCode="1001", description=text)
        finally:
            complaint_system.restart()
        rejected = await wait_for_state(hub, receipt["number"], "REJECTED")
        assert (rejected["problem"], rejected["problemField"]) == ("INVALID", "answers.UKURAN")
        assert await load_mine(hub, text) == []


@pytest.mark.parametrize(
    ("place", "code", "field"),
    [
        ({"point": {"latitude": -6.03, "longitude": 106.85}}, "UNKNOWN_PLACE", "point"),
        ({"point": {"latitude": -6.92, "longitude": 107.61}}, "UNKNOWN_PLACE", "point"),
        ({"point": {"latitude": -5.746, "longitude": 106.614}}, "PLACES_DIFFER", "point"),
        ({"region": "36.71.01.1001"}, "UNKNOWN_PLACE", "region"),
    ],
    ids=["sea", "bandung", "island", "tangerang"],
)
async def test_a_place_outside_the_city_is_a_problem(
    desk: HubClient, place: Mapping[str, Any], code: str, field: str
) -> None:
    problem = await submit(desk, "place", **place)
    assert (problem["code"], problem["field"]) == (code, field)


async def test_a_category_shows_its_questions_and_a_missing_answer_is_a_problem(desk: HubClient) -> None:
    query = "{ complaintCategories(search: $text) { code questions { code kind isRequired choices { key } } } }"
    answer = await desk.ask(f"query ($text: String!) {query}", {"text": "Banjir"})
    assert answer.errors == []
    [flood] = answer.data["complaintCategories"]
    assert [(each["code"], each["kind"], each["isRequired"]) for each in flood["questions"]] == [
        ("BAHAYA", "NOTICE", False),
        ("UKURAN", "SINGLE_CHOICE", True),
        ("TINGGI", "NUMBER", False),
        ("SEJAK", "MOMENT", False),
    ]
    assert flood["questions"][1]["choices"] == [{"key": "KECIL"}, {"key": "SEDANG"}, {"key": "BESAR"}]
    problem = await submit(desk, "missing", categoryCode="1001", description="Banjir tanpa ukuran.")
    assert (problem["code"], problem["field"]) == ("ANSWER_REQUIRED", "answers.UKURAN")
    size = {"code": "UKURAN", "values": ["BESAR"]}
    for code, value, expected in (
        ("UKURAN", "RAKSASA", "UNKNOWN_CHOICE"),
        ("TINGGI", "selutut", "INVALID_NUMBER"),
        ("SEJAK", "kemarin", "INVALID_MOMENT"),
        ("WARNA", "cokelat", "UNKNOWN_QUESTION"),
    ):
        answers = [{"code": code, "values": [value]}, *([] if code == "UKURAN" else [size])]
        problem = await submit(desk, "wrong", categoryCode="1001", description="Banjir.", answers=answers)
        assert (problem["code"], problem["field"]) == (expected, f"answers.{code}")


@pytest.mark.parametrize(
    ("category", "answers"),
    [
        ("1001", {"UKURAN": ["BESAR"], "TINGGI": ["42.5"], "SEJAK": ["2026-11-29T06:00:00+07:00"]}),
        ("1202", {"LAMPU": ["GMB-0117"], "KEADAAN": ["MATI", "TIANG MIRING"]}),
        ("2001", {"BIDANG": ["TRANSPORTASI"], "USUL": ["Tambah bus pada malam hari."]}),
        ("2101", {"TITIK": ["JKW-000117"], "GANGGUAN": ["LAMBAT"]}),
    ],
    ids=["flood", "lamp", "aspiration", "wifi"],
)
async def test_answers_to_the_questions_of_a_category_reach_the_complaint_system(
    desk: HubClient, complaint_system: RunningAgency, category: str, answers: Mapping[str, list[str]]
) -> None:
    given = [{"code": code, "values": values} for code, values in answers.items()]
    receipt = await submit(desk, f"answers-{category}", categoryCode=category, description="Jawaban.", answers=given)
    await wait_for_state(desk, receipt["number"], "DONE")
    form = {"reference": receipt["number"], "extensions": "true"}
    [found] = ask_open311(complaint_system, "requests/search.json", key=complaint_system.secret, form=form).json
    stored = [(each["code"], each["value"]) for each in found["extended_attributes"]["answers"]]
    assert stored == [(code, value) for code, values in answers.items() for value in values]


@pytest.mark.parametrize("caller", [None, "official"])
async def test_nobody_but_a_citizen_submits_a_complaint(desk: HubClient, caller: str | None) -> None:
    answer = await desk.ask(SUBMIT, {"complaint": LAMP, "key": "others"}, caller=caller)
    assert (answer.data, [code for _, code in answer.errors]) == (None, ["FORBIDDEN"])


async def test_the_assistant_of_a_person_submits_in_their_name_and_the_access_log_says_so(desk: HubClient) -> None:
    named = SUBMIT.replace("key: $key)", "key: $key, forPerson: $person)").replace("$key:", "$person: NIK, $key:")
    dewi, text = SAMPLES["dewi"].nik, "Kursi roda saya tidak bisa lewat."
    variables = {"complaint": LAMP | {"description": text}, "key": "assisted", "person": dewi}
    answer = await desk.ask(named, variables, caller="agus-for-dewi")
    assert answer.errors == []
    number = answer.data["submitComplaint"]["number"]
    for caller in ("dewi", "agus-for-dewi"):
        mine = await desk.ask("{ me { nik complaints { description } receipts { number } } }", caller=caller)
        assert mine.errors == []
        assert mine.data["me"]["nik"] == dewi
        assert text in [each["description"] for each in mine.data["me"]["complaints"]]
        assert number in [each["number"] for each in mine.data["me"]["receipts"]]
    himself = await desk.ask("{ me { complaints { description } receipts { number } } }", caller="agus")
    assert text not in str(himself.data)
    assert number not in str(himself.data)
    log = await desk.ask("{ me { accessLog { nodes { operation reader fields } } } }", caller="dewi")
    assert log.errors == []
    done = [each for each in log.data["me"]["accessLog"]["nodes"] if each["operation"] == "Submit"]
    assert [each["reader"] for each in done] == ["A person who assists you"]
    for caller, person in (("agus", dewi), ("agus-for-dewi", SAMPLES["siti"].nik), ("agus-for-dewi", None)):
        refused = await desk.ask(named, variables | {"person": person, "key": "refused"}, caller=caller)
        assert [code for _, code in refused.errors] == ["FORBIDDEN"]


async def test_another_citizen_sees_neither_the_complaint_nor_the_receipt(desk: HubClient) -> None:
    receipt = await submit(desk, "private", description="Hanya untuk saya.")
    await wait_for_state(desk, receipt["number"], "DONE")
    [mine] = await load_mine(desk, "Hanya untuk saya.")
    others = await desk.ask("{ me { complaints { description } receipts { number } } }", caller="budi")
    assert "Hanya untuk saya." not in str(others.data)
    assert receipt["number"] not in str(others.data)
    node = await desk.ask(f'{{ node(id: "{mine["id"]}") {{ id }} }}', caller="budi")
    assert node.data == {"node": None}


async def test_while_the_complaint_system_is_down_a_receipt_is_given_and_becomes_one_complaint(
    desk: HubClient, complaint_system: RunningAgency
) -> None:
    text = "Saat sistem mati."
    complaint_system.kill()
    try:
        receipt = await submit(desk, "outage", description=text)
        assert receipt["state"] in {"ACCEPTED", "SENDING", "RETRY_WAIT"}
    finally:
        complaint_system.restart()
    await wait_for_state(desk, receipt["number"], "DONE")
    assert len(await load_mine(desk, text)) == 1


async def test_a_hub_that_dies_after_the_acknowledgement_leaves_the_complaint_to_another(
    complaint_system: RunningAgency,
    city_snapshots: Path,
    commands_state: str,
    issuer: DevelopmentIssuer,
    tmp_path: Path,
) -> None:
    settings = build_settings(
        RunningCity(agencies={"crm": complaint_system}, snapshots=city_snapshots),
        state_url=commands_state,
        issuer=issuer,
        folder=tmp_path,
    )
    complaint_system.kill()
    async with running_hub(settings, issuer) as first:
        receipt = await submit(first, "dies", description="Hub yang pertama berhenti.")
    complaint_system.restart()
    async with running_hub(settings, issuer) as second:
        await wait_for_state(second, receipt["number"], "DONE")
        assert len(await load_mine(second, "Hub yang pertama berhenti.")) == 1
