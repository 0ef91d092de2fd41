"""A hub of the crowd in a separate process: `server.py`'s composition, a cache in Redis, and the real ledger.

It reads changes of the city from standard input, one line of JSON each, and writes `done` after each.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import uvicorn
from pydantic import SecretStr
from starlette.applications import Starlette

import server
from auth.crypto.pseudonyms import Pseudonyms
from auth.tokens.development_issuer import build_development_issuer
from cache.redis_server import RedisServer
from connectors.agency_probes import AgencyProbes
from records.identifiers import Nik
from resolvers.answer_cache import AnswerCache
from services.ledger.ledger_entry_builder import LedgerEntryBuilder
from services.ledger.read_recording import build_recorder
from store.database import create_database_engine, migrate
from store.ledger.access_ledger import AccessLedger
from store.operations.operation_registry import ApplyRegistry
from tests.crowd.agencies import FAILURE_PROFILES, FailureRates, build_agencies
from tests.crowd.in_process_hubs import CONTRACTS, LIMITS
from tests.crowd.people import CrowdChange, CrowdPeople, seeded_random
from tests.crowd.questions import SECRET
from tests.fakes.small_hub import build_city_schema, build_settings
from web.server.uvicorn_config import build_uvicorn_config
from wiring.hub_parts import HubParts

_MAX_BYTES = 2 * 1024 * 1024


class OpenRegistry:
    """In place of the register of operations: the partners, who may send any document."""

    async def apply_once(self, apply: ApplyRegistry, /) -> int:
        await apply(CONTRACTS, ())
        return 0

    async def follow(self, _apply: ApplyRegistry, /, *, after_revision: int) -> None:
        """Do nothing."""


async def main() -> None:
    """Serve until standard input ends."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("port", type=int)
    arguments.add_argument("--keys", type=Path)
    arguments.add_argument("--redis")
    arguments.add_argument("--state")
    arguments.add_argument("--seed", type=int)
    options = arguments.parse_args()
    people, failure_rates = CrowdPeople.generate(options.seed), dict[str, FailureRates]()
    redis = None if options.redis is None else RedisServer(options.redis, timeout=2.0)
    answer_cache = AnswerCache(max_bytes=_MAX_BYTES, secret=SECRET, redis=redis, timeout=2.0)
    settings = build_settings(
        (build_development_issuer(options.keys),), rates=("off",), state_url=SecretStr(options.state), **LIMITS
    )
    state = create_database_engine(options.state)
    ledger = AccessLedger(state, SECRET)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await migrate(state)
        await ledger.start()
        async with answer_cache.running():
            yield
        await ledger.close()
        await state.dispose()

    app = server.compose(
        settings,
        HubParts(
            schema=build_city_schema(),
            agencies=build_agencies(people, seeded_random(options.port), failure_rates),
            agency_probes=AgencyProbes({}),
            lifespan=lifespan,
            recorder=build_recorder(ledger, LedgerEntryBuilder(Pseudonyms(SECRET))),
            registry=OpenRegistry(),
            answer_cache=answer_cache,
        ),
    )
    web = uvicorn.Server(build_uvicorn_config(app, "127.0.0.1", options.port, settings.web))
    serving = asyncio.create_task(web.serve())
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        await _apply_command(orjson.loads(line), people, failure_rates, answer_cache)
        sys.stdout.write("done\n")
        sys.stdout.flush()
    web.should_exit = True
    await serving


async def _apply_command(
    command: dict[str, Any], people: CrowdPeople, failure_rates: dict[str, FailureRates], answer_cache: AnswerCache
) -> None:
    if "change" in command:
        people.apply(CrowdChange(*command["change"]))
    if "weather" in command:
        failure_rates.update({agency: FAILURE_PROFILES[kind] for agency, kind in command["weather"].items()})
    if "forget" in command:
        nik = command["forget"]
        await (
            answer_cache.batches.invalidate_agency("dukcapil")
            if nik is None
            else answer_cache.batches.invalidate_people([Nik(nik)])
        )


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    asyncio.run(main())
