"""Attacks by apps of citizens: what an app that is not the city's own reads beyond its scopes, and what it changes.

Each is refused before anything is done: no data, no agency asked, nothing changed.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest

from records.purposes import CitizenScope
from resolvers.consents import Consents
from tests.loopback_issuer import LoopbackIssuer, loopback_issuer
from tests.small_consents import REQUEST, SmallConsents, request
from tests.small_hub import Answer, SmallHub, small_hub
from tests.small_records import BUDI, SITI

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
    "citizen:complaints": ("complaints { description }", "crm"),
}
"""By scope: what it opens, and who is asked for that. Health opens one field of another part."""
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


@dataclass(frozen=True)
class Place:
    """A hub with one app of the city's own, and what it was asked."""

    hub: SmallHub
    issuer: LoopbackIssuer
    consents: SmallConsents

    async def ask(self, query: str, scope: object = "", *, client: str | None = OTHER_APP, **claims: object) -> Answer:
        """Ask by an app, and forget what was asked before."""
        self.hub.city.asked.clear()
        token = self.issuer.token(None, client_id=client, scope=scope or None, **claims)
        return await self.hub.ask(query, token=token)


@pytest.fixture(scope="module")
async def running() -> AsyncIterator[Place]:
    async with loopback_issuer() as issuer:
        consents = SmallConsents()
        entry = issuer.entry(first_party=(OWN_APP,))
        async with small_hub([entry], own={Consents: consents}) as hub:
            yield Place(hub, issuer, consents)


@pytest.fixture
def place(running: Place) -> Place:
    running.consents.reset()
    running.consents.give(1)
    running.consents.requests[REQUEST] = request("https://partner.example/back")
    running.hub.city.asked.clear()
    return running


def refusals(answer: Answer) -> set[tuple[str, str]]:
    """Code and reason of each error."""
    found = (each["extensions"] for each in answer.body.get("errors", ()))
    return {(each["code"], each.get("reason", "")) for each in found}


def refused_whole(place: Place, answer: Answer, reason: str) -> bool:
    """Whether there is no data, the reason is as expected, no agency was called, and nothing changed."""
    return (
        "data" not in answer.body
        and refusals(answer) == {("FORBIDDEN", reason)}
        and place.hub.city.asked == []
        and place.consents.changes == []
    )


# Reading


async def test_every_scope_opens_a_part_of_this_table_but_health() -> None:
    assert EVERY_SCOPE - PARTS.keys() == {"citizen:health"}


@pytest.mark.parametrize("scope", PARTS)
async def test_a_scope_opens_its_part_and_asks_its_agency_alone(place: Place, scope: str) -> None:
    part, agency = PARTS[scope]
    answer = await place.ask(f"{{ me {{ {part} }} }}", f"openid {scope}")
    assert (answer.codes, place.hub.city.agencies_asked()) == ([], {agency})
    assert all(each is not None for each in answer.body["data"]["me"].values())


@pytest.mark.parametrize("scope", PARTS)
async def test_all_scopes_but_one_leave_its_part_closed_and_its_agency_alone(place: Place, scope: str) -> None:
    part, _ = PARTS[scope]
    answer = await place.ask(f"{{ me {{ {part} }} }}", " ".join(EVERY_SCOPE - {scope}))
    assert refusals(answer) == {("FORBIDDEN", "SCOPE_REQUIRED")}
    assert (set(answer.body["data"]["me"].values()), place.hub.city.asked) == ({None}, [])


@pytest.mark.parametrize("part", IN_NO_SCOPE)
async def test_what_is_in_no_scope_is_for_the_citys_own_apps(place: Place, part: str) -> None:
    answer = await place.ask(f"{{ me {{ {part} }} }}", " ".join(EVERY_SCOPE))
    assert refusals(answer) == {("FORBIDDEN", "FIRST_PARTY_ONLY")}, answer.body
    assert (set(answer.body["data"]["me"].values()), place.hub.city.asked) == ({None}, [])


