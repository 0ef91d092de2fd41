"""The stages of the README's query over the sandbox city: each agency alone, and the whole request, cold and warm.

The whole request has the ledger, the rules and the log line. Agencies and databases are other processes. `citizen.four`
is the query without food prices, for which the goals were set: a cold answer reads a hundred rows for one price.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, redirect_stderr
from time import monotonic
from typing import Any

import orjson
from graphql import REMOVE, FieldNode, Visitor, VisitorAction, parse, print_ast, visit

import server
from benchmarks.benchmark_city import remove_queues
from benchmarks.layout import free_port
from benchmarks.micro.calibration import StageTime, measure_stage
from benchmarks.micro.hub_time import DOCUMENT, DOMAINS, ask_once, log_to, no_lifespan
from benchmarks.micro.loopback_hub import connect_to_hub, render_request, serve_hub
from benchmarks.micro.request_stages import Stages
from benchmarks.recorded_city import build_citizen, list_citizens
from benchmarks.running_city import run_city
from cli.hub_settings import load_hub_settings
from cli.sandbox.sample_callers import open_development_issuer
from records.calls.call import Call
from schema.builder import build_schema, get_graphql_schema
from settings import Settings
from store.database import create_database_engine, migrate
from wiring.agencies import build_connectors
from wiring.hub_domains import build_hub_domains
from wiring.hub_parts import HubParts

_CACHE_MEGABYTES = 64
_PRICES = "markets"
"""The field of food prices."""
ConnectorCall = Callable[[], Awaitable[Any]]


class CallCollector:
    """Collects the calls of a connector, to repeat them."""

    def __init__(self, connector: Any) -> None:  # noqa: ANN401 - any connector
        """Wrap the connector."""
        self._connector = connector
        self.calls: list[ConnectorCall] = []

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        """The connector's method, collected."""
        ask, calls = getattr(self._connector, name), self.calls

        async def collected(*arguments: Any) -> Any:  # noqa: ANN401 - passes on what it is given
            def repeat() -> Awaitable[Any]:  # the last argument is the call, whose deadline passes
                again: Awaitable[Any] = ask(
                    *arguments[:-1], Call(deadline=monotonic() + 60, request_id="micro", max_age=0)
                )
                return again

            calls.append(repeat)
            return await ask(*arguments)

        return collected


async def measure_city_stages(within: float) -> Stages:
    """Start the city, measure, stop it. Raises `RuntimeError` if that is impossible here."""
    async with run_city() as (folder, stack):
        stack.callback(logging.getLogger().handlers.clear)
        log = stack.enter_context((folder.path / "access.log").open("w"))
        stack.enter_context(redirect_stderr(log))  # `create_app` configures the log
        log_to(log)
        settings = remove_queues(await asyncio.to_thread(load_hub_settings, folder, port=free_port()))
        settings = settings.model_copy(update={"shed_after": 0, "cache_megabytes": 0})
        nik = list_citizens(1)[0]
        token = open_development_issuer(folder).sign_token(build_citizen(nik), subject=nik)
        found = await _measure_agencies(settings, token, within)
        warm = settings.model_copy(update={"cache_megabytes": _CACHE_MEGABYTES})
        documents = {"citizen": DOCUMENT.read_text(), "citizen.four": leave_out(_PRICES, DOCUMENT.read_text())}
        for query, document in documents.items():
            for name, each in (("cold", settings), ("warm", warm)):
                found[f"{query}.{name}"] = await _measure_whole(each, document, token, within)
        return found


def leave_out(field: str, document: str) -> str:
    """The document without the fields of this name. Raises `ValueError` if there is none."""
    rest = print_ast(visit(parse(document), _LeaveOut(field)))
    if rest == print_ast(parse(document)):
        raise ValueError(f"the document has no field {field}")
    return rest


class _LeaveOut(Visitor):
    def __init__(self, field: str) -> None:
        super().__init__()
        self._field = field

    def enter_field(self, node: FieldNode, *_: object) -> VisitorAction:
        return REMOVE if node.name.value == self._field else None


async def _measure_agencies(settings: Settings, token: str, within: float) -> Stages:
    """The calls of each domain of the query, repeated without the hub around them."""
    async with AsyncExitStack() as stack:
        state = create_database_engine(settings.state_url.get_secret_value())
        stack.push_async_callback(state.dispose)
        connectors = build_connectors(settings, state)
        stack.push_async_callback(connectors.close)
        await migrate(state)
        schema = get_graphql_schema(build_schema())
        real = connectors.bind_domains(build_hub_domains(settings, state, schema).build_domains())
        collectors = {domain: CallCollector(real[domain]) for domain in DOMAINS}
        parts = HubParts(
            schema=schema,
            agencies=real.extended_with(collectors),
            agency_probes=connectors.build_agency_probes(),
            lifespan=no_lifespan,
        )
        body = orjson.dumps({"query": DOCUMENT.read_text()})
        _check(await ask_once(server.compose(settings, parts), body, token))
        found: Stages = {}
        for domain, collector in collectors.items():
            if collector.calls:
                run = _repeat(collector.calls)
                found[f"citizen.agency.{domain.__name__.lower()}"] = await measure_stage(run, within=within)
        return found


def _repeat(calls: list[ConnectorCall]) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        for call in calls:
            await call()

    return run


async def _measure_whole(settings: Settings, document: str, token: str, within: float) -> StageTime:
    app = server.create_app(settings)
    async with serve_hub(app, settings.web) as port, connect_to_hub(port) as (connection,):
        request = render_request(port, document, token=token)

        async def ask() -> None:
            _check(await connection.ask(request))

        return await measure_stage(ask, within=within)


def _check(answer: bytes) -> None:
    if b'"errors"' in answer or b'"data"' not in answer:
        raise RuntimeError(f"the query of the README is answered with errors: {answer[:300].decode()}")
