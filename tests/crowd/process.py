"""A hub of the crowd in a process of its own: `server.py`'s composition, what is kept in a Redis, and the real ledger.

It reads on standard input what changes in the city, a line of JSON each, and says `done` when it is so.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import orjson
import uvicorn
from pydantic import SecretStr
from starlette.applications import Starlette

import server
from auth.accesses import Accesses
from auth.development import development_entry
from auth.pseudonyms import Pseudonyms
from connectors.attendance import Attendance
from records.identifiers import Nik
from resolvers.kept_answers import KeptAnswers
from resolvers.recording import recorder
from store.access_ledger import AccessLedger
from store.database import database, migrate
from store.operations import OperationRegistry, Take
from tests.crowd.agencies import KINDS, Weather, agencies
from tests.crowd.hubs import CONTRACTS, LIMITS
from tests.crowd.people import Change, People, chance
from tests.crowd.questions import SECRET
from tests.small_hub import city_schema, settings_of
from web.serving import uvicorn_config

_MOST_BYTES = 2 * 1024 * 1024


class Registered:
    """In place of the registry: the partners, who may ask whatever they like."""

    async def hand_over(self, take: Take) -> int:
        await take(CONTRACTS, ())
        return 0

    async def follow(self, _take: Take, *, seen: int) -> None:
        """Nothing changes."""


async def main() -> None:
    """Serve until standard input ends."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("port", type=int)
    arguments.add_argument("--keys", type=Path)
    arguments.add_argument("--redis")
    arguments.add_argument("--state")
    arguments.add_argument("--seed", type=int)
    given = arguments.parse_args()
    people, weather = People.made(given.seed), dict[str, Weather]()
    kept = KeptAnswers(most_bytes=_MOST_BYTES, secret=SECRET, redis=given.redis, patience=2.0)
    settings = settings_of((development_entry(given.keys),), rates=("off",), state_url=SecretStr(given.state), **LIMITS)
    state = database(given.state)
    ledger = AccessLedger(state, SECRET)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await migrate(state)
        await ledger.start()
        async with kept.running():
            yield
        await ledger.close()
        await state.dispose()

    app = server.compose(
        settings,
        schema=city_schema(),
        agencies=agencies(people, chance(given.port), weather),
        attendance=Attendance({}),
        lifespan=lifespan,
        recorder=recorder(ledger, Accesses(Pseudonyms(SECRET))),
        registry=cast("OperationRegistry", Registered()),
        kept=kept,
    )
    web = uvicorn.Server(uvicorn_config(app, "127.0.0.1", given.port, settings.web))
    serving = asyncio.create_task(web.serve())
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        await _told(orjson.loads(line), people, weather, kept)
        sys.stdout.write("done\n")
        sys.stdout.flush()
    web.should_exit = True
    await serving


async def _told(told: dict[str, Any], people: People, weather: dict[str, Weather], kept: KeptAnswers) -> None:
    if "change" in told:
        people.apply(Change(*told["change"]))
    if "weather" in told:
        weather.update({agency: KINDS[kind] for agency, kind in told["weather"].items()})
    if "forget" in told:
        nik = told["forget"]
        await (kept.batches.forget_agency("dukcapil") if nik is None else kept.batches.forget_people([Nik(nik)]))


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    asyncio.run(main())