async def test_the_blood_group_takes_a_scope_more(place: Place) -> None:
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
async def test_without_a_scope_of_citizens_an_app_reads_nothing(place: Place, scope: object) -> None:
    everything = " ".join(part for part, _ in PARTS.values())
    answer = await place.ask(f"{{ me {{ nik {everything} }} }}", scope)
    assert refused_whole(place, answer, "SCOPE_REQUIRED"), answer.body


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
async def test_scopes_in_a_shape_of_their_own_prove_nobody(place: Place, scope: object) -> None:
    answer = await place.ask("{ me { name } }", scope)
    assert (answer.status, answer.codes, place.hub.city.asked) == (401, ["UNAUTHENTICATED"], [])


@pytest.mark.parametrize(
    "client", [None, "", " city-app", "city-app ", "CITY-APP", "city-app\u200b", "*", "city-app,wallet", "simpul-pages"]
)
async def test_only_the_listed_name_is_the_citys_own_app(place: Place, client: str | None) -> None:
    answer = await place.ask("{ me { name } }", client=client)
    assert "data" not in answer.body
    assert place.hub.city.asked == []


async def test_a_claim_of_the_token_makes_no_app_the_citys_own(place: Place) -> None:
    claims: dict[str, Any] = {"first_party": True, "azp": OWN_APP, "aud": ["simpul", OWN_APP]}
    claims["aud"] = [*claims["aud"], *place.issuer.entry().audience]
    assert refused_whole(place, await place.ask("{ me { name } }", **claims), "SCOPE_REQUIRED")


async def test_another_issuers_app_of_the_same_name_is_not_the_citys_own(place: Place) -> None:
    async with loopback_issuer() as other:
        entries = [place.issuer.entry(first_party=(OWN_APP,)), other.entry(name="other", first_party=())]
        async with small_hub(entries) as hub:
            answer = await hub.ask("{ me { name } }", token=other.token(client_id=OWN_APP))
            assert (refusals(answer), hub.city.asked) == ({("FORBIDDEN", "SCOPE_REQUIRED")}, [])


async def test_where_no_app_is_listed_nobody_has_all_rights() -> None:
    async with loopback_issuer() as issuer, small_hub([issuer.entry(first_party=())]) as hub:
        for client in (OWN_APP, "app", None):
            answer = await hub.ask("{ me { name } }", token=issuer.token(client_id=client))
            assert (refusals(answer), hub.city.asked) == ({("FORBIDDEN", "SCOPE_REQUIRED")}, [])


# Other ways to the same data


async def test_node_ids_from_elsewhere_open_nothing_that_the_scopes_do_not(place: Place) -> None:
    query = "{ me { id taxObjects { id } msmes { id } complaints { id visibility } } }"
    me = (await place.ask(query, client=OWN_APP)).body["data"]["me"]
    private = [each["id"] for each in me["complaints"] if each["visibility"] != "PUBLIC"]
    ids = [me["id"], me["taxObjects"][0]["id"], me["msmes"][0]["id"]]
    for id_ in ids:
        answer = await place.ask(f'{{ node(id: "{id_}") {{ __typename id }} }}', "openid")
        assert refusals(answer) == {("FORBIDDEN", "SCOPE_REQUIRED")}, answer.body
        assert ((answer.body.get("data") or {}).get("node"), place.hub.city.asked) == (None, [])
    assert private
    answer = await place.ask(f'{{ node(id: "{private[0]}") {{ id }} }}', " ".join(EVERY_SCOPE - {"citizen:complaints"}))
    assert answer.body["data"]["node"] is None
    assert not any(SITI in keys for _, _, keys in place.hub.city.asked)
    answer = await place.ask(f'{{ node(id: "{private[0]}") {{ id }} }}', "citizen:complaints")
    assert answer.body["data"]["node"] == {"id": private[0]}


