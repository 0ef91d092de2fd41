"""The hub for journeys: the production composition on a real port, in front of the whole sandbox city."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import json
import socket
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr

import server
from auth.caller import Caller, CallerKind
from auth.tokens.development_issuer import DevelopmentIssuer
from cli.sandbox.sample_callers import build_sample_callers, issue_token
from records.purposes import Purpose
from sandbox.agency_variables import build_agency_variables
from sandbox.databases.postgres import Postgres
from sandbox.population.samples import SAMPLES
from services.commands import delivery_rules
from settings import Settings
from tests.fakes.city import VARIABLES, Tables, build_city
from tests.fakes.unbound_settings import UnboundSettings
from tests.journeys.city_snapshots import HUB_SECRET
from tests.sandbox_agencies import HOST, RunningAgency, free_port
from web.pages.graphiql import SamplePerson
from web.server.http_server import HttpServer, ShutdownPolicy
from web.server.uvicorn_config import build_uvicorn_config

KILL_SAFE = {"fsync": "off"}
"""Settings of PostgreSQL: what is committed survives a kill of its processes, but not of the machine."""
STATE_USER = "simpul"
STATE_PASSWORD = "rahasia-hub"
OFFICIAL = "official"
_OFFICIAL = Caller(
    kind=CallerKind.OFFICIAL, agency="dinsos", purpose=Purpose.SOCIAL_ASSISTANCE.name, case="BANSOS/2026/0001"
)
"""Decides about social assistance, so may read nearly everything of anybody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HubResponse:
    """What came back over HTTP."""

    status: int
    body: Mapping[str, Any]

    @property
    def data(self) -> Any:  # noqa: ANN401 - JSON
        """The answer's data."""
        return self.body.get("data")

    @property
    def errors(self) -> list[tuple[str, str]]:
        """Each error's path, dotted, and code; sorted."""
        return sorted(
            (".".join(map(str, error.get("path", ()))), error["extensions"]["code"])
            for error in self.body.get("errors", ())
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningCity:
    """The agencies that run."""

    agencies: Mapping[str, RunningAgency]
    snapshots: Path
    """The folder with the snapshots of the others, which hubs share."""

    def reset_calls(self) -> None:
        """Set every counter to 0."""
        for agency in self.agencies.values():
            agency.reset_calls()

    def calls(self) -> dict[str, int]:
        """How many calls each agency got, without loads of copies; agencies that were not asked are left out."""
        totals = Counter[str]()
        for operation, count in self.count_operations().items():
            totals[operation.partition(" ")[0]] += count
        return dict(totals)

    def count_operations(self) -> Counter[str]:
        """How often each operation of each agency was asked for, such as `pbb getBill`, without loads of copies.

        Stand-ins name the body of a POST too: all bodies count as one operation.
        """
        counts = Counter[str]()
        for name, agency in self.agencies.items():
            for operation, count in agency.count_calls().items():
                if not any(each in operation for each in _COPIED):
                    counts[f"{name} {operation.partition(' {')[0]}"] += count
        return counts

    @property
    def counts_msmes(self) -> bool:
        """Whether the small business programme can count: an SQLite file cannot."""
        return bool(self.agencies["jakpreneur"].health().get("engine") == "mariadb")


class HubClient:
    """A running hub, and a client of it."""

    def __init__(self, *, url: str, issuer: DevelopmentIssuer, session: aiohttp.ClientSession) -> None:
        self.url = url
        self._issuer = issuer
        self._session = session

    def headers(self, caller: str | Caller | None) -> dict[str, str]:
        """What proves a sample person, by name; an official; a caller of any kind; or nobody."""
        if caller is None:
            return {}
        if isinstance(caller, Caller):
            return {"Authorization": f"Bearer {self._issuer.sign_token(caller, subject='somebody')}"}
        proven = _OFFICIAL if caller == OFFICIAL else build_sample_callers()[caller].caller
        return {"Authorization": f"Bearer {self._issuer.sign_token(proven, subject=caller)}"}

    async def ask(
        self, query: str, variables: Mapping[str, Any] | None = None, *, caller: str | Caller | None = None
    ) -> HubResponse:
        """Ask by POST."""
        return await self.post({"query": query, "variables": dict(variables or {})}, caller=caller)

    async def post(  # a body that is no object is a journey, too
        self,
        body: Any,  # noqa: ANN401 - any JSON
        *,
        caller: str | Caller | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> HubResponse:
        """Send a request as it is."""
        sent = self.headers(caller) | dict(headers or {})
        async with self._session.post(f"{self.url}/graphql", json=body, headers=sent) as response:
            return HubResponse(status=response.status, body=await response.json(content_type=None))

    async def post_with_files(
        self, query: str, variables: Mapping[str, Any], files: Mapping[str, bytes], *, caller: str | None
    ) -> HubResponse:
        """Send a GraphQL multipart request; each file has its place in the request as its name."""
        form = aiohttp.FormData()
        form.add_field("operations", json.dumps({"query": query, "variables": variables}))
        form.add_field("map", json.dumps({str(number): [place] for number, place in enumerate(files)}))
        for number, content in enumerate(files.values()):
            form.add_field(str(number), io.BytesIO(content), filename="photo.jpg", content_type="image/jpeg")
        sent = self.headers(caller) | {"GraphQL-Require-Preflight": "true"}
        async with self._session.post(f"{self.url}/graphql", data=form, headers=sent) as response:
            return HubResponse(status=response.status, body=await response.json(content_type=None))

    async def query_by_get(
        self,
        parameters: Mapping[str, str],
        *,
        caller: str | Caller | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[HubResponse, Mapping[str, str]]:
        """Ask by GET; the answer and its headers."""
        sent = self.headers(caller) | dict(headers or {})
        async with self._session.get(f"{self.url}/graphql", params=parameters, headers=sent) as response:
            body = await response.json(content_type=None)
            return HubResponse(status=response.status, body=body), {k.lower(): v for k, v in response.headers.items()}

    async def read_text(self, path: str, *, caller: str | Caller | None = None) -> str:
        """The text of another address of the hub, in English."""
        sent = self.headers(caller) | {"Accept-Language": "en"}
        async with self._session.get(f"{self.url}{path}", headers=sent) as response:
            return await response.text()

    async def get(self, path: str) -> HubResponse:
        """Read another address of the hub."""
        async with self._session.get(f"{self.url}{path}") as response:
            return HubResponse(status=response.status, body=await response.json(content_type=None))


@contextlib.contextmanager
def state_server(folder: Path) -> Any:  # noqa: ANN401 - a context manager
    """The hub's own PostgreSQL; gives its address."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    postgres = Postgres(folder, port=port, database="simpul", logins={STATE_USER: STATE_PASSWORD}, settings=KILL_SAFE)
    postgres.prepare()
    postgres.launch()
    try:
        postgres.wait()
        yield f"postgresql://{STATE_USER}:{STATE_PASSWORD}@{HOST}:{port}/simpul"
    finally:
        postgres.stop()


def build_variables(city: RunningCity) -> dict[str, str]:
    """The variables that the manifests name, with the addresses of the running agencies."""
    reaches = dict(VARIABLES)
    for name, each in city.agencies.items():
        health = {key: str(value) for key, value in each.health().items()}
        reaches |= build_agency_variables(name, port=each.port, user=each.user, secret=each.secret, health=health)
    return reaches


_COPIED = ("/Slot/_search", "SnapshotsSchoolsRows", "file_gtfs.zip")
"""In the operations of what the hub copies: vaccination slots every minute, schools and timetables at its start."""
_UNPACED = {"rate": 1000.0, "burst": 1000}


def build_settings(
    city: RunningCity,
    /,
    *,
    state_url: str,
    issuer: DevelopmentIssuer,
    folder: Path,
    variables: Mapping[str, str] | None = None,
    terms: Tables | None = None,
    **given: Any,  # noqa: ANN401 - any setting
) -> Settings:
    """Settings of a hub in front of the city. `variables` replace those that its manifests name."""
    keys = folder / "keys.json"
    issuer.write_public_keys(keys)
    of_agencies = {**(terms or {}), "pangan": {**_UNPACED, **((terms or {}).get("pangan") or {})}}
    return UnboundSettings(
        **{
            "development": True,
            "secret": SecretStr(base64.b64encode(HUB_SECRET).decode()),
            "issuer_keys": keys,
            "state_url": SecretStr(state_url),
            "probe_nik": SecretStr(SAMPLES["siti"].nik),
            "city": build_city(
                build_variables(city) | dict(variables or {}),
                terms=of_agencies,
            ),
            "shed_after": 0,  # clients share the hub's event loop here, and make it late
            "snapshot_folder": city.snapshots,
            "cache_megabytes": 0,  # journeys count calls to agencies; only those about caching cache
            **given,
        }
    )


@contextlib.asynccontextmanager
async def running_hub(settings: Settings, issuer: DevelopmentIssuer) -> AsyncIterator[HubClient]:
    """The production composition, served for the length of the block; on the port that was set, if any."""
    port = settings.port if "listen" in settings.model_fields_set else free_port()

    async def people() -> list[SamplePerson]:
        return [
            SamplePerson(
                name=each.name, title=each.title, description=each.description, token=issue_token(issuer, each)
            )
            for each in build_sample_callers().values()
        ]

    app = server.create_app(settings, sample_people=people)
    ready = asyncio.Event()
    web = HttpServer(build_uvicorn_config(app, HOST, port, settings.web), ready.set)
    listening = socket.create_server((HOST, port))  # now, because the hub starts for seconds, and others choose ports
    serving = asyncio.create_task(web.serve(sockets=[listening]))
    patch = pytest.MonkeyPatch()
    patch.setattr(delivery_rules, "FIRST_PAUSE", timedelta(seconds=0.5))  # not five, until it is sent again
    try:
        is_ready = asyncio.create_task(ready.wait())
        await asyncio.wait({serving, is_ready}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            is_ready.cancel()
            serving.result()
            raise RuntimeError("the hub ended before it served; its log says why")
        async with aiohttp.ClientSession() as session:
            yield HubClient(url=f"http://{HOST}:{port}", issuer=issuer, session=session)
    finally:
        patch.undo()
        web.shut_down(ShutdownPolicy(timeout=settings.web.request_timeout, linger=0.0))
        await serving
