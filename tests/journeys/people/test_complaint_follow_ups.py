"""Citizens publish, support, comment, rate and withdraw complaints, over a real complaint system."""

from __future__ import annotations

import asyncio
import tomllib
from asyncio import StreamWriter
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from auth.crypto.node_ids import NodeIds
from auth.tokens.development_issuer import DevelopmentIssuer
from settings import Settings
from settings.city.folder import DEFAULT_CITY
from tests.connectors.drivers.byte_server import ReceivedRequest, reply, serve_bytes
from tests.fakes.city import build_city
from tests.fakes.waiting import wait_until_answered
from tests.journeys.hub import HubClient, RunningCity, build_settings, build_variables, running_hub, state_server
from tests.sandbox.agency_requests import ask
from tests.sandbox_agencies import RunningAgency, run_agency

SUBMIT = """
mutation Submit($text: String!, $key: String!) {
  submitComplaint(
    complaint: { categoryCode: "1202", description: $text, region: "31.71.01.1001", address: "Jl. Melati 3" }, key: $key
  ) { ... on CommandReceipt { number state } ... on CommandProblem { code } }
}
"""
RESULT = "{ __typename ... on CommandReceipt { number state waitsFor } ... on CommandProblem { code field } "
SHOWN = "... on ComplaintPublication { description address photoCount warning confirmation } "
MUTATIONS = {
    "publish": "mutation($id: ID!, $key: String!, $confirmation: String) "
    f"{{ it: publishComplaint(id: $id, key: $key, confirmation: $confirmation) {RESULT}{SHOWN}}} }}",
    "support": f"mutation($id: ID!, $key: String!) {{ it: supportComplaint(id: $id, key: $key) {RESULT}}} }}",
    "comment": "mutation($id: ID!, $key: String!, $text: String!) "
    f"{{ it: commentComplaint(id: $id, key: $key, text: $text) {RESULT}}} }}",
    "rate": "mutation($id: ID!, $key: String!, $rating: Int!) "
    f"{{ it: rateResolution(id: $id, key: $key, rating: $rating) {RESULT}}} }}",
    "withdraw": "mutation($id: ID!, $key: String!, $reason: String) "
    f"{{ it: withdrawComplaint(id: $id, key: $key, reason: $reason) {RESULT}}} }}",
}
FIELDS = "id number description status visibility supportCount rating isOpen delivery comments { text byReporter }"
MINE = f"{{ me {{ complaints {{ {FIELDS} }} }} }}"
RECEIPTS = "{ me { receipts { number kind state problem } } }"
MANIFEST = tomllib.loads((DEFAULT_CITY / "agencies" / "crm.toml").read_text(encoding="utf-8"))
PUBLIC = f"{{ complaints(first: 20) {{ nodes {{ {FIELDS} }} }} }}"


@pytest.fixture(scope="module")
def complaint_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAgency]:
    """A complaint system of these tests alone, because they change it."""
    with run_agency("crm", tmp_path_factory.mktemp("crm")) as agency:
        yield agency


@pytest.fixture(scope="module")
def settings(
    complaint_system: RunningAgency,
    city_snapshots: Path,
    issuer: DevelopmentIssuer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Settings]:
    """A hub in front of it, with a cache and a database of its tests. Cached complaints are fresh for a second."""
    running = RunningCity(agencies={"crm": complaint_system}, snapshots=city_snapshots)
    soon = {name: MANIFEST["reads"][name] | {"freshness": {"fresh": "1 s"}} for name in ("complaints_of", "pages")}
    changes = {"crm": {"reads": MANIFEST["reads"] | soon}}
    with state_server(tmp_path_factory.mktemp("follow") / "state") as url:
        yield build_settings(
            running,
            state_url=url,
            issuer=issuer,
            folder=tmp_path_factory.mktemp("desk"),
            cache_megabytes=16,
            city=build_city(build_variables(running), terms={}, changes=changes),
        )


@pytest.fixture(scope="module")
async def desk(settings: Settings, issuer: DevelopmentIssuer) -> AsyncIterator[HubClient]:
    async with running_hub(settings, issuer) as running:
        yield running


async def give(
    desk: HubClient,
    name: str,
    id_: str,
    key: str,
    *,
    caller: str = "siti",
    **given: Any,  # noqa: ANN401 - JSON
) -> Mapping[str, Any]:
    answer = await desk.ask(MUTATIONS[name], {"id": id_, "key": key, **given}, caller=caller)
    assert answer.errors == []
    found: Mapping[str, Any] = answer.data["it"]
    return found


