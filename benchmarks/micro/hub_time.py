"""The hub's own time for the README's query over the sandbox city, with real connectors and protocols.

Requests run in process (ASGI), with the token of a sample person. The hub's own time is the time from the request to
the last byte of the answer, without the critical path of agency calls. A call is timed where the batch calls the
connector. So it includes the connector's work (SQL, XML, JSON into records) and the round trip. The critical path is
the chain of calls that ends last. Each call in it is preceded by the call that had ended last when it began. The time
between two calls of the chain belongs to the hub.

There are two measurements. In the first, the real connectors work in the hub's process and delay each other. It shows
the whole time of an answer and its processor time, but not the parts. In the second, recorded answers come from memory
after a fixed delay. Only the hub works between two calls then, so the difference is exactly its own time.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, redirect_stderr
from dataclasses import dataclass, field
from statistics import median
from typing import Any, TextIO

import orjson
from rich.console import Console
from starlette.applications import Starlette
from starlette.types import ASGIApp, Message

import server
from benchmarks.benchmark_city import remove_queues
from benchmarks.layout import ROOT, free_port
from benchmarks.running_city import run_city
from cli.hub_settings import load_hub_settings
from cli.sandbox.sample_callers import build_sample_callers, issue_token, open_development_issuer
from resolvers.complaints import Complaints
from resolvers.msmes import Msmes
from resolvers.population import Population
from resolvers.prices import Prices
from resolvers.regions import Regions
from resolvers.tax import Tax
from sandbox.state_folder import StateFolder
from schema.builder import build_schema, get_graphql_schema
from store.database import create_database_engine, migrate
from wiring.agencies import build_connectors
from wiring.hub_domains import build_hub_domains
from wiring.hub_parts import HubParts

GOAL_MS = 1.0
DOCUMENT = ROOT / "docs" / "frontend" / "first.graphql"
DOMAINS = (Population, Msmes, Tax, Complaints, Prices, Regions)
"""The domains of the query."""
_CALLER = "siti"
_WARM = 20
_DELAY_S = 0.01
"""Seconds between two answers with real connectors."""
_PAUSE_S = 0.02
"""Seconds between two answers, so that they do not overlap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HubTime:
    """Milliseconds for one answer; medians unless the name says otherwise."""

    answers: int
    calls: int
    """Agency calls of one answer."""
    answer_ms: float
    """With the real connectors."""
    critical_path_ms: float
    """Of the real connectors."""
    processor_ms: float
    """Processor time of the whole process with real connectors, per answer."""
    hub_p50_ms: float
    """The hub's own time."""
    hub_p90_ms: float
    hub_processor_ms: float
    """Processor time of the process with replayed answers."""


@dataclass(slots=True)
class ConnectorCalls:
    """The connector calls of one answer, and all recorded answers."""

    calls: list[tuple[float, float]] = field(default_factory=list)
    """Start and end of each call of one answer."""
    known: dict[tuple[str, str], Any] = field(default_factory=dict)
    from_memory: bool = False


class TimedConnector:
    """Times every call of a connector, and can answer it from memory."""

    def __init__(self, connector: Any, recorded: ConnectorCalls) -> None:  # noqa: ANN401 - any connector
        """Wrap the connector."""
        self._connector = connector
        self._recorded = recorded

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        """The connector's method, timed."""
        ask, recorded = getattr(self._connector, name), self._recorded

        async def timed(*arguments: Any) -> Any:  # noqa: ANN401 - passes on what it is given
            began = time.perf_counter()
            question = (name, repr(arguments[:-1]))  # the last argument is the call, which always differs
            try:
                if recorded.from_memory:
                    await asyncio.sleep(_DELAY_S)
                    return recorded.known[question]
                recorded.known[question] = answers = await ask(*arguments)
                return answers
            finally:
                recorded.calls.append((began, time.perf_counter()))

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


async def measure_hub_time(answers: int) -> HubTime:
    """Start the city, run the queries, stop the city. Raises `RuntimeError` if that is impossible here."""
    async with run_city() as (folder, stack):
        return await _measure(folder, answers, stack)


def log_to(file: TextIO) -> None:
    """Write the hub's request log to a file."""
    with redirect_stderr(file):
        server.configure_logging()


