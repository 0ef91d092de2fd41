"""Attacks by citizens' apps: a third-party app reads beyond its scopes, or makes changes.

Each is refused before any work: no data, no agency called, nothing changed.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest

from records.purposes import CitizenScope
from resolvers.hub.consents import Consents
from tests.fakes.issuers.loopback_issuer import LoopbackIssuer, run_loopback_issuer
from tests.fakes.small_consents import REQUEST, SmallConsents, build_request
from tests.fakes.small_hub import SmallHub, SmallHubAnswer, run_small_hub
from tests.fakes.small_records import BUDI, NOBODY, SITI

OWN_APP, OTHER_APP = "city-app", "wallet"
EVERY_SCOPE = frozenset(each.value for each in CitizenScope)
PARTS: Mapping[str, tuple[str, str | None]] = {
    "citizen:identity": ("name", "dukcapil"),
    "citizen:residence": ("residence { address }", "dukcapil"),
    "citizen:civil-status": ("civilStatus { religion }", "dukcapil"),
    "citizen:parentage": ("parentage { motherName }", "dukcapil"),
    "citizen:household": ("household { familyCardNumber members { name } }", "dukcapil"),
    "citizen:tax": ("taxObjects { nop bills { year } }", "pbb"),
    "citizen:msmes": ("msmes { name products { name } }", "jakpreneur"),
    "citizen:education": ("students { grade kjp { round } }", "disdik"),
    "citizen:complaints": ("complaints { description }", "crm"),
}
"""By scope: the part that it opens, and the agency that is called. Health opens one field of another part."""
IN_NO_SCOPE = (
    "accessLog { nodes { at } }",
    "consents { nodes { id } }",
    f'consentRequest(id: "{REQUEST}") {{ partner }}',
    "dataRequests { nodes { number } }",
    "restrictions { number }",
    "export { url }",
)
GRANT = f'mutation {{ grantConsent(request: "{REQUEST}", scopes: [TAX]) {{ returnTo }} }}'
CHANGES = (
    GRANT,
    f'mutation {{ refuseConsent(request: "{REQUEST}") {{ returnTo }} }}',
    'mutation { revokeConsent(consent: "persetujuan-1") { id } }',
    'mutation { requestCorrection(field: "Residence.address", says: "x", wanted: "y", key: "1") { number } }',
    'mutation { requestErasure(says: "x", key: "1") { number } }',
    'mutation { requestAccessCopy(key: "1") { number } }',
    'mutation { objectToDecision(says: "x", key: "1") { number } }',
    'mutation { restrictProcessing(key: "1") { number } }',
    'mutation { endRestriction(number: "1") { number } }',
    'mutation { withdrawDataRequest(number: "1") { number } }',
)
SUBMIT = 'mutation { submitComplaint(complaint: {categoryCode: "C-1", description: "x"}, key: "1") { __typename } }'
FOLLOW_UPS = (
    'mutation { publishComplaint(id: "x", key: "1") { __typename } }',
    'mutation { supportComplaint(id: "x", key: "1") { __typename } }',
    'mutation { commentComplaint(id: "x", text: "x", key: "1") { __typename } }',
    'mutation { rateResolution(id: "x", rating: 1, key: "1") { __typename } }',
    'mutation { withdrawComplaint(id: "x", key: "1") { __typename } }',
)


@dataclass(frozen=True)
class CitizenAppWorld:
    """A hub with one of the city's own apps, and its agencies' calls."""

    hub: SmallHub
    issuer: LoopbackIssuer
    consents: SmallConsents

    async def ask(
        self, query: str, scope: object = "", *, client: str | None = OTHER_APP, **claims: object
    ) -> SmallHubAnswer:
        """Send a request by an app, with the calls reset before."""
        self.hub.city.calls.clear()
        token = self.issuer.token(None, client_id=client, scope=scope or None, **claims)
        return await self.hub.ask(query, token=token)


@pytest.fixture(scope="module")
async def running() -> AsyncIterator[CitizenAppWorld]:
    async with run_loopback_issuer() as issuer:
        consents = SmallConsents()
        entry = issuer.entry(first_party=(OWN_APP,))
        async with run_small_hub([entry], own={Consents: consents}) as hub:
            yield CitizenAppWorld(hub, issuer, consents)


@pytest.fixture
def place(running: CitizenAppWorld) -> CitizenAppWorld:
    running.consents.reset()
    running.consents.add_consents(1)
    running.consents.requests[REQUEST] = build_request("https://partner.example/back")
    running.hub.city.calls.clear()
    return running


def refusals(answer: SmallHubAnswer) -> set[tuple[str, str]]:
    """Code and reason of each error."""
    found = (each["extensions"] for each in answer.body.get("errors", ()))
    return {(each["code"], each.get("reason", "")) for each in found}


def is_refused_entirely(place: CitizenAppWorld, answer: SmallHubAnswer, reason: str) -> bool:
    """Whether there is no data, the reason is as expected, no agency was called, and nothing changed."""
    return (
        "data" not in answer.body
        and refusals(answer) == {("FORBIDDEN", reason)}
        and place.hub.city.calls == []
        and place.consents.changes == []
    )


# Reading


async def test_every_scope_except_health_opens_a_part_of_this_table() -> None:
    assert EVERY_SCOPE - PARTS.keys() == {"citizen:health"}


@pytest.mark.parametrize("scope", PARTS)
async def test_a_scope_opens_only_its_part_and_only_its_agency_is_called(place: CitizenAppWorld, scope: str) -> None:
    part, agency = PARTS[scope]
    answer = await place.ask(f"{{ me {{ {part} }} }}", f"openid {scope}")
    assert (answer.codes, place.hub.city.list_called_agencies()) == ([], {agency})
    assert all(each is not None for each in answer.body["data"]["me"].values())


@pytest.mark.parametrize("scope", PARTS)
async def test_without_its_scope_a_part_is_refused_and_its_agency_not_called(
    place: CitizenAppWorld, scope: str
) -> None:
    part, _ = PARTS[scope]
    answer = await place.ask(f"{{ me {{ {part} }} }}", " ".join(EVERY_SCOPE - {scope}))
    assert refusals(answer) == {("FORBIDDEN", "SCOPE_REQUIRED")}
    assert (set(answer.body["data"]["me"].values()), place.hub.city.calls) == ({None}, [])


@pytest.mark.parametrize("part", IN_NO_SCOPE)
async def test_a_field_in_no_scope_is_only_for_the_citys_own_apps(place: CitizenAppWorld, part: str) -> None:
    answer = await place.ask(f"{{ me {{ {part} }} }}", " ".join(EVERY_SCOPE))
    assert refusals(answer) == {("FORBIDDEN", "FIRST_PARTY_ONLY")}, answer.body
    assert (set(answer.body["data"]["me"].values()), place.hub.city.calls) == ({None}, [])


async def test_the_blood_group_needs_an_additional_scope(place: CitizenAppWorld) -> None:
    query = "{ me { civilStatus { religion bloodType } } }"
    answer = await place.ask(query, "citizen:civil-status")
    assert answer.body["data"]["me"]["civilStatus"] == {"religion": "Islam", "bloodType": None}
    assert refusals(answer) == {("FORBIDDEN", "SCOPE_REQUIRED")}
    answer = await place.ask(query, "citizen:civil-status citizen:health")
    assert answer.body["data"]["me"]["civilStatus"] == {"religion": "Islam", "bloodType": "O"}


@pytest.mark.parametrize(
    "scope",
    [
        "",
        "openid profile tax msmes identity",
        "CITIZEN:TAX Citizen:identity",
        "citizen:* * citizen:",
        ["citizen", ":tax"],
        "first-party city-app",
    ],
    ids=str,
)
async def test_without_a_citizens_scope_an_app_reads_nothing(place: CitizenAppWorld, scope: object) -> None:
    everything = " ".join(part for part, _ in PARTS.values())
    answer = await place.ask(f"{{ me {{ nik {everything} }} }}", scope)
    assert is_refused_entirely(place, answer, "SCOPE_REQUIRED"), answer.body


@pytest.mark.parametrize(
    "scope",
    [
        "citizen:tax\tcitizen:identity",
        "citizen:tax\u00a0citizen:identity",
        ["citizen:tax citizen:identity"],
        {"a": 1},
        5,
    ],
)
async def test_malformed_scopes_are_refused(place: CitizenAppWorld, scope: object) -> None:
    answer = await place.ask("{ me { name } }", scope)
    assert (answer.status, answer.codes, place.hub.city.calls) == (401, ["UNAUTHENTICATED"], [])


@pytest.mark.parametrize(
    "client", [None, "", " city-app", "city-app ", "CITY-APP", "city-app\u200b", "*", "city-app,wallet", "simpul-pages"]
)
async def test_only_an_exactly_listed_client_is_the_citys_own_app(place: CitizenAppWorld, client: str | None) -> None:
    answer = await place.ask("{ me { name } }", client=client)
    assert "data" not in answer.body
    assert place.hub.city.calls == []


async def test_no_claim_of_the_token_makes_an_app_the_citys_own(place: CitizenAppWorld) -> None:
    claims: dict[str, Any] = {"first_party": True, "azp": OWN_APP, "aud": ["simpul", OWN_APP]}
    claims["aud"] = [*claims["aud"], *place.issuer.entry().audience]
    assert is_refused_entirely(place, await place.ask("{ me { name } }", **claims), "SCOPE_REQUIRED")


async def test_another_issuers_app_with_the_same_name_is_not_the_citys_own(place: CitizenAppWorld) -> None:
    async with run_loopback_issuer() as other:
        entries = [place.issuer.entry(first_party=(OWN_APP,)), other.entry(name="other", first_party=())]
        async with run_small_hub(entries) as hub:
            answer = await hub.ask("{ me { name } }", token=other.token(client_id=OWN_APP))
            assert (refusals(answer), hub.city.calls) == ({("FORBIDDEN", "SCOPE_REQUIRED")}, [])


async def test_without_listed_apps_no_app_has_all_rights() -> None:
    async with run_loopback_issuer() as issuer, run_small_hub([issuer.entry(first_party=())]) as hub:
        for client in (OWN_APP, "app", None):
            answer = await hub.ask("{ me { name } }", token=issuer.token(client_id=client))
            assert (refusals(answer), hub.city.calls) == ({("FORBIDDEN", "SCOPE_REQUIRED")}, [])


# Other ways to the same data


async def test_node_ids_from_elsewhere_open_no_more_than_the_scopes(place: CitizenAppWorld) -> None:
    query = "{ me { id taxObjects { id } msmes { id } complaints { id visibility } } }"
    me = (await place.ask(query, client=OWN_APP)).body["data"]["me"]
    private = [each["id"] for each in me["complaints"] if each["visibility"] != "PUBLIC"]
    ids = [me["id"], me["taxObjects"][0]["id"], me["msmes"][0]["id"]]
    for id_ in ids:
        answer = await place.ask(f'{{ node(id: "{id_}") {{ __typename id }} }}', "openid")
        assert refusals(answer) == {("FORBIDDEN", "SCOPE_REQUIRED")}, answer.body
        assert ((answer.body.get("data") or {}).get("node"), place.hub.city.calls) == (None, [])
    assert private
    answer = await place.ask(f'{{ node(id: "{private[0]}") {{ id }} }}', " ".join(EVERY_SCOPE - {"citizen:complaints"}))
    assert answer.body["data"]["node"] is None
    assert not any(SITI in keys for _, _, keys in place.hub.city.calls)
    answer = await place.ask(f'{{ node(id: "{private[0]}") {{ id }} }}', "citizen:complaints")
    assert answer.body["data"]["node"] == {"id": private[0]}


async def test_a_query_by_the_identity_number_opens_no_more(place: CitizenAppWorld) -> None:
    for nik in (SITI, BUDI):
        answer = await place.ask(f'{{ citizen(nik: "{nik}") {{ name }} }}', "citizen:tax")
        assert is_refused_entirely(place, answer, "SCOPE_REQUIRED")
    answer = await place.ask(f'{{ citizen(nik: "{BUDI}") {{ name }} }}', " ".join(EVERY_SCOPE))
    assert (refusals(answer), place.hub.city.calls) == ({("FORBIDDEN", "NOT_YOURS")}, [])


async def test_a_third_party_app_of_an_assistant_reads_nothing(place: CitizenAppWorld) -> None:
    answer = await place.ask("{ me { name } }", " ".join(EVERY_SCOPE), on_behalf_of=str(BUDI))
    assert is_refused_entirely(place, answer, "FIRST_PARTY_ONLY")


async def test_two_apps_of_one_person_do_not_share_an_answer(place: CitizenAppWorld) -> None:
    query = "{ me { taxObjects { nop } } }"
    assert (await place.ask(query, client=OWN_APP)).codes == []
    answer = await place.ask(query, "citizen:identity")
    assert answer.body["data"]["me"]["taxObjects"] is None


async def test_a_limited_delegation_reads_only_what_its_scopes_open(place: CitizenAppWorld) -> None:
    """A whole delegation before it must not decide for it."""
    query, helped = "{ me { taxObjects { nop } } }", {"on_behalf_of": str(BUDI)}
    assert (await place.ask(query, client=OWN_APP, **helped)).codes == []
    answer = await place.ask(query, "citizen:complaints", client=OWN_APP, **helped)
    assert (refusals(answer), place.hub.city.calls) == ({("FORBIDDEN", "SCOPE_REQUIRED")}, [])


# Changing


@pytest.mark.parametrize("change", [*CHANGES, SUBMIT, *FOLLOW_UPS])
async def test_a_third_party_app_changes_nothing(place: CitizenAppWorld, change: str) -> None:
    answer = await place.ask(change, " ".join(EVERY_SCOPE))
    assert is_refused_entirely(place, answer, "FIRST_PARTY_ONLY"), answer.body


@pytest.mark.parametrize(
    ("claims", "status", "refusal"),
    [
        ({}, 200, set()),
        ({"exp": 1}, 401, {("UNAUTHENTICATED", "")}),
        ({"scope": "citizen:tax"}, 200, {("FORBIDDEN", "SCOPE_REQUIRED")}),
        ({"on_behalf_of": str(NOBODY)}, 200, {("FORBIDDEN", "NOT_YOURS")}),
        ({"on_behalf_of": None}, 200, {("FORBIDDEN", "NOT_YOURS")}),
        ({"client": OTHER_APP, "scope": "citizen:complaints"}, 200, {("FORBIDDEN", "FIRST_PARTY_ONLY")}),
    ],
    ids=["whole", "expired", "without complaints", "of another", "none", "in another app"],
)
async def test_a_complaint_in_the_name_of_a_person_needs_their_delegation(
    place: CitizenAppWorld, claims: dict[str, Any], status: int, refusal: set[tuple[str, str]]
) -> None:
    place.hub.city.accepted_commands.clear()
    change = SUBMIT.replace('"x"', '"x", address: "y"').replace("key:", f'forPerson: "{BUDI}", key:')
    answer = await place.ask(change, **{"client": OWN_APP, "on_behalf_of": str(BUDI), **claims})
    assert (answer.status, refusals(answer)) == (status, refusal)
    accepted = [each.subject for each in place.hub.city.accepted_commands]
    assert accepted == ([] if refusal else [BUDI])
    if refusal:
        assert place.hub.city.calls == []


@pytest.mark.parametrize("change", CHANGES)
async def test_a_change_needs_a_recent_sign_in(place: CitizenAppWorld, change: str) -> None:
    answer = await place.ask(change, client=OWN_APP, auth_time=int(time.time()) - 1000)
    assert is_refused_entirely(place, answer, "REAUTHENTICATION_REQUIRED"), answer.body


@pytest.mark.parametrize("moment", [None, "now", True, 0, -1, [1], {}, 10**30, 1e300, "1", "in the future"], ids=repr)
async def test_an_invalid_time_is_no_recent_sign_in(place: CitizenAppWorld, moment: object) -> None:
    authenticated_at = int(time.time()) + 60 if moment == "in the future" else moment
    answer = await place.ask(GRANT, client=OWN_APP, auth_time=authenticated_at)
    assert is_refused_entirely(place, answer, "REAUTHENTICATION_REQUIRED"), answer.body


async def test_a_new_token_of_an_old_sign_in_is_no_recent_sign_in(place: CitizenAppWorld) -> None:
    now = int(time.time())
    answer = await place.ask(GRANT, client=OWN_APP, iat=now, auth_time=now - 7200)
    assert is_refused_entirely(place, answer, "REAUTHENTICATION_REQUIRED")


async def test_a_refused_change_among_others_is_refused_alone_and_not_executed(place: CitizenAppWorld) -> None:
    refuse = f'a: refuseConsent(request: "{REQUEST}") {{ returnTo }}'
    query = GRANT.replace("{ grantConsent", f"{{ {refuse} b: grantConsent")
    answer = await place.ask(query, " ".join(EVERY_SCOPE))
    assert is_refused_entirely(place, answer, "FIRST_PARTY_ONLY")


async def test_no_caller_can_change_anything_by_get(place: CitizenAppWorld) -> None:
    for client in (OWN_APP, OTHER_APP):
        token = place.issuer.token(client_id=client, scope=" ".join(EVERY_SCOPE))
        for given in ({"query": GRANT}, {"query": GRANT, "extensions": '{"persistedQuery":{"version":1}}'}):
            async with place.hub.http.get(
                f"/graphql?{urlencode(given)}", headers={"Authorization": f"Bearer {token}", "X-Requested-With": "x"}
            ) as response:
                assert response.status in {400, 405}
    assert place.consents.changes == []


async def test_the_citys_own_app_makes_a_change_after_a_recent_sign_in(place: CitizenAppWorld) -> None:
    """The counterpart of the attacks above."""
    answer = await place.ask(GRANT, client=OWN_APP, auth_time=int(time.time()) - 60)
    assert answer.codes == []
    assert [each[0] for each in place.consents.changes] == ["grant"]


@pytest.mark.parametrize("client", [OTHER_APP, OWN_APP.upper(), None])
@pytest.mark.parametrize("query", [f'{{ citizen(nik: "{BUDI}") {{ name }} }}', "{ accessEntries { nodes { at } } }"])
@pytest.mark.parametrize("kind", ["official", "supervisor", "auditor", "protection-officer"])
async def test_an_app_in_which_an_official_signs_in_gets_none_of_their_rights(
    place: CitizenAppWorld, kind: str, query: str, client: str | None
) -> None:
    """Otherwise it could state any purpose and read about every person."""
    claims: dict[str, object] = {"kind": kind, "nik": None, "purpose": "CIVIL_REGISTRATION", "case": "C/1"}
    claims["agency"] = "dukcapil" if kind in {"official", "supervisor"} else None
    answer = await place.ask(query, client=client, **claims)
    assert (answer.status, answer.codes, place.hub.city.calls) == (401, ["UNAUTHENTICATED"], [])
    assert "names no app of the city" in answer.body["errors"][0]["message"]


async def test_the_citys_own_app_gives_an_official_their_rights(place: CitizenAppWorld) -> None:
    """The counterpart."""
    official = {"kind": "official", "nik": None, "agency": "dukcapil", "purpose": "CIVIL_REGISTRATION", "case": "C/1"}
    answer = await place.ask(f'{{ citizen(nik: "{BUDI}") {{ name }} }}', client=OWN_APP, **official)
    assert (answer.status, answer.codes) == (200, [])
