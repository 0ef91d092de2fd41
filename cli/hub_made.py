"""The hub as `simpul serve` runs it: the application over its settings, on its server.

A module of its own because importing the whole hub takes a second or two: `simpul serve` does it while the agencies
start, and `simpul token` does without.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import server
from auth.data_contracts import Unassessed
from cli.failure import Failure
from cli.hub_environment import state_url
from cli.hub_settings import hub_settings
from cli.sample_callers import development_issuer, sample_callers, token_of
from cli.sample_contracts import publish_samples
from sandbox.state_folder import LOOPBACK, StateFolder
from web.graphiql import SamplePerson
from web.http_server import HttpServer
from web.serving import uvicorn_config


async def made_hub(
    folder: StateFolder, *, port: int, sandbox: bool, greet: Callable[[], None], warn: Callable[[str], None]
) -> HttpServer:
    """The hub in front of the folder's city, or of what the environment names. Raises Failure for wrong settings."""
    issuer = development_issuer(folder) if sandbox else None

    async def sample_people() -> list[SamplePerson]:
        """Whom a developer may ask as in GraphiQL, with fresh tokens at every look."""
        if issuer is None:
            return []
        return [
            SamplePerson(name=one.name, title=one.title, description=one.description, token=token_of(issuer, one))
            for one in sample_callers().values()
        ]

    settings = await asyncio.to_thread(hub_settings, folder, port=port, sandbox=sandbox)
    if sandbox and settings.state_url.get_secret_value() == state_url(folder):
        await publish_samples(settings, warn)
    try:
        app = server.create_app(settings, sample_people=sample_people if issuer else None)
    except Unassessed as refusal:
        raise Failure(f"the hub does not start: {refusal}") from None
    return HttpServer(uvicorn_config(app, LOOPBACK, port, settings.web), greet)