async def submit(desk: HubClient, text: str, *, caller: str = "siti") -> str:
    answer = await desk.ask(SUBMIT, {"text": text, "key": text}, caller=caller)
    assert answer.errors == []
    number: str = answer.data["submitComplaint"]["number"]
    return number


async def wait_for(desk: HubClient, number: str, state: str = "DONE", *, caller: str = "siti") -> Mapping[str, Any]:
    found: dict[str, Any] = {}

    async def has_state() -> bool:
        answer = await desk.ask(RECEIPTS, caller=caller)
        assert answer.errors == []
        found.update({each["number"]: each for each in answer.data["me"]["receipts"]})
        return bool(found[number]["state"] == state)

    await wait_until_answered(has_state, timeout=60)
    receipt: Mapping[str, Any] = found[number]
    return receipt


async def load_mine(desk: HubClient, text: str, *, caller: str = "siti") -> Mapping[str, Any]:
    answer = await desk.ask(MINE, caller=caller)
    assert answer.errors == []
    [found] = [each for each in answer.data["me"]["complaints"] if each["description"] == text]
    mine: Mapping[str, Any] = found
    return mine


async def deliver(desk: HubClient, text: str) -> Mapping[str, Any]:
    """A delivered complaint of Siti."""
    await wait_for(desk, await submit(desk, text))
    return await load_mine(desk, text)


async def publish(desk: HubClient, id_: str, key: str) -> None:
    shown = await give(desk, "publish", id_, f"{key}-1")
    receipt = await give(desk, "publish", id_, f"{key}-2", confirmation=shown["confirmation"])
    await wait_for(desk, receipt["number"])


async def find_public(desk: HubClient, text: str) -> list[Mapping[str, Any]]:
    answer = await desk.ask(PUBLIC)
    assert answer.errors == []
    return [each for each in answer.data["complaints"]["nodes"] if each["description"] == text]


async def wait_until_public(desk: HubClient, text: str) -> Mapping[str, Any]:
    async def is_listed() -> bool:
        return bool(await find_public(desk, text))

    await wait_until_answered(is_listed, timeout=70)
    return (await find_public(desk, text))[0]


class TestAPublication:
    async def test_the_first_call_shows_what_everybody_will_see_and_stores_nothing(self, desk: HubClient) -> None:
        text = "Lampu mati di depan sekolah."
        mine = await deliver(desk, text)
        shown = await give(desk, "publish", mine["id"], "first-step")
        assert (shown["__typename"], shown["description"], shown["photoCount"]) == ("ComplaintPublication", text, 0)
        assert shown["warning"]
        receipts = (await desk.ask(RECEIPTS, caller="siti")).data["me"]["receipts"]
        assert [each for each in receipts if each["kind"] == "publish_complaint"] == []
        assert (await load_mine(desk, text))["visibility"] == "PRIVATE"

    async def test_the_second_call_publishes_it_and_a_repetition_is_the_same_command(self, desk: HubClient) -> None:
        text = "Lampu mati di pasar."
        mine = await deliver(desk, text)
        shown = await give(desk, "publish", mine["id"], "market-1")
        receipt = await give(desk, "publish", mine["id"], "market-2", confirmation=shown["confirmation"])
        assert (await load_mine(desk, text))["visibility"] == "PUBLIC"
        await wait_for(desk, receipt["number"])
        again = await give(desk, "publish", mine["id"], "market-2", confirmation=shown["confirmation"])
        assert again["number"] == receipt["number"]
        problem = await give(desk, "publish", mine["id"], "market-3")
        assert problem["code"] == "ALREADY_DONE"
        public = await wait_until_public(desk, text)
        assert (public["visibility"], public["supportCount"]) == ("PUBLIC", 0)

    async def test_a_confirmation_of_another_complaint_or_person_publishes_nothing(self, desk: HubClient) -> None:
        first, second = await deliver(desk, "Lampu satu."), await deliver(desk, "Lampu dua.")
        shown = await give(desk, "publish", first["id"], "foreign-1")
        for confirmation in (shown["confirmation"], "", "x", shown["confirmation"][:-2]):
            problem = await give(desk, "publish", second["id"], "foreign-2", confirmation=confirmation)
            assert (problem["code"], problem["field"]) == ("CONFIRMATION_INVALID", "confirmation")
        stranger = await give(
            desk, "publish", first["id"], "foreign-3", caller="budi", confirmation=shown["confirmation"]
        )
        assert stranger["code"] == "UNKNOWN_COMPLAINT"
        assert (await load_mine(desk, "Lampu dua."))["visibility"] == "PRIVATE"


