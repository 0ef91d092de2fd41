"""Whatever is killed or frozen at each instant of a command: its complaint is at the complaint system exactly once.

Lines between the processes hold the bytes of the instant until one of its ends is dead.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from records.command_state import CommandState
from tests.cache.valkey import LocalValkey, run_valkey
from tests.journeys.commands.held_lines import STATEMENTS, HttpLine, Instant, PostgresLine, commits
from tests.journeys.commands.killed_city import KilledCity, build_variables, write_complaint_city
from tests.journeys.commands.workers import find_owner, prepare, replace_worker
from tests.journeys.hub_process import HubProcess
from tests.plugins.run_folder import short_folder
from tests.sandbox_agencies import RunningAgency, run_agency
from tests.workers.production import Production, prepare_production

REPEATS = 3
QUICK_INSTANTS = ("before the reply", "after the commit of the outcome")
FROZEN_INSTANTS = (
    "after the commit of the claim",
    "before the send",
    "before the reply",
    "before the commit of the outcome",
    "after the commit of the outcome",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldPlace:
    """An instant: the line, what it recognises, and whether the message or its answer is held."""

    line: str
    matches: Callable[[str], bool]
    is_answer: bool


def is_submission(line: str) -> bool:
    return line.startswith("POST /open311/v2/requests.json ")


def is_operation(line: str) -> bool:
    return line.startswith("POST /graphql ")


INSTANTS: Mapping[str, HeldPlace] = {
    **{
        f"{when} the commit of the {name}": HeldPlace(
            line="database", matches=commits(start), is_answer=when == "after"
        )
        for name, start in STATEMENTS.items()
        for when in ("before", "after")
    },
    "before the acknowledgement": HeldPlace(line="app", matches=is_operation, is_answer=True),
    "before the send": HeldPlace(line="complaint system", matches=is_submission, is_answer=False),
    "before the reply": HeldPlace(line="complaint system", matches=is_submission, is_answer=True),
}
"""After the acknowledgement comes the claim; after the send the reply; after the reply the outcome."""
ENDS: Mapping[str, frozenset[str]] = {
    "hub": frozenset({"database", "app", "complaint system"}),
    "database": frozenset({"database"}),
    "complaint system": frozenset({"complaint system"}),
    "Valkey": frozenset(),
    "worker": frozenset({"database", "app", "complaint system"}),
}
"""The lines that end at each process: what they hold is lost with it."""


KILLED = ("hub", "database", "complaint system", "Valkey")
"""The processes of a city with one worker."""


class LinedCity:
    """A city whose hub has lines to its database and to the complaint system, and whose apps have one to it."""

    def __init__(self, hub: HubProcess, complaint_system: RunningAgency, valkey: LocalValkey) -> None:
        self.city = KilledCity(hub, complaint_system)
        self.valkey = valkey
        self.database = PostgresLine(hub.postgres.port)
        self.agency = HttpLine(complaint_system.port)
        self.app = HttpLine()

    @property
    def lines(self) -> Mapping[str, HttpLine | PostgresLine]:
        return {"database": self.database, "app": self.app, "complaint system": self.agency}

    @asynccontextmanager
    async def run(self, set_variables: Callable[[Mapping[str, str]], None]) -> AsyncIterator[LinedCity]:
        hub = self.city.hub
        async with AsyncExitStack() as stack:
            for each in self.lines.values():
                await stack.enter_async_context(each.open())
            agency = build_variables(self.city.complaint_system, port=self.agency.port)
            state = self.city.database_url.replace(f":{hub.postgres.port}/", f":{self.database.port}/")
            set_variables({**agency, "SIMPUL_STATE_URL": state, "SIMPUL_REDIS_URL": self.valkey.url})
            self.city.app_port = self.app.port
            await self.start_hub()
            yield self

    async def start_hub(self) -> None:
        await asyncio.to_thread(self.city.hub.start)
        self.app.target = self.city.hub.port

    async def kill(self, victim: str, held: Instant) -> None:
        city = self.city
        match victim:
            case "worker":
                assert isinstance(city.hub, Production)
                await replace_worker(city.hub, find_owner(held.ports, city.hub.workers))
            case "hub":
                await asyncio.to_thread(city.hub.kill)
            case "database":
                await asyncio.to_thread(city.hub.kill_database)
            case "complaint system":
                await asyncio.to_thread(city.complaint_system.kill)
            case _:
                await asyncio.to_thread(self.valkey.crash)

    async def restart(self, victim: str) -> None:
        city = self.city
        match victim:
            case "worker":  # its supervisor did
                pass
            case "hub":
                await self.start_hub()
            case "database":
                await asyncio.to_thread(city.hub.postgres.start)
            case "complaint system":
                await asyncio.to_thread(city.complaint_system.restart)
            case _:
                await asyncio.to_thread(self.valkey.start)

    async def kill_at(self, instant: str, victim: str, key: str) -> None:
        """Submit a complaint, kill a process when the instant is reached, and start it again."""
        place = INSTANTS[instant]
        held = self.lines[place.line].hold(place.matches, is_answer=place.is_answer)
        submitting = asyncio.ensure_future(self.city.submit(key))
        await asyncio.wait_for(held.reached.wait(), 60)
        await self.kill(victim, held)
        held.release(passes=place.line not in ENDS[victim])
        await self.restart(victim)
        await submitting

    def check(self, keys: set[str]) -> None:
        assert self.city.receipts.keys() == keys
        assert self.city.count_complaints() == dict.fromkeys(keys, 1)


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[LocalValkey]:
    with run_valkey(tmp_path / "valkey") as started:
        yield started


@asynccontextmanager
async def run_lined_city(folder: Path, valkey: LocalValkey, *, reference: bool = True) -> AsyncIterator[LinedCity]:
    with run_agency("crm", folder) as complaint_system, short_folder() as short:
        variables = {"SIMPUL_CITY": str(write_complaint_city(short / "city", reference=reference))}
        hub = HubProcess(short, variables)
        await asyncio.to_thread(hub.postgres.start)
        try:
            async with LinedCity(hub, complaint_system, valkey).run(variables.update) as lined:
                yield lined
        finally:
            hub.kill()
            hub.postgres.stop()


@pytest.fixture
async def lined(tmp_path: Path, valkey: LocalValkey) -> AsyncIterator[LinedCity]:
    async with run_lined_city(tmp_path, valkey) as lined:
        yield lined


@pytest.fixture
async def workers(tmp_path: Path, valkey: LocalValkey) -> AsyncIterator[LinedCity]:
    """A city whose hub has two workers."""
    with (
        run_agency("crm", tmp_path) as complaint_system,
        short_folder() as short,
        prepare_production(short) as hub,
    ):
        city = {"SIMPUL_CITY": str(write_complaint_city(short / "city"))}
        async with LinedCity(hub, complaint_system, valkey).run(
            lambda variables: prepare(hub, {**city, **variables})
        ) as lined:
            yield lined


@pytest.fixture
async def blind(tmp_path: Path, valkey: LocalValkey) -> AsyncIterator[LinedCity]:
    """A city whose complaint system stores no number of the hub, so that it cannot be asked what arrived."""
    async with run_lined_city(tmp_path, valkey, reference=False) as lined:
        yield lined


async def kill_at_each(lined: LinedCity, kills: Iterable[tuple[str, str]]) -> set[str]:
    """Kill each victim at its instant. Returns the keys of what was submitted."""
    keys = set()
    for turn, (victim, instant) in enumerate(kills):
        key = f"{turn} {victim} {instant}"
        await lined.kill_at(instant, victim, key)
        keys.add(key)
    return keys


async def test_what_was_acknowledged_is_there_once_after_kills_at_named_instants(lined: LinedCity) -> None:
    kills = [("hub", instant) for instant in INSTANTS]
    kills += [(victim, instant) for victim in KILLED[1:] for instant in QUICK_INSTANTS]
    keys = await kill_at_each(lined, kills)
    await lined.city.wait_until_settled()
    lined.check(keys)


async def test_without_a_lookup_what_may_have_arrived_is_parked_and_says_so(blind: LinedCity) -> None:
    keys = await kill_at_each(blind, [("hub", "before the reply"), ("complaint system", "before the reply")])
    await blind.city.wait_until_settled(may_park=True)
    blind.check(keys)
    assert await blind.city.load_states() == dict.fromkeys(keys, CommandState.PARKED)


@pytest.mark.long
@pytest.mark.parametrize("victim", KILLED)
async def test_what_was_acknowledged_is_there_once_after_repeated_kills_at_each_instant(
    lined: LinedCity, victim: str
) -> None:
    keys = await kill_at_each(lined, [(victim, instant) for _ in range(REPEATS) for instant in INSTANTS])
    await lined.city.wait_until_settled()
    lined.check(keys)


@pytest.mark.long
async def test_what_was_acknowledged_is_there_once_after_repeated_kills_of_a_worker(workers: LinedCity) -> None:
    keys = await kill_at_each(workers, [("worker", instant) for _ in range(REPEATS) for instant in INSTANTS])
    await workers.city.wait_until_settled()
    workers.check(keys)


@pytest.mark.long
@pytest.mark.parametrize("victim", KILLED)
async def test_without_a_lookup_nothing_is_doubled_and_what_is_in_doubt_is_parked(
    blind: LinedCity, victim: str
) -> None:
    keys = await kill_at_each(blind, [(victim, instant) for _ in range(REPEATS) for instant in INSTANTS])
    await blind.city.wait_until_settled(may_park=True)
    counts, states = blind.city.count_complaints(), await blind.city.load_states()
    assert blind.city.receipts.keys() == states.keys() == keys
    assert max(counts.values()) == 1
    assert {key for key in keys if key not in counts} <= {
        key for key, state in states.items() if state is CommandState.PARKED
    }


async def freeze_at(lined: LinedCity, other: HubProcess, instant: str, key: str) -> None:
    """Freeze the first hub at an instant until another has done its work, then wake it."""
    place, first, second = INSTANTS[instant], lined.city.hub.process, other.process
    assert first is not None
    assert second is not None
    second.send_signal(signal.SIGSTOP)
    held = lined.lines[place.line].hold(place.matches, is_answer=place.is_answer)
    await lined.city.submit(key)
    await asyncio.wait_for(held.reached.wait(), 60)
    first.send_signal(signal.SIGSTOP)
    held.release(passes=True)
    second.send_signal(signal.SIGCONT)
    try:
        await lined.city.wait_until_settled()
    finally:
        first.send_signal(signal.SIGCONT)
    await lined.city.submit(f"{key}, awake")
    await lined.city.wait_until_settled()


@pytest.mark.long
@pytest.mark.parametrize("instant", FROZEN_INSTANTS)
async def test_a_hub_that_was_frozen_at_an_instant_and_wakes_doubles_nothing(
    lined: LinedCity, instant: str, tmp_path: Path
) -> None:
    direct = {**build_variables(lined.city.complaint_system), "SIMPUL_STATE_URL": lined.city.database_url}
    other = HubProcess(tmp_path, {"SIMPUL_CITY": lined.city.hub.environment["SIMPUL_CITY"], **direct})
    await asyncio.to_thread(other.start)
    try:
        await freeze_at(lined, other, instant, instant)
    finally:
        other.kill()
    lined.check({instant, f"{instant}, awake"})
