"""The hub's own time for the query of the README, over the sandbox city: real connectors, real protocols.

What is measured, for each answer: the hub is asked in process (ASGI), as one of the sample people, with their token.
The time from the request to the last byte of the answer, less the critical path of agency calls, is the hub's own. A
call is timed where the batch asks the connector: it holds the connector's own work (SQL, XML, JSON into records) and
the way there and back. The critical path is the chain of calls that ends last: before each, the call that ended last
when it began; what lies between two calls of the chain belongs to the hub.

What the hub does for one agency's data while the chain waits for another hides below the chain: therefore the whole
processor time of an answer, connectors and their libraries included, is told as well, which no reckoning can hide.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, NoReturn, TextIO

import orjson
from rich.console import Console
from starlette.applications import Starlette
from starlette.types import ASGIApp, Message

import server
from benchmarks.places import LOAD_CORE, ROOT, free_port, on_core
from cli.hub_settings import hub_settings
from cli.hub_state import hub_state
from cli.sample_callers import development_issuer, sample_callers, token_of
from engine.batch import Agencies
from resolvers.complaints import Complaints
from resolvers.msmes import Msmes
from resolvers.population import Population
from resolvers.prices import Prices
from resolvers.regions import Regions
from resolvers.tax import Tax
from sandbox.city import City, CityError
from sandbox.postgres import PostgresError
from sandbox.state_folder import StateFolder
from schema.build import build_schema, graphql_schema
from store.database import database, migrate

GOAL_MS = 1.0
_DOCUMENT = ROOT / "docs" / "frontend" / "first.graphql"
_CALLER = "siti"
_WARM = 20
_NO_QUEUE = {"pangan_rate": 10_000.0, "pangan_burst": 10_000}
"""The food prices let the hub ask twice a second: asked more often, it would wait for its turn."""
_PAUSE_S = 0.02
"""Between two answers, so that nothing of one runs in the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HubTime:
    """Milliseconds for one answer; medians unless the name says otherwise."""

    answers: int
    answer_ms: float
    critical_path_ms: float
    hub_p50_ms: float
    hub_p90_ms: float
    processor_ms: float
    """Of the whole process, for one answer."""
    calls: int
    """Calls of agencies for one answer."""


class Timed:
    """A connector whose every call is written down as (begin, end)."""

    def __init__(self, connector: Any, calls: list[tuple[float, float]]) -> None:  # noqa: ANN401 - any connector
        """Stand before it."""
        self._connector = connector
        self._calls = calls

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        """The connector's method, timed."""
        asked = getattr(self._connector, name)

        async def timed(*given: Any) -> Any:  # noqa: ANN401 - passes on what it is given
            began = time.perf_counter()
            try:
                return await asked(*given)
            finally:
                self._calls.append((began, time.perf_counter()))

        return timed


def critical_path(calls: Sequence[tuple[float, float]]) -> float:
    """Seconds of the chain of calls that ends last.

    >>> critical_path([(0.0, 2.0), (0.5, 1.0), (2.5, 4.0)])
    3.5
    """
    total, before = 0.0, float("inf")
    while earlier := [call for call in calls if call[1] <= before and call[0] < before]:
        began, ended = max(earlier, key=lambda call: call[1])
        total += ended - began
        before = began
    return total


async def hub_time(answers: int) -> HubTime:
    """Start the city, ask so often, end the city. Raises `RuntimeError` where it cannot be done here."""
    known = dict(os.environ)
    try:
        async with AsyncExitStack() as stack:
            folder = StateFolder(Path(stack.enter_context(TemporaryDirectory(prefix="simpul-benchmarks-"))))
            with on_core(LOAD_CORE):
                await stack.enter_async_context(City(folder.path, latency=False))
                await stack.enter_async_context(hub_state(folder, _ended))
            return await _measured(folder, answers, stack)
    except (CityError, PostgresError, OSError) as problem:
        raise RuntimeError(f"the sandbox city does not run here: {problem}") from problem
    finally:  # the settings of this city must not reach what is started later
        os.environ.clear()
        os.environ.update(known)


def _log_to(file: TextIO) -> None:
    """Let the hub write its line a request as it does when it serves, but into a file."""
    with redirect_stderr(file):
        server.configure_logging()


