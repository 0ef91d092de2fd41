"""People and applications that prove themselves at the city's OpenID provider, and then ask the hub."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from auth.caller import CallerKind
from auth.development import DevelopmentIssuer
from auth.issuers import issuers_of
from tests.city import HOST, RunningAgency
from tests.journeys.hub import City, Hub, running_hub, settings_for
from tests.sandbox.signing_in import secret_of, signed_in, token

ME = "{ me { name } }"


@pytest.fixture
async def believing_hub(
    city: City,
    state_url: str,
    issuer: DevelopmentIssuer,
    hub_folder: Path,
    openid_provider: RunningAgency,
) -> AsyncIterator[Hub]:
    """A hub that believes the provider, by one entry in the operator's file."""
    kinds = [kind.value for kind in CallerKind if kind is not CallerKind.ANONYMOUS]
    url = f"http://{HOST}:{openid_provider.port}"
    path = hub_folder / "issuers.json"
    entry = {"name": "city", "url": url, "audience": "simpul", "kinds": kinds, "first_party": ["city-app", "graphiql"]}
    path.write_text(json.dumps({"issuer": [entry]}))
    settings = settings_for(
        city, state_url=state_url, issuer=issuer, folder=hub_folder, issuers=issuers_of(path), issuer_keys=None
    )
    async with running_hub(settings, issuer) as running:
        yield running


async def test_a_citizen_who_signed_in_on_the_page_reads_about_herself(
    believing_hub: Hub, openid_provider: RunningAgency
) -> None:
    tokens = await asyncio.to_thread(signed_in, openid_provider)
    answer = await believing_hub.post({"query": ME}, headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert (answer.status, answer.data, answer.errors) == (200, {"me": {"name": "Siti Rahmawati"}}, [])


async def test_a_partners_own_token_is_believed_and_reads_nobody(
    believing_hub: Hub, openid_provider: RunningAgency, city: City
) -> None:
    answered = await asyncio.to_thread(
        token, openid_provider, secret_of(openid_provider, "kredit-nusantara"), grant_type="client_credentials"
    )
    city.reset_calls()
    answer = await believing_hub.post(
        {"query": ME}, headers={"Authorization": f"Bearer {answered.json['access_token']}"}
    )
    assert answer.status == 200
    assert not (answer.data or {}).get("me")
    assert city.calls() == {}


async def test_the_developments_tokens_are_not_believed_where_no_such_issuer_is_named(believing_hub: Hub) -> None:
    answer = await believing_hub.ask(ME, caller="siti")
    assert answer.status == 401
    assert answer.body["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