class TestOtherCitizens:
    async def test_support_and_comments_on_a_public_complaint_are_seen_by_writer_then_by_everybody(
        self, desk: HubClient
    ) -> None:
        text = "Lampu mati di taman."
        mine = await deliver(desk, text)
        await publish(desk, mine["id"], "park")
        public = await wait_until_public(desk, text)
        support = await give(desk, "support", public["id"], "park-support", caller="budi")
        node = f'{{ node(id: "{public["id"]}") {{ ... on Complaint {{ {FIELDS} }} }} }}'
        assert (await desk.ask(node, caller="budi")).data["node"]["supportCount"] == 1
        await wait_for(desk, support["number"], caller="budi")
        comment = await give(desk, "comment", public["id"], "park-comment", caller="budi", text="Benar, gelap sekali.")
        await wait_for(desk, comment["number"], caller="budi")
        again = await give(desk, "support", public["id"], "park-again", caller="budi")
        assert again["code"] == "ALREADY_DONE"
        found = await load_mine(desk, text)
        assert (found["supportCount"], found["comments"]) == (
            1,
            [{"text": "Benar, gelap sekali.", "byReporter": False}],
        )

    async def test_reporters_do_not_support_their_own_complaint_whatever_its_id(self, desk: HubClient) -> None:
        text = "Lampu mati di halte."
        mine = await deliver(desk, text)
        await publish(desk, mine["id"], "stop")
        public = await wait_until_public(desk, text)
        assert public["id"] != mine["id"]
        for id_ in (mine["id"], public["id"]):
            assert (await give(desk, "support", id_, f"own-{id_}"))["code"] == "OWN_COMPLAINT"

    @pytest.mark.parametrize(
        ("name", "given"),
        [
            ("publish", {}),
            ("support", {}),
            ("comment", {"text": "Apa ini?"}),
            ("rate", {"rating": 1}),
            ("withdraw", {}),
        ],
    )
    async def test_a_private_complaint_of_another_person_is_as_unknown_as_a_missing_one(
        self, desk: HubClient, name: str, given: Mapping[str, Any]
    ) -> None:
        text = f"Rahasia {name}."
        mine = await deliver(desk, text)
        problem = await give(desk, name, mine["id"], f"stranger-{name}", caller="budi", **given)
        assert problem == {"__typename": "CommandProblem", "code": "UNKNOWN_COMPLAINT", "field": "id"}
        receipts = (await desk.ask(RECEIPTS, caller="budi")).data["me"]["receipts"]
        kinds = {"publish": "publish_complaint", "rate": "rate_resolution", "withdraw": "withdraw_complaint"}
        assert [each for each in receipts if each["kind"] == kinds.get(name)] == []
        assert (await load_mine(desk, text))["comments"] == []

    @pytest.mark.parametrize("caller", [None, "official"])
    @pytest.mark.parametrize("name", ["publish", "support", "comment", "rate", "withdraw"])
    async def test_only_citizens_give_commands(self, desk: HubClient, name: str, caller: str | None) -> None:
        mine = await load_any(desk)
        given = {"text": "x", "rating": 5}
        wanted = {key: value for key, value in given.items() if f"${key}:" in MUTATIONS[name]}
        answer = await desk.ask(MUTATIONS[name], {"id": mine, "key": "k", **wanted}, caller=caller)
        assert (answer.data, [code for _, code in answer.errors]) == (None, ["FORBIDDEN"])


async def load_any(desk: HubClient) -> str:
    answer = await desk.ask("{ me { complaints { id } } }", caller="siti")
    found: str = answer.data["me"]["complaints"][0]["id"]
    return found


