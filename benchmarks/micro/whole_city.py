"""`python -m benchmarks.micro.whole_city`: one citizen over all nine agencies with personal data, ledger included.

The hub's own time of an answer is the time without the critical path of its agency calls (see `hub_time`). Nothing is
cached, every answer calls all agencies over their protocols, and the entry in the access ledger is committed before the
answer ends. The reads of the hub's own database are part of the hub's time. In `hub_time`, connectors can answer from
memory; here they work in the hub's process, and delay each other.

The goal is for agencies that take their usual time (`latency` of the sandbox): while the hub waits for the slowest, it
reads the answers of the others. Agencies that answer immediately show how much work that is.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import orjson
import uvloop
from rich.console import Console

import server
from benchmarks.benchmark_city import remove_queues
from benchmarks.layout import GATEWAY_CORE, free_port, run_on_core
from benchmarks.micro.hub_time import (
    ConnectorCalls,
    TimedConnector,
    ask_once,
    critical_path,
    log_to,
    no_lifespan,
)
from benchmarks.running_city import run_city
from cli.hub_settings import load_hub_settings
from cli.sandbox.sample_callers import build_sample_callers, issue_token, open_development_issuer
from schema.builder import build_schema, get_graphql_schema
from services.ledger.ledger_entry_builder import LedgerEntryBuilder
from services.ledger.read_recording import build_recorder
from settings import Settings
from store.database import create_database_engine, migrate
from web.application import WebApplication
from web.server.uvicorn_config import freeze_startup_objects
from wiring.agencies import BoundAgency, build_connectors
from wiring.commands import build_command_services
from wiring.hub_domains import build_access_ledger, build_hub_domains
from wiring.hub_parts import HubParts

GOAL_MS = 5.0
DOCUMENT = """
query MyCity {
  me {
    name
    household { members { name relationship } }
    taxObjects { nop bills(unpaid: true) { year amount dueOn } }
    complaints { number status dueAt }
    immunizations { givenOn }
    students { nisn kjp { round status } }
    businesses { nib licences { status } }
    msmes { name stage }
    coverage { status }
    payments { amount status }
  }
}
"""
_CALLER = "siti"
_WARM = 20
_PAUSE_S = 0.02
"""Seconds between two answers, so that they do not overlap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeCityTime:
    """Milliseconds for one answer; medians unless the name says otherwise."""

    answers: int
    calls: int
    """Reads of connectors in one answer."""
    answer_ms: float
    critical_path_ms: float
    processor_ms: float
    """Processor time of the whole process."""
    hub_p50_ms: float
    """The answer without the critical path of agency calls."""
    hub_p95_ms: float


async def measure_whole_city(answers: int, *, latency: bool) -> WholeCityTime:
    """Start the city, ask, stop the city. Raises `RuntimeError` if that is impossible here.

    With `latency`, agencies take their usual time.
    """
    async with run_city(latency=latency) as (folder, stack):
        issuer = open_development_issuer(folder)
        settings = remove_queues(await asyncio.to_thread(load_hub_settings, folder, port=free_port()))
        log_to(stack.enter_context((folder.path / "access.log").open("w")))
        stack.callback(logging.getLogger().handlers.clear)
        recorded = ConnectorCalls()
        app = await _build_hub(settings, recorded, stack)
        return await _measure(app, issue_token(issuer, build_sample_callers()[_CALLER]), recorded, answers)


async def _build_hub(settings: Settings, recorded: ConnectorCalls, stack: AsyncExitStack) -> WebApplication:
    """The hub of `server.create_app` without a cache; its connectors are timed."""
    state = create_database_engine(settings.state_url.get_secret_value())
    stack.push_async_callback(state.dispose)
    connectors = build_connectors(settings, state)
    stack.push_async_callback(connectors.close)
    await migrate(state)
    ledger = build_access_ledger(settings, state)
    await ledger.start()
    stack.push_async_callback(ledger.close)
    schema = get_graphql_schema(build_schema(connectors.codes))
    commands = build_command_services(settings, state, connectors, ())
    hub_domains = build_hub_domains(settings, state, schema)

    def extend(code: str, bound: BoundAgency) -> Any:  # noqa: ANN401 - a connector of the domain
        timed: Any = TimedConnector(bound.connector, recorded)
        return commands.extend(code, replace(bound, connector=timed))

    accesses = LedgerEntryBuilder(hub_domains.pseudonyms, hidden_purposes=settings.disclosure_delays)
    return server.compose(
        settings,
        HubParts(
            schema=schema,
            agencies=connectors.bind_domains({**hub_domains.build_domains(), **commands.build_domains()}, extend),
            agency_probes=connectors.build_agency_probes(),
            lifespan=no_lifespan,
            recorder=build_recorder(ledger, accesses),
            ledger=ledger,
        ),
    )


async def _measure(app: WebApplication, token: str, recorded: ConnectorCalls, answers: int) -> WholeCityTime:
    body = orjson.dumps({"query": DOCUMENT})
    taken, paths, processor = list[float](), list[float](), list[float]()
    for number in range(_WARM + answers):
        if number == _WARM:
            freeze_startup_objects()
        await asyncio.sleep(_PAUSE_S)
        recorded.calls.clear()
        cpu, began = time.process_time(), time.perf_counter()
        answered = await ask_once(app, body, token)
        taken.append(time.perf_counter() - began)
        processor.append(time.process_time() - cpu)
        paths.append(critical_path(recorded.calls))
        if b'"errors"' in answered or b'"data"' not in answered:
            raise RuntimeError(f"the query over the whole city is answered with errors: {answered[:300].decode()}")
    own = sorted(each - path for each, path in zip(taken[_WARM:], paths[_WARM:], strict=True))
    return WholeCityTime(
        answers=answers,
        calls=len(recorded.calls),
        answer_ms=_to_ms(median(taken[_WARM:])),
        critical_path_ms=_to_ms(median(paths[_WARM:])),
        processor_ms=_to_ms(median(processor[_WARM:])),
        hub_p50_ms=_to_ms(median(own)),
        hub_p95_ms=_to_ms(own[int(len(own) * 0.95)]),
    )


def _to_ms(seconds: float) -> float:
    return round(seconds * 1000, 3)


def print_whole_city(found: WholeCityTime, console: Console) -> None:
    """Print it."""
    console.print(
        f"{found.answers} answers of {found.calls} reads each, nothing cached, ledger on: {found.answer_ms:.2f} ms, of "
        f"which the critical path of agency calls {found.critical_path_ms:.2f} ms; the rest p50 "
        f"{found.hub_p50_ms:.2f} ms, p95 {found.hub_p95_ms:.2f} ms; processor time {found.processor_ms:.2f} ms."
    )


def main() -> int:
    """Report; the exit code."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.micro.whole_city", description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="a sixth of the answers")
    options = arguments.parse_args()
    console = Console(width=max(Console().width, 130), highlight=False)
    with run_on_core(GATEWAY_CORE):
        immediate = uvloop.run(measure_whole_city(50 if options.quick else 300, latency=False))
        usual = uvloop.run(measure_whole_city(20 if options.quick else 120, latency=True))
    is_reached = usual.hub_p95_ms <= GOAL_MS
    console.print("One citizen over nine agencies that answer immediately:")
    print_whole_city(immediate, console)
    console.print(
        f"Over the same agencies in their usual time (goal: the rest at most {GOAL_MS:g} ms in 95 of 100 answers; "
        f"{'reached' if is_reached else 'missed'}):"
    )
    print_whole_city(usual, console)
    return 0 if is_reached else 1


if __name__ == "__main__":
    sys.exit(main())
