"""Builds the hub for `simpul serve`: the application with its settings, and its server.

A separate module because importing the whole hub takes 1 to 2 s: `simpul serve` imports it while the agencies start,
and `simpul token` does not need it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import server
from auth.policy.data_contracts import MissingAssessment
from cli.command_error import CommandError
from cli.hub_settings import load_hub_settings
from cli.sandbox.hub_environment import build_state_url
from cli.sandbox.sample_callers import build_sample_callers, issue_token, open_development_issuer
from cli.sandbox.sample_clients import fetch_client_token
from cli.sandbox.sample_contracts import publish_sample_contracts
from sandbox.issuer.clients import CLIENTS
from sandbox.state_folder import LOOPBACK, StateFolder
from web.pages.graphiql import SamplePerson
from web.server.http_server import HttpServer
from web.server.uvicorn_config import build_uvicorn_config

_SAMPLE_PARTNER = "pantau-kota"


async def build_hub_server(
    folder: StateFolder, *, port: int, sandbox: bool, greet: Callable[[], None], warn: Callable[[str], None]
) -> HttpServer:
    """The hub for the folder's city, or for the environment's agencies. Raises `CommandError` for wrong settings."""
    issuer = open_development_issuer(folder) if sandbox else None

    async def sample_people() -> list[SamplePerson]:
        """The sample people for GraphiQL, with a new token at each call."""
        if issuer is None:
            return []
        people = [
            SamplePerson(name=one.name, title=one.title, description=one.description, token=issue_token(issuer, one))
            for one in build_sample_callers().values()
        ]
        return [*people, *await asyncio.to_thread(_load_sample_partners, folder)]

    settings = await asyncio.to_thread(load_hub_settings, folder, port=port, sandbox=sandbox)
    if sandbox and settings.state_url.get_secret_value() == build_state_url(folder):
        await publish_sample_contracts(settings, warn)
    try:
        app = server.create_app(settings, sample_people=sample_people if issuer else None)
    except MissingAssessment as refusal:
        raise CommandError(f"the hub does not start: {refusal}") from None
    return HttpServer(build_uvicorn_config(app, LOOPBACK, port, settings.web), greet)


def _load_sample_partners(folder: StateFolder) -> Sequence[SamplePerson]:
    """The partner whose registered operation is among the examples; none while the OpenID provider does not answer."""
    try:
        token = fetch_client_token(folder, _SAMPLE_PARTNER)
    except CommandError:
        return []
    description = f"{CLIENTS[_SAMPLE_PARTNER].name}: runs registered operations by their id, and no other text"
    partner = SamplePerson(
        name=_SAMPLE_PARTNER, title="partner", description=description, token=token, is_registered_client=True
    )
    return [partner]