class TestTheEnd:
    async def test_a_resolved_complaint_is_rated_once(self, desk: HubClient, complaint_system: RunningAgency) -> None:
        text = "Lampu mati di gang tiga."
        mine = await deliver(desk, text)
        early = await give(desk, "rate", mine["id"], "early", rating=5)
        assert early["code"] == "NOT_RESOLVED"
        complaint_system.resolve_complaint(mine["number"])
        await wait_for_status(desk, text, "RESOLVED")
        for rating in (0, 6, -1):
            problem = await give(desk, "rate", mine["id"], f"wrong{rating}", rating=rating)
            assert (problem["code"], problem["field"]) == ("INVALID_RATING", "rating")
        receipt = await give(desk, "rate", mine["id"], "rated", rating=4)
        assert (await load_mine(desk, text))["rating"] == 4
        await wait_for(desk, receipt["number"])
        assert (await load_mine(desk, text))["rating"] == 4
        assert (await give(desk, "rate", mine["id"], "again", rating=1))["code"] == "ALREADY_DONE"

    async def test_an_open_complaint_is_withdrawn_once(self, desk: HubClient) -> None:
        text = "Lampu mati, ternyata tidak."
        mine = await deliver(desk, text)
        receipt = await give(desk, "withdraw", mine["id"], "withdrawn", reason="Sudah menyala.")
        pending = await load_mine(desk, text)
        assert (pending["status"], pending["isOpen"]) == ("WITHDRAWN", False)
        await wait_for(desk, receipt["number"])
        found = await load_mine(desk, text)
        assert (found["status"], found["isOpen"], found["delivery"]) == ("WITHDRAWN", False, None)
        assert (await give(desk, "withdraw", mine["id"], "twice"))["code"] == "ALREADY_DONE"


async def wait_for_status(desk: HubClient, text: str, status: str) -> None:
    async def has_status() -> bool:
        return bool((await load_mine(desk, text))["status"] == status)

    await wait_until_answered(has_status, timeout=70)


async def test_commands_about_a_complaint_that_waits_for_its_agency_follow_it_in_order(
    desk: HubClient, complaint_system: RunningAgency, settings: Settings
) -> None:
    text = "Lampu mati saat sistem mati."
    complaint_system.kill()
    try:
        number = await submit(desk, text)
        id_ = NodeIds(settings.secret_bytes).seal("Complaint", number)
        comment = await give(desk, "comment", id_, "waiting-comment", text="Tolong segera.")
        assert comment["waitsFor"] == number
        shown = await give(desk, "publish", id_, "waiting-publish-1")
        assert (shown["description"], shown["address"]) == (text, "Jl. Melati 3")
        publication = await give(desk, "publish", id_, "waiting-publish-2", confirmation=shown["confirmation"])
        withdrawal = await give(desk, "withdraw", id_, "waiting-withdrawal")
        stranger = await desk.ask(MUTATIONS["rate"], {"id": id_, "key": "s", "rating": 1}, caller="dewi")
        assert [code for _, code in stranger.errors] == ["AGENCY_UNAVAILABLE"]
    finally:
        complaint_system.restart()
    for each in (number, comment["number"], publication["number"], withdrawal["number"]):
        await wait_for(desk, each)
    found = await load_mine(desk, text)
    assert found["comments"] == [{"text": "Tolong segera.", "byReporter": True}]
    assert (found["status"], found["visibility"]) == ("WITHDRAWN", "PUBLIC")


async def test_a_comment_whose_reply_was_lost_is_found_by_its_reference_and_not_sent_again(
    complaint_system: RunningAgency, city_snapshots: Path, issuer: DevelopmentIssuer, tmp_path: Path
) -> None:
    async def forward(asked: ReceivedRequest, writer: StreamWriter) -> None:
        sent = {name: value for name, value in asked.headers.items() if name in {"x-api-key", "content-type"}}
        answer = await asyncio.to_thread(
            ask, complaint_system, asked.method, asked.target, body=asked.body, headers=sent
        )
        if asked.target.endswith("/comment.json"):
            writer.close()
        else:
            writer.write(reply(answer.status, answer.body))

    commands = {name: table | {"settle": "1 s"} for name, table in MANIFEST["commands"].items()}
    with state_server(tmp_path / "state") as state_url:
        async with serve_bytes(forward) as proxy:
            wire = MANIFEST["wire"] | {"url": f"{proxy.url}/open311/v2"}
            changes = {"crm": {"wire": wire, "commands": commands}}
            settings = build_settings(
                RunningCity(agencies={}, snapshots=city_snapshots),
                state_url=state_url,
                issuer=issuer,
                folder=tmp_path,
                city=build_city({"SIMPUL_CRM_KEY": complaint_system.secret}, changes=changes),
            )
            async with running_hub(settings, issuer) as desk:
                mine = await deliver(desk, "Lampu mati di ujung jalan.")
                comment = await give(desk, "comment", mine["id"], "lost", text="Balasan hilang.")
                await wait_for(desk, comment["number"])
                found = await load_mine(desk, "Lampu mati di ujung jalan.")
        targets = [each.target for each in proxy.asked]
    assert [each["text"] for each in found["comments"]] == ["Balasan hilang."]
    assert len([each for each in targets if each.endswith("/comment.json")]) == 1
    assert [each for each in targets if each.endswith("/actions/search.json")] != []
