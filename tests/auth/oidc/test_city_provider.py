"""The sandbox city's OpenID provider needs only address and audience as an issuer: its claims are the hub's own."""

from __future__ import annotations

import asyncio

import pytest

from auth.caller import Assurance, Caller, CallerKind
from auth.tokens.issuer_keys import IssuerKeys
from auth.tokens.issuers import Issuer
from auth.tokens.token_verifier import TokenVerifier, Unauthenticated
from connectors.issuer_http import IssuerDocuments
from records.hub.clients import ClientId
from records.identifiers import Nik
from sandbox.issuer.clients import CLIENTS
from sandbox.issuer.people import STAFF, list_people
from sandbox.population.samples import SAMPLES
from tests.sandbox.provider_browser import SITI, exchange_code, issuer_url, obtain_code, request_client_token, sign_in
from tests.sandbox_agencies import RunningAgency


@pytest.fixture
def reader(openid_provider: RunningAgency) -> TokenVerifier:
    kinds = [each.value for each in CallerKind if each is not CallerKind.ANONYMOUS]
    entry = {"name": "city", "url": issuer_url(openid_provider), "audience": "simpul", "kinds": kinds}
    entry["first_party"] = [each.id for each in CLIENTS.values() if each.person_kinds]
    return TokenVerifier([IssuerKeys(Issuer.model_validate(entry), IssuerDocuments("city", timeout=5))])


async def verify_token(reader: TokenVerifier, token: str) -> Caller:
    caller = reader.verify(f"Bearer {token}")
    return caller if isinstance(caller, Caller) else await caller


async def test_a_person_who_signed_in_is_a_citizen(reader: TokenVerifier, openid_provider: RunningAgency) -> None:
    token = (await asyncio.to_thread(sign_in, openid_provider, SITI | {"acr": "high"}))["access_token"]
    caller = await verify_token(reader, token)
    assert (caller.kind, caller.nik, caller.client) == (
        CallerKind.CITIZEN,
        SAMPLES["siti"].nik,
        ClientId("city", "city-app"),
    )
    assert (caller.assurance, caller.on_behalf_of) == (Assurance.HIGH, None)
    assert caller.subject.startswith(f"{issuer_url(openid_provider)} ")


async def test_an_assistant_acts_for_the_person_they_assist(
    reader: TokenVerifier, openid_provider: RunningAgency
) -> None:
    chosen = SITI | {"person": "agus-for-dewi"}
    token = (await asyncio.to_thread(sign_in, openid_provider, chosen))["access_token"]
    caller = await verify_token(reader, token)
    assert (caller.nik, caller.on_behalf_of) == (Nik(SAMPLES["agus"].nik), Nik(SAMPLES["dewi"].nik))


@pytest.mark.parametrize("person", [each.key for each in STAFF])
async def test_people_at_work_are_callers_as_listed(
    reader: TokenVerifier, openid_provider: RunningAgency, person: str
) -> None:
    asked = {"client_id": "graphiql", "redirect_uri": "http://127.0.0.1:8123/graphiql"}
    code = await asyncio.to_thread(obtain_code, openid_provider, SITI | {"person": person}, **asked)
    answer = await asyncio.to_thread(exchange_code, openid_provider, code, **asked)
    caller = await verify_token(reader, answer.json["access_token"])
    expected = next(each for each in STAFF if each.key == person)
    assert (caller.kind.value, caller.nib, caller.agency, caller.unit, caller.role) == (
        expected.kind,
        expected.nib,
        expected.agency,
        expected.unit,
        expected.role,
    )
    assert caller.nik is None


def test_the_city_has_every_kind_of_caller() -> None:
    kinds = {each.kind for each in list_people().values()} | {each.kind for each in CLIENTS.values() if each.kind}
    assert kinds == {each.value for each in CallerKind if each is not CallerKind.ANONYMOUS}


@pytest.mark.parametrize(
    ("client", "kind", "agency"),
    [
        ("kredit-nusantara", CallerKind.PARTNER, None),
        ("crm-dispatch", CallerKind.AGENCY_SYSTEM, "crm"),
    ],
)
async def test_an_application_is_the_caller_that_the_provider_states(
    reader: TokenVerifier, openid_provider: RunningAgency, client: str, kind: CallerKind, agency: str | None
) -> None:
    answer = await asyncio.to_thread(request_client_token, openid_provider, client)
    caller = await verify_token(reader, answer.json["access_token"])
    assert (caller.kind, caller.agency, caller.client) == (kind, agency, ClientId("city", client))
    assert caller.scopes == frozenset(answer.json["scope"].split())
    assert caller.scopes


async def test_its_id_tokens_are_refused(reader: TokenVerifier, openid_provider: RunningAgency) -> None:
    token = (await asyncio.to_thread(sign_in, openid_provider))["id_token"]
    with pytest.raises(Unauthenticated, match="unsupported_type"):
        await verify_token(reader, token)
