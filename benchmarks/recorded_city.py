"""The sandbox city's answers to the query of the README, recorded once and replayed immediately, for many citizens.

So only the hub is measured, with its real graph: agency calls take no time.
"""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import orjson

import server
from auth.caller import Assurance, Caller, CallerKind
from benchmarks.benchmark_city import remove_queues
from benchmarks.layout import free_port
from benchmarks.micro.hub_time import DOCUMENT, DOMAINS, ask_once, no_lifespan
from benchmarks.running_city import run_city
from cli.hub_settings import load_hub_settings
from cli.sandbox.sample_callers import open_development_issuer
from engine.agencies.bindings import Agencies
from records.identifiers import Nik
from sandbox.population.city_population import build_population
from sandbox.state_folder import StateFolder
from schema.builder import build_schema, get_graphql_schema
from settings.city.folder import DEFAULT_CITY, load_city
from store.database import create_database_engine, migrate
from wiring.agencies import build_connectors, list_agency_codes, list_lifetimes
from wiring.hub_domains import build_hub_domains
from wiring.hub_parts import HubParts

CITIZENS = 64
RecordedAnswers = dict[tuple[str, str], Any]
"""Answers, by method of the connector and its arguments."""


def list_citizens(limit: int = CITIZENS) -> Sequence[Nik]:
    """The callers: the heads of this number of households."""
    return [Nik(each.head_nik) for each in build_population().households[:limit]]


def build_citizen(nik: Nik) -> Caller:
    """A citizen with a high assurance, as the family card requires."""
    return Caller(kind=CallerKind.CITIZEN, first_party=True, nik=nik, assurance=Assurance.SUBSTANTIAL)


class RecordingConnector:
    """Records every answer of a connector."""

    def __init__(self, connector: Any, known: RecordedAnswers) -> None:  # noqa: ANN401 - any connector
        """Wrap the connector."""
        self._connector = connector
        self._known = known

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        """The connector's method."""
        ask = getattr(self._connector, name)

        async def recorded(*arguments: Any) -> Any:  # noqa: ANN401 - passes on what it is given
            self._known[_call_key(name, arguments)] = answer = await ask(*arguments)
            return answer

        return recorded


class ReplayingConnector:
    """Replays a connector's recorded answers."""

    def __init__(self, known: RecordedAnswers) -> None:
        """Use these answers."""
        self._known = known

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        """The connector's method."""
        known = self._known

        async def replayed(*arguments: Any) -> Any:  # noqa: ANN401 - passes on what it is given
            return known[_call_key(name, arguments)]

        return replayed


def build_agencies(recorded: Path) -> Agencies:
    """Load the recorded answers."""
    known = pickle.loads(recorded.read_bytes())  # noqa: S301 - written by this run
    city = load_city(DEFAULT_CITY)
    connectors = dict.fromkeys(DOMAINS, ReplayingConnector(known))
    return Agencies(connectors, list_agency_codes(city), list_lifetimes(city))


async def record_city(into: Path) -> None:
    """Start the city, let each citizen query once, stop the city. Raises `RuntimeError` if that is impossible here."""
    async with run_city() as (folder, stack):
        recorded = pickle.dumps(await _record_answers(folder, stack))
        await asyncio.to_thread(into.write_bytes, recorded)


async def _record_answers(folder: StateFolder, stack: AsyncExitStack) -> RecordedAnswers:
    issuer = open_development_issuer(folder)
    settings = remove_queues(load_hub_settings(folder, port=free_port()))
    state = create_database_engine(settings.state_url.get_secret_value())
    stack.push_async_callback(state.dispose)
    connectors = build_connectors(settings, state)
    stack.push_async_callback(connectors.close)
    await migrate(state)
    known: RecordedAnswers = {}
    schema = get_graphql_schema(build_schema())
    real = connectors.bind_domains(build_hub_domains(settings, state, schema).build_domains())
    app = server.compose(
        settings,
        HubParts(
            schema=schema,
            agencies=real.extended_with({domain: RecordingConnector(real[domain], known) for domain in DOMAINS}),
            agency_probes=connectors.build_agency_probes(),
            lifespan=no_lifespan,
        ),
    )
    body = orjson.dumps({"query": DOCUMENT.read_text()})
    for nik in list_citizens():
        answered = await ask_once(app, body, issuer.sign_token(build_citizen(nik), subject=nik))
        if b'"errors"' in answered or b'"data"' not in answered:
            raise RuntimeError(f"the query of the README is answered with errors: {answered[:300].decode()}")
    return known


def _call_key(name: str, arguments: Sequence[Any]) -> tuple[str, str]:
    """The key of a call, equal in every process; it omits the last argument, the call, which always differs."""
    return name, " ".join(
        repr(sorted(map(repr, each)) if isinstance(each, frozenset) else each) for each in arguments[:-1]
    )
