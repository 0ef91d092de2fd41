"""A crowd in front of hubs in this process, and one in front of processes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from tests.crowd.agencies import Weather
from tests.crowd.asking import Crowd
from tests.crowd.hubs import Ledger, hubs_here
from tests.crowd.hubs_there import LedgerThere, change_all, hubs_there, weather_all
from tests.crowd.people import Change, People, chance


@asynccontextmanager
async def crowd_here(seed: int, redis: str, *, pause: float = 0.01) -> AsyncIterator[Crowd]:
    """In front of the engine, its rules, its coalescing and what is kept; `pause` seconds between two changes."""
    people, weathers, ledger = People.made(seed), dict[str, Weather](), Ledger()
    random = chance(seed)

    async def tell(change: Change) -> None:
        people.apply(change)

    async def weather(agency: str, kind: Weather) -> None:
        weathers[agency] = kind

    async with hubs_here(people, random, weathers, ledger, redis) as hubs:
        yield Crowd(people, hubs, random, ledger, tell, weather, pause)


@asynccontextmanager
async def crowd_there(folder: Path, seed: int, *, redis: str, state: str) -> AsyncIterator[tuple[Crowd, LedgerThere]]:
    """In front of two processes, over HTTP, and the ledger in their database."""
    people, ledger = People.made(seed), LedgerThere(state)
    async with hubs_there(folder, seed, redis=redis, state=state) as hubs:
        change = partial(change_all, hubs, people)
        yield Crowd(people, hubs, chance(seed), ledger, change, partial(weather_all, hubs), pause=0.05), ledger