def _ended(reason: str) -> NoReturn:
    raise RuntimeError(reason)


async def _measured(folder: StateFolder, answers: int, stack: AsyncExitStack) -> HubTime:
    issuer = development_issuer(folder)
    settings = (await asyncio.to_thread(hub_settings, folder, port=free_port())).model_copy(update=_NO_QUEUE)
    state = database(settings.state_url.get_secret_value())
    stack.push_async_callback(state.dispose)
    connectors = server.connect(settings, state)
    stack.push_async_callback(connectors.close)
    await migrate(state)
    _log_to(stack.enter_context((folder.path / "access.log").open("w")))
    stack.callback(logging.getLogger().handlers.clear)
    calls: list[tuple[float, float]] = []
    real = connectors.agencies()
    domains = (Population, Msmes, Tax, Complaints, Prices, Regions)
    app = server.compose(
        settings,
        schema=graphql_schema(build_schema()),
        agencies=Agencies({domain: Timed(real[domain], calls) for domain in domains}),
        attendance=connectors.attendance(),
        lifespan=_no_lifespan,
    )
    body = orjson.dumps({"query": _DOCUMENT.read_text()})
    token = token_of(issuer, sample_callers()[_CALLER])
    seen: list[tuple[float, float, float, int]] = []
    for _ in range(_WARM + answers):
        await asyncio.sleep(_PAUSE_S)
        calls.clear()
        cpu, began = time.process_time(), time.perf_counter()
        answered = await _asked(app, body, token)
        taken, used = time.perf_counter() - began, time.process_time() - cpu
        if b'"errors"' in answered or b'"data"' not in answered:
            raise RuntimeError(f"the query of the README is answered with errors: {answered[:300].decode()}")
        seen.append((taken, critical_path(calls), used, len(calls)))
    return _summary(seen[_WARM:])


def _summary(seen: Sequence[tuple[float, float, float, int]]) -> HubTime:
    own = sorted(taken - chain for taken, chain, _, _ in seen)
    return HubTime(
        answers=len(seen),
        answer_ms=round(median(each[0] for each in seen) * 1000, 3),
        critical_path_ms=round(median(each[1] for each in seen) * 1000, 3),
        hub_p50_ms=round(median(own) * 1000, 3),
        hub_p90_ms=round(own[int(len(own) * 0.9)] * 1000, 3),
        processor_ms=round(median(each[2] for each in seen) * 1000, 3),
        calls=seen[-1][3],
    )


def _no_lifespan(_app: Starlette) -> Any:  # noqa: ANN401 - never entered: the city outlives the application
    raise NotImplementedError


async def _asked(app: ASGIApp, body: bytes, token: str) -> bytes:
    """The body of one answer, asked as a web server asks an application (ASGI 3.0)."""
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/graphql",
        "raw_path": b"/graphql",
        "query_string": b"",
        "root_path": "",
        "headers": [
            (b"host", b"127.0.0.1:8000"),
            (b"content-type", b"application/json"),
            (b"accept", b"application/json"),
            (b"authorization", b"Bearer " + token.encode()),
        ],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
        "state": {},
    }
    parts: list[bytes] = []
    given = False
    gone = asyncio.Event()

    async def receive() -> Message:
        nonlocal given
        if given:
            await gone.wait()  # nobody leaves before the answer
            return {"type": "http.disconnect"}
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            parts.append(message.get("body", b""))

    await app(scope, receive, send)
    return b"".join(parts)


def show(found: HubTime, console: Console) -> None:
    """Print it."""
    verdict = "reached" if found.hub_p50_ms <= GOAL_MS else "missed"
    console.print(
        f"The README's query over the sandbox city, {found.answers} answers of {found.calls} calls each: "
        f"{found.answer_ms:.2f} ms, of which the critical path of agency calls {found.critical_path_ms:.2f} ms. "
        f"Hub's own time: p50 {found.hub_p50_ms:.2f} ms, p90 {found.hub_p90_ms:.2f} ms "
        f"(goal: at most {GOAL_MS:g} ms; {verdict}). "
        f"Processor time of a whole answer, connectors included: {found.processor_ms:.2f} ms."
    )
