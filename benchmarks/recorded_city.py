"""What the sandbox city answered to the query of the README, recorded once and given again at once, for many citizens.

So the hub can be loaded with its real graph and nothing but the hub is measured: no agency takes time of its own.
"""

from __future__ import annotations

import asyncio
import os
import pickle
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson

import server
from auth.caller import Assurance, Caller, CallerKind
from benchmarks.hub_time import CONNECTED, DOCUMENT, NO_QUEUE, ask_once, ended, no_lifespan
from benchmarks.places import LOAD_CORE, free_port, on_core
from cli.hub_settings import hub_settings
from cli.hub_state import hub_state
from cli.sample_callers import development_issuer
from engine.batch import Agencies
from records.identifiers import Nik
from sandbox.city import City, CityError
from sandbox.people import people
from sandbox.postgres import PostgresError
from sandbox.state_folder import StateFolder
from schema.build import build_schema, graphql_schema
from store.database import database, migrate
from wiring.agencies import connect
from wiring.own_state import own_state

CITIZENS = 64
Known = dict[tuple[str, str], Any]
"""By method of the connector and what it was asked: what it answered."""


def citizens(most: int = CITIZENS) -> Sequence[Nik]:
    """Who asks: the heads of as many households."""
    return [Nik(each.head_nik) for each in people().households[:most]]


def citizen(nik: Nik) -> Caller:
    """A citizen who is surely identified, as the family card wants it."""
    return Caller(kind=CallerKind.CITIZEN, first_party=True, nik=nik, assurance=Assurance.SUBSTANTIAL)


class Recorder:
    """A connector that is asked, and whose every answer is kept."""

    def __init__(self, connector: Any, known: Known) -> None:  # noqa: ANN401 - any connector
        """Stand before it."""
        self._connector = connector
        self._known = known

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        """The connector's method."""
        ask = getattr(self._connector, name)

        async def recorded(*given: Any) -> Any:  # noqa: ANN401 - passes on what it is given
            self._known[_question(name, given)] = answer = await ask(*given)
            return answer

        return recorded


class Replayed:
    """Any connector, whose answers are known already."""

    def __init__(self, known: Known) -> None:
        """Ask nobody."""
        self._known = known

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        """The connector's method."""
        known = self._known

        async def replayed(*given: Any) -> Any:  # noqa: ANN401 - passes on what it is given
            return known[_question(name, given)]

        return replayed


def agencies(recorded: Path) -> Agencies:
    """The city as it answered."""
    known = pickle.loads(recorded.read_bytes())  # noqa: S301 - written by this run
    return Agencies(dict.fromkeys(CONNECTED, Replayed(known)))


async def record(into: Path) -> None:
    """Start the city, let each citizen ask once, end the city. Raises `RuntimeError` where it cannot be done here."""
    before = dict(os.environ)
    try:
        async with AsyncExitStack() as stack:
            folder = StateFolder(Path(stack.enter_context(TemporaryDirectory(prefix="simpul-benchmarks-"))))
            with on_core(LOAD_CORE):
                await stack.enter_async_context(City(folder.path, latency=False))
                await stack.enter_async_context(hub_state(folder, ended))
            recorded = pickle.dumps(await _answers(folder, stack))
            await asyncio.to_thread(into.write_bytes, recorded)
    except (CityError, PostgresError, OSError) as problem:
        raise RuntimeError(f"the sandbox city does not run here: {problem}") from problem
    finally:  # the settings of this city must not reach what is started later
        os.environ.clear()
        os.environ.update(before)


async def _answers(folder: StateFolder, stack: AsyncExitStack) -> Known:
    issuer = development_issuer(folder)
    settings = hub_settings(folder, port=free_port()).model_copy(update=NO_QUEUE)
    state = database(settings.state_url.get_secret_value())
    stack.push_async_callback(state.dispose)
    connectors = connect(settings, state)
    stack.push_async_callback(connectors.close)
    await migrate(state)
    known: Known = {}
    schema = graphql_schema(build_schema())
    real = connectors.agencies(own_state(settings, state, schema).domains())
    app = server.compose(
        settings,
        schema=schema,
        agencies=Agencies({domain: Recorder(real[domain], known) for domain in CONNECTED}),
        attendance=connectors.attendance(),
        lifespan=no_lifespan,
    )
    body = orjson.dumps({"query": DOCUMENT.read_text()})
    for nik in citizens():
        answered = await ask_once(app, body, issuer.token(citizen(nik), subject=nik))
        if b'"errors"' in answered or b'"data"' not in answered:
            raise RuntimeError(f"the query of the README is answered with errors: {answered[:300].decode()}")
    return known


def _question(name: str, given: Sequence[Any]) -> tuple[str, str]:
    """What is asked, the same in every process; the last that is given is the call, which differs every time."""
    return name, " ".join(repr(sorted(map(repr, each)) if isinstance(each, frozenset) else each) for each in given[:-1])