async def test_asking_by_the_number_opens_no_more(place: Place) -> None:
    for nik in (SITI, BUDI):
        answer = await place.ask(f'{{ citizen(nik: "{nik}") {{ name }} }}', "citizen:tax")
        assert refused_whole(place, answer, "SCOPE_REQUIRED")
    answer = await place.ask(f'{{ citizen(nik: "{BUDI}") {{ name }} }}', " ".join(EVERY_SCOPE))
    assert (refusals(answer), place.hub.city.asked) == ({("FORBIDDEN", "NOT_YOURS")}, [])


async def test_an_assistants_app_acts_for_nobody(place: Place) -> None:
    answer = await place.ask("{ me { name } }", " ".join(EVERY_SCOPE), on_behalf_of=str(BUDI))
    assert refused_whole(place, answer, "FIRST_PARTY_ONLY")


async def test_two_apps_of_one_person_share_no_answer(place: Place) -> None:
    query = "{ me { taxObjects { nop } } }"
    assert (await place.ask(query, client=OWN_APP)).codes == []
    answer = await place.ask(query, "citizen:identity")
    assert answer.body["data"]["me"]["taxObjects"] is None


# Changing


@pytest.mark.parametrize("change", CHANGES)
async def test_an_app_that_is_not_the_citys_own_changes_nothing(place: Place, change: str) -> None:
    answer = await place.ask(change, " ".join(EVERY_SCOPE))
    assert refused_whole(place, answer, "FIRST_PARTY_ONLY"), answer.body


@pytest.mark.parametrize("change", CHANGES)
async def test_a_change_takes_a_recent_sign_in(place: Place, change: str) -> None:
    answer = await place.ask(change, client=OWN_APP, auth_time=int(time.time()) - 1000)
    assert refused_whole(place, answer, "REAUTHENTICATION_REQUIRED"), answer.body


@pytest.mark.parametrize("moment", [None, "now", True, 0, -1, [1], {}, 10**30, 1e300, "1", "in the future"], ids=repr)
async def test_a_moment_that_is_none_is_no_recent_sign_in(place: Place, moment: object) -> None:
    told = int(time.time()) + 60 if moment == "in the future" else moment
    answer = await place.ask(GRANT, client=OWN_APP, auth_time=told)
    assert refused_whole(place, answer, "REAUTHENTICATION_REQUIRED"), answer.body


async def test_a_fresh_token_of_an_old_sign_in_is_no_recent_sign_in(place: Place) -> None:
    now = int(time.time())
    answer = await place.ask(GRANT, client=OWN_APP, iat=now, auth_time=now - 7200)
    assert refused_whole(place, answer, "REAUTHENTICATION_REQUIRED")


async def test_a_change_among_others_is_refused_alone_and_before_it_is_made(place: Place) -> None:
    refuse = f'a: refuseConsent(request: "{REQUEST}") {{ returnTo }}'
    query = GRANT.replace("{ grantConsent", f"{{ {refuse} b: grantConsent")
    answer = await place.ask(query, " ".join(EVERY_SCOPE))
    assert refused_whole(place, answer, "FIRST_PARTY_ONLY")


async def test_a_change_comes_by_no_get_whoever_asks(place: Place) -> None:
    for client in (OWN_APP, OTHER_APP):
        token = place.issuer.token(client_id=client, scope=" ".join(EVERY_SCOPE))
        for given in ({"query": GRANT}, {"query": GRANT, "extensions": '{"persistedQuery":{"version":1}}'}):
            async with place.hub.http.get(
                f"/graphql?{urlencode(given)}", headers={"Authorization": f"Bearer {token}", "X-Requested-With": "x"}
            ) as response:
                assert response.status in {400, 405}
    assert place.consents.changes == []


async def test_in_the_citys_own_app_after_a_recent_sign_in_a_change_is_made(place: Place) -> None:
    """What the attacks above are compared with."""
    answer = await place.ask(GRANT, client=OWN_APP, auth_time=int(time.time()) - 60)
    assert answer.codes == []
    assert [each[0] for each in place.consents.changes] == ["grant"]
