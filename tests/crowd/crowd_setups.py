"""A crowd with hubs in this process, and one with hubs in other processes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from tests.crowd.agencies import FailureRates
from tests.crowd.crowd import Crowd
from tests.crowd.http_hubs import DatabaseLedger, apply_change_to_all, run_http_hubs, set_failure_rates_of_all
from tests.crowd.in_process_hubs import InProcessLedger, run_in_process_hubs
from tests.crowd.people import CrowdChange, CrowdPeople, seeded_random


@asynccontextmanager
async def run_in_process_crowd(seed: int, redis: str, *, answers_per_change: int = 10) -> AsyncIterator[Crowd]:
    """A crowd with the engine, its rules, its shared runs and its caches."""
    people, failure_rates, ledger = CrowdPeople.generate(seed), dict[str, FailureRates](), InProcessLedger()
    random = seeded_random(seed)

    async def apply_change(change: CrowdChange) -> None:
        people.apply(change)

    async def set_failure_rates(agency: str, kind: FailureRates) -> None:
        failure_rates[agency] = kind

    async with run_in_process_hubs(people, random, failure_rates, ledger, redis) as hubs:
        yield Crowd(people, hubs, random, ledger, apply_change, set_failure_rates, answers_per_change)


@asynccontextmanager
async def run_http_crowd(
    folder: Path, seed: int, *, redis: str, state: str
) -> AsyncIterator[tuple[Crowd, DatabaseLedger]]:
    """A crowd with two processes over HTTP, and the ledger in their database."""
    people, ledger = CrowdPeople.generate(seed), DatabaseLedger(state)
    async with run_http_hubs(folder, seed, redis=redis, state=state) as hubs:
        change = partial(apply_change_to_all, hubs, people)
        yield (
            Crowd(people, hubs, seeded_random(seed), ledger, change, partial(set_failure_rates_of_all, hubs)),
            ledger,
        )