async def _measure(folder: StateFolder, answers: int, stack: AsyncExitStack) -> HubTime:
    issuer = open_development_issuer(folder)
    settings = remove_queues(await asyncio.to_thread(load_hub_settings, folder, port=free_port()))
    state = create_database_engine(settings.state_url.get_secret_value())
    stack.push_async_callback(state.dispose)
    connectors = build_connectors(settings, state)
    stack.push_async_callback(connectors.close)
    await migrate(state)
    log_to(stack.enter_context((folder.path / "access.log").open("w")))
    stack.callback(logging.getLogger().handlers.clear)
    recorded = ConnectorCalls()
    schema = get_graphql_schema(build_schema())
    real = connectors.bind_domains(build_hub_domains(settings, state, schema).build_domains())
    app = server.compose(
        settings,
        HubParts(
            schema=schema,
            agencies=real.extended_with({domain: TimedConnector(real[domain], recorded) for domain in DOMAINS}),
            agency_probes=connectors.build_agency_probes(),
            lifespan=no_lifespan,
        ),
    )
    token = issue_token(issuer, build_sample_callers()[_CALLER])
    whole = await _measure_series(app, token, recorded, answers)
    recorded.from_memory = True
    own = await _measure_series(app, token, recorded, answers)
    times = sorted(each.taken - each.chain for each in own)
    return HubTime(
        answers=answers,
        calls=whole[-1].calls,
        answer_ms=_median_ms([each.taken for each in whole]),
        critical_path_ms=_median_ms([each.chain for each in whole]),
        processor_ms=_median_ms([each.processor for each in whole]),
        hub_p50_ms=_median_ms(times),
        hub_p90_ms=round(times[int(len(times) * 0.9)] * 1000, 3),
        hub_processor_ms=_median_ms([each.processor for each in own]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _AnswerTime:
    """Seconds of one answer."""

    taken: float
    chain: float
    processor: float
    calls: int


async def _measure_series(app: ASGIApp, token: str, recorded: ConnectorCalls, answers: int) -> list[_AnswerTime]:
    body = orjson.dumps({"query": DOCUMENT.read_text()})
    found = []
    for _ in range(_WARM + answers):
        await asyncio.sleep(_PAUSE_S)
        recorded.calls.clear()
        cpu, began = time.process_time(), time.perf_counter()
        answered = await ask_once(app, body, token)
        taken, used = time.perf_counter() - began, time.process_time() - cpu
        if b'"errors"' in answered or b'"data"' not in answered:
            raise RuntimeError(f"the query of the README is answered with errors: {answered[:300].decode()}")
        found.append(
            _AnswerTime(taken=taken, chain=critical_path(recorded.calls), processor=used, calls=len(recorded.calls))
        )
    return found[_WARM:]


def _median_ms(seconds: Sequence[float]) -> float:
    return round(median(seconds) * 1000, 3)


def no_lifespan(_app: Starlette) -> Any:  # noqa: ANN401 - never entered: the city outlives the application
    """The lifespan of an application that opens nothing."""
    raise NotImplementedError


async def ask_once(app: ASGIApp, body: bytes, token: str) -> bytes:
    """The body of one answer to an ASGI 3.0 request."""
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
    is_sent = False
    gone = asyncio.Event()

    async def receive() -> Message:
        nonlocal is_sent
        if is_sent:
            await gone.wait()  # the client does not disconnect before the answer
            return {"type": "http.disconnect"}
        is_sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            parts.append(message.get("body", b""))

    await app(scope, receive, send)
    return b"".join(parts)


def print_hub_time(found: HubTime, console: Console) -> None:
    """Print it."""
    verdict = "reached" if found.hub_p50_ms <= GOAL_MS else "missed"
    console.print(
        f"The README's query over the sandbox city, {found.answers} answers of {found.calls} calls each: "
        f"{found.answer_ms:.2f} ms, of which the critical path of agency calls {found.critical_path_ms:.2f} ms; "
        f"processor time with connectors {found.processor_ms:.2f} ms. The hub's own time, connectors answering from "
        f"memory after {_DELAY_S * 1000:.0f} ms: p50 {found.hub_p50_ms:.2f} ms, p90 {found.hub_p90_ms:.2f} ms "
        f"(goal: at most {GOAL_MS:g} ms; {verdict}); processor time {found.hub_processor_ms:.2f} ms."
    )
