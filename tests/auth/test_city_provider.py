"""The stand-in city's OpenID provider is an issuer by address and audience alone: its claims are the hub's own."""

from __future__ import annotations

import asyncio

import pytest

from auth.caller import Assurance, Caller, CallerKind
from auth.issuer_keys import IssuerKeys
from auth.issuers import Issuer
from auth.tokens import TokenReader, Unauthenticated
from connectors.issuer_documents import IssuerDocuments
from records.clients import ClientId
from records.identifiers import Nik
from sandbox.issuer_clients import CLIENTS
from sandbox.issuer_people import AT_WORK, listed_people
from sandbox.samples import SAMPLES
from tests.city import RunningAgency
from tests.sandbox.signing_in import SITI, by_itself, code_of, exchanged, issuer_of, signed_in


@pytest.fixture
def reader(openid_provider: RunningAgency) -> TokenReader:
    kinds = [each.value for each in CallerKind if each is not CallerKind.ANONYMOUS]
    entry = {"name": "city", "url": issuer_of(openid_provider), "audience": "simpul", "kinds": kinds}
    return TokenReader([IssuerKeys(Issuer.model_validate(entry), IssuerDocuments("city", patience=5))])


async def proven(reader: TokenReader, token: str) -> Caller:
    caller = reader.caller(f"Bearer {token}")
    return caller if isinstance(caller, Caller) else await caller


async def test_a_person_who_signed_in_is_a_citizen(reader: TokenReader, openid_provider: RunningAgency) -> None:
    token = (await asyncio.to_thread(signed_in, openid_provider, SITI | {"acr": "high"}))["access_token"]
    caller = await proven(reader, token)
    assert (caller.kind, caller.nik, caller.client) == (
        CallerKind.CITIZEN,
        SAMPLES["siti"].nik,
        ClientId("city", "city-app"),
    )
    assert (caller.assurance, caller.on_behalf_of) == (Assurance.HIGH, None)
    assert caller.subject.startswith(f"{issuer_of(openid_provider)} ")


async def test_an_assistant_acts_for_whom_they_assist(reader: TokenReader, openid_provider: RunningAgency) -> None:
    chosen = SITI | {"person": "agus-for-dewi"}
    token = (await asyncio.to_thread(signed_in, openid_provider, chosen))["access_token"]
    caller = await proven(reader, token)
    assert (caller.nik, caller.on_behalf_of) == (Nik(SAMPLES["agus"].nik), Nik(SAMPLES["dewi"].nik))


@pytest.mark.parametrize("person", [each.key for each in AT_WORK])
async def test_people_at_work_are_what_the_list_says(
    reader: TokenReader, openid_provider: RunningAgency, person: str
) -> None:
    asked = {"client_id": "graphiql", "redirect_uri": "http://127.0.0.1:8123/graphiql"}
    code = await asyncio.to_thread(code_of, openid_provider, SITI | {"person": person}, **asked)
    answer = await asyncio.to_thread(exchanged, openid_provider, code, **asked)
    caller = await proven(reader, answer.json["access_token"])
    expected = next(each for each in AT_WORK if each.key == person)
    assert (caller.kind.value, caller.nib, caller.agency, caller.unit, caller.role) == (
        expected.kind,
        expected.nib,
        expected.agency,
        expected.unit,
        expected.role,
    )
    assert caller.nik is None


def test_every_kind_of_caller_can_be_had_in_the_city() -> None:
    kinds = {each.kind for each in listed_people().values()} | {each.kind for each in CLIENTS.values() if each.kind}
    assert kinds == {each.value for each in CallerKind if each is not CallerKind.ANONYMOUS}


@pytest.mark.parametrize(
    ("client", "kind", "agency"),
    [
        ("kredit-nusantara", CallerKind.PARTNER, None),
        ("crm-dispatch", CallerKind.AGENCY_SYSTEM, "crm"),
    ],
)
async def test_an_application_is_what_the_provider_says(
    reader: TokenReader, openid_provider: RunningAgency, client: str, kind: CallerKind, agency: str | None
) -> None:
    answer = await asyncio.to_thread(by_itself, openid_provider, client)
    caller = await proven(reader, answer.json["access_token"])
    assert (caller.kind, caller.agency, caller.client) == (kind, agency, ClientId("city", client))
    assert caller.scopes == frozenset(answer.json["scope"].split())
    assert caller.scopes


async def test_its_id_tokens_prove_nobody(reader: TokenReader, openid_provider: RunningAgency) -> None:
    token = (await asyncio.to_thread(signed_in, openid_provider))["id_token"]
    with pytest.raises(Unauthenticated, match="unsupported_type"):
        await proven(reader, token)
