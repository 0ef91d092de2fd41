"""People and applications that prove themselves at the city's OpenID provider, and then ask the hub."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from auth.caller import CallerKind
from auth.tokens.development_issuer import DevelopmentIssuer
from auth.tokens.issuers import load_issuers
from tests.journeys.hub import HubClient, RunningCity, build_settings, running_hub
from tests.sandbox.provider_browser import client_credentials, request_token, sign_in
from tests.sandbox_agencies import HOST, RunningAgency

ME = "{ me { name } }"


@pytest.fixture
async def hub_with_provider(
    city: RunningCity,
    state_url: str,
    issuer: DevelopmentIssuer,
    hub_folder: Path,
    openid_provider: RunningAgency,
) -> AsyncIterator[HubClient]:
    """A hub that believes the provider, by one entry in the operator's file."""
    kinds = [kind.value for kind in CallerKind if kind is not CallerKind.ANONYMOUS]
    url = f"http://{HOST}:{openid_provider.port}"
    path = hub_folder / "issuers.json"
    entry = {"name": "city", "url": url, "audience": "simpul", "kinds": kinds, "first_party": ["city-app", "graphiql"]}
    path.write_text(json.dumps({"issuer": [entry]}))
    settings = build_settings(
        city, state_url=state_url, issuer=issuer, folder=hub_folder, issuers=load_issuers(path), issuer_keys=None
    )
    async with running_hub(settings, issuer) as running:
        yield running


async def test_a_citizen_who_signed_in_on_the_page_reads_about_herself(
    hub_with_provider: HubClient, openid_provider: RunningAgency
) -> None:
    tokens = await asyncio.to_thread(sign_in, openid_provider)
    answer = await hub_with_provider.post({"query": ME}, headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert (answer.status, answer.data, answer.errors) == (200, {"me": {"name": "Siti Rahmawati"}}, [])


async def test_a_partners_own_token_is_believed_and_reads_nobody(
    hub_with_provider: HubClient, openid_provider: RunningAgency, city: RunningCity
) -> None:
    answered = await asyncio.to_thread(
        request_token,
        openid_provider,
        client_credentials(openid_provider, "kredit-nusantara"),
        grant_type="client_credentials",
    )
    city.reset_calls()
    answer = await hub_with_provider.post(
        {"query": ME}, headers={"Authorization": f"Bearer {answered.json['access_token']}"}
    )
    assert answer.status == 200
    assert not (answer.data or {}).get("me")
    assert city.calls() == {}


async def test_the_developments_tokens_are_not_believed_where_no_such_issuer_is_named(
    hub_with_provider: HubClient,
) -> None:
    answer = await hub_with_provider.ask(ME, caller="siti")
    assert answer.status == 401
    assert answer.body["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
