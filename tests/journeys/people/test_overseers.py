"""Those who oversee see who read what, within their bounds, without a name; and are seen doing it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from auth.caller import Caller, CallerKind
from auth.crypto.pseudonyms import Pseudonyms
from records.identifiers import Nik
from records.purposes import Purpose
from tests.journeys.hub_process import CITIZEN, PERSONAL, SECRET, SITI, HubProcess, ask
from tests.plugins.run_folder import short_folder

BUDI = Nik("3171010101809002")
RINA = Caller(kind=CallerKind.OFFICIAL, agency="dukcapil", purpose=Purpose.CIVIL_REGISTRATION.name, case="SIPIL/1")
JOKO = Caller(kind=CallerKind.OFFICIAL, agency="pbb", purpose=Purpose.TAX_ASSESSMENT.name, case="PBB/1")
WULAN = Caller(kind=CallerKind.SUPERVISOR, agency="dukcapil")
RATNA = Caller(kind=CallerKind.AUDITOR)
DPO = Caller(kind=CallerKind.PROTECTION_OFFICER)
_SELECTED = "nodes { person reader readerKind agency case legalBasis fields classes requestId } pageInfo { endCursor }"


@pytest.fixture(scope="module")
async def hub() -> AsyncIterator[HubProcess]:
    """A hub of which two officials and Siti asked something; no agency answers, so a NIK counts as known."""
    with short_folder() as folder:
        hub = HubProcess(folder)
        hub.postgres.start()
        try:
            hub.start()
            for caller, name in ((RINA, "rina"), (JOKO, "joko")):
                async with hub.client(caller) as session:
                    for nik in (SITI, BUDI):
                        query = {"query": f'query Look {{ citizen(nik: "{nik}") {{ nik }} }}'}
                        assert (await ask(session, query, f"{name}-asks-{nik[-1]}"))["data"]["citizen"]["nik"] == nik
            async with hub.client() as session:
                await ask(session, PERSONAL, "siti-asks-2")
            yield hub
        finally:
            hub.kill()
            hub.postgres.stop()


async def entries(hub: HubProcess, caller: Caller, arguments: str = "first: 9", **headers: str) -> Any:  # noqa: ANN401 - JSON
    """The answer; those of overseers themselves are left out by the names of requests."""
    field = "accessEntriesOf" if "nik:" in arguments else "accessEntries"
    async with hub.client(caller, **headers) as session:
        return await ask(session, {"query": f"{{ {field}({arguments}) {{ {_SELECTED} }} }}"}, "looked-at")


def get_codes(answer: Any) -> list[str]:  # noqa: ANN401 - JSON
    """The requests of what was read, but for looks at the ledger."""
    [page] = answer["data"].values()
    return [node["requestId"] for node in page["nodes"] if node["requestId"] != "looked-at"]


async def test_a_supervisor_sees_what_readers_of_their_agency_read_and_nothing_else(hub: HubProcess) -> None:
    answer = await entries(hub, WULAN)
    assert get_codes(answer) == ["rina-asks-2", "rina-asks-1"]
    assert {node["agency"] for node in answer["data"]["accessEntries"]["nodes"]} == {"dukcapil"}
    other = await entries(hub, WULAN, 'filter: { agency: "pbb" }')
    assert other["data"] == {"accessEntries": None}
    assert [error["extensions"]["reason"] for error in other["errors"]] == ["NOT_YOUR_AGENCY"]


async def test_an_auditor_sees_all_and_whatever_a_filter_names(hub: HubProcess) -> None:
    assert get_codes(await entries(hub, RATNA, "first: 100")) == [
        "siti-asks-2",
        "joko-asks-2",
        "joko-asks-1",
        "rina-asks-2",
        "rina-asks-1",
    ]
    assert get_codes(await entries(hub, RATNA, 'filter: { agency: "pbb", case: "PBB/1" }')) == [
        "joko-asks-2",
        "joko-asks-1",
    ]
    assert get_codes(await entries(hub, RATNA, "filter: { readerKind: CITIZEN }")) == ["siti-asks-2"]
    assert get_codes(await entries(hub, RATNA, 'filter: { operation: "Look", requestId: "joko-asks-1" }')) == [
        "joko-asks-1"
    ]
    assert get_codes(await entries(hub, RATNA, 'filter: { readUntil: "2020-01-01T00:00:00Z" }')) == []


async def test_an_entry_says_everything_but_who_it_was(hub: HubProcess) -> None:
    answer = await entries(hub, RATNA, 'filter: { requestId: "rina-asks-1" }')
    [node] = answer["data"]["accessEntries"]["nodes"]
    assert {name: value for name, value in node.items() if name not in ("person", "reader")} == {
        "readerKind": "official",
        "agency": "dukcapil",
        "case": "SIPIL/1",
        "legalBasis": "public-task",
        "fields": ["Citizen.nik", "Query.citizen"],
        "classes": ["PERSONAL"],
        "requestId": "rina-asks-1",
    }
    pseudonym = Pseudonyms(SECRET).pseudonymize_person(SITI).hex()
    assert not any(each in str(answer) for each in (SITI, BUDI, pseudonym))


async def test_one_person_is_recognised_within_a_case_and_in_no_other(hub: HubProcess) -> None:
    async def persons(case: str) -> dict[str, tuple[str, str]]:
        answer = await entries(hub, RATNA, "first: 100", **{"X-Case": case})
        nodes = answer["data"]["accessEntries"]["nodes"]
        return {node["requestId"]: (node["person"], node["reader"]) for node in nodes}

    one, other = await persons("AUDIT/1"), await persons("AUDIT/2")
    assert one["rina-asks-1"][0] == one["joko-asks-1"][0] == one["siti-asks-2"][0] == one["siti-asks-2"][1]
    assert one["rina-asks-2"][0] == one["joko-asks-2"][0] != one["rina-asks-1"][0]
    assert one["rina-asks-1"][1] == one["rina-asks-2"][1] != one["joko-asks-1"][1]
    assert not {token for pair in one.values() for token in pair} & {token for pair in other.values() for token in pair}
    person, reader = one["rina-asks-1"]
    wanted = f'filter: {{ person: "{person}", reader: "{reader}" }}'
    assert get_codes(await entries(hub, RATNA, wanted, **{"X-Case": "AUDIT/1"})) == ["rina-asks-1"]
    refused = await entries(hub, RATNA, wanted, **{"X-Case": "AUDIT/2"})
    assert [error["extensions"]["code"] for error in refused["errors"]] == ["BAD_USER_INPUT"]
    assert person not in str(refused)


async def test_the_protection_officer_asks_about_a_person_for_their_case_alone(hub: HubProcess) -> None:
    about = f'nik: "{SITI}", first: 100'
    refused = await entries(hub, DPO, about)
    assert [error["extensions"]["reason"] for error in refused["errors"]] == ["CASE_REQUIRED"]
    assert get_codes(await entries(hub, DPO, about, **{"X-Case": "PDP/1"})) == [
        "siti-asks-2",
        "joko-asks-1",
        "rina-asks-1",
    ]


@pytest.mark.parametrize("caller", [RATNA, WULAN, RINA, CITIZEN, Caller(kind=CallerKind.OPERATOR)], ids=repr)
async def test_nobody_else_asks_about_a_person(hub: HubProcess, caller: Caller) -> None:
    refused = await entries(hub, caller, f'nik: "{SITI}"', **({} if caller.case else {"X-Case": "PDP/1"}))
    assert "data" not in refused
    assert [error["extensions"]["code"] for error in refused["errors"]] == ["FORBIDDEN"]


async def test_each_oversight_read_is_recorded_and_shown_to_the_person(hub: HubProcess) -> None:
    async def own_log() -> list[str]:
        async with hub.client() as session:
            query = {"query": "{ me { accessLog(first: 100) { nodes { text } } } }"}
            answer = await ask(session, query, "looked-at")
        return [node["text"] for node in answer["data"]["me"]["accessLog"]["nodes"]]

    app, duty = "('development/app')", "Legal basis: a duty by law (UU PDP, article 20 (2) c)."
    looks = {
        "officer": f"The data-protection officer of the city {app} read your access log. Case: PDP/7. {duty}",
        "auditor": f"An auditor of the city {app} read your access log. {duty}",
    }
    await entries(hub, DPO, f'nik: "{SITI}", filter: {{ requestId: "nothing" }}', **{"X-Case": "PDP/7"})
    assert (await own_log())[0] == looks["officer"]
    await entries(hub, RATNA, 'filter: { requestId: "rina-asks-1" }')
    assert (await own_log())[0] == looks["auditor"]
    found = await entries(hub, RATNA, "filter: { readerKind: AUDITOR }, first: 100")
    nodes = found["data"]["accessEntries"]["nodes"]
    assert {(node["legalBasis"], node["classes"][0]) for node in nodes} == {("legal-duty", "PERSONAL")}
    assert any(node["person"] is None and node["fields"] == ["Query.accessEntries"] for node in nodes)
