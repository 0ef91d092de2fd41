"""How many runs begin in one turn of the event loop, and which ones wait."""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import partial
from typing import Any

from engine.agencies.bindings import Agencies
from engine.engine import Engine
from engine.execution.run_starts import RunStarts
from engine.request import GraphQLRequest
from engine.run_request import RunRequest
from resolvers.hub.data_preferences import PeoplePreferences
from resolvers.population import Population
from resolvers.regions import Regions
from schema.declarations.request_context import RequestContext
from tests.fakes.city import build_policy
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import CALL, CALLERS
from tests.fakes.virtual_loop import virtual_loop
from tests.schema.requests import IDS, build_engine

PUBLIC = "{ regions(first: 2) { name } }"
PERSONAL = "{ me { name } }"


class TurnCounter:
    """Counts turns of the event loop, and the runs that begin in each."""

    def __init__(self) -> None:
        self.turn = 0
        self.begun: list[tuple[int, int]] = []
        """Turn and number of each run, in the order in which they began."""
        self.release = asyncio.Event()
        self._next()

    def _next(self) -> None:
        self.turn += 1
        if not self.release.is_set():
            asyncio.get_running_loop().call_soon(self._next)

    async def run(self, number: int) -> int:
        self.begun.append((self.turn, number))
        await self.release.wait()
        return number

    def count_begun(self) -> list[int]:
        """The number of runs that began in each turn with any, in order."""
        return list(Counter(turn for turn, _ in self.begun).values())


async def let_begin(counter: TurnCounter, count: int) -> None:
    """Wait until this number of runs began; after at most ten turns."""
    for _ in range(10):
        if len(counter.begun) < count:
            await asyncio.sleep(0)


async def test_up_to_eight_runs_begin_immediately() -> None:
    starts, counter = RunStarts(), TurnCounter()
    tasks = [asyncio.create_task(starts.run(partial(counter.run, each))) for each in range(8)]
    await asyncio.sleep(0)
    assert counter.count_begun() == [8]
    counter.release.set()
    assert await asyncio.gather(*tasks) == [*range(8)]


async def test_beyond_eight_pending_runs_six_begin_in_a_turn_in_their_order() -> None:
    starts, counter = RunStarts(), TurnCounter()
    tasks = [asyncio.create_task(starts.run(partial(counter.run, each))) for each in range(30)]
    await let_begin(counter, 30)
    assert counter.count_begun() == [14, 6, 6, 4]
    assert [number for _, number in counter.begun] == [*range(30)]
    counter.release.set()
    assert await asyncio.gather(*tasks) == [*range(30)]


async def test_when_runs_have_ended_others_begin_immediately_again() -> None:
    starts = RunStarts()
    for _ in range(3):
        counter = TurnCounter()
        tasks = [asyncio.create_task(starts.run(partial(counter.run, each))) for each in range(20)]
        await let_begin(counter, 20)
        assert counter.count_begun() == [14, 6]
        counter.release.set()
        await asyncio.gather(*tasks)


async def test_a_run_that_is_cancelled_while_it_waits_never_begins_and_takes_no_start() -> None:
    starts, counter = RunStarts(), TurnCounter()
    tasks = [asyncio.create_task(starts.run(partial(counter.run, each))) for each in range(26)]
    await asyncio.sleep(0)
    for each in tasks[14:20]:
        each.cancel()
    await let_begin(counter, 20)
    assert counter.count_begun() == [14, 6]
    assert [number for _, number in counter.begun] == [*range(14), *range(20, 26)]
    counter.release.set()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(each, asyncio.CancelledError) for each in ended] == [14 <= each < 20 for each in range(26)]


async def test_a_failed_run_makes_room_for_another() -> None:
    starts, counter = RunStarts(), TurnCounter()

    async def fail() -> None:
        raise RuntimeError("failed")

    for _ in range(50):
        assert isinstance((await asyncio.gather(starts.run(fail), return_exceptions=True))[0], RuntimeError)
    counter.release.set()
    assert await asyncio.gather(*[starts.run(partial(counter.run, each)) for each in range(8)]) == [*range(8)]
    assert counter.count_begun() == [8]


def test_shows_how_long_the_next_run_has_waited() -> None:
    with virtual_loop() as loop:
        starts = RunStarts(clock=loop.time)

        async def work() -> None:
            loop.advance(0.01)
            await asyncio.sleep(1)

        async def ask() -> list[float]:
            assert starts.get_wait(loop.time()) == 0.0
            tasks = [asyncio.create_task(starts.run(work)) for _ in range(38)]
            waits: list[float] = []
            for _ in range(5):
                await asyncio.sleep(0)
                waits.append(round(starts.get_wait(loop.time()), 3))
            await asyncio.gather(*tasks)
            return waits

        assert loop.run(ask()) == [0.0, 0.0, 0.06, 0.12, 0.0]


def test_serves_a_new_event_loop_after_one_that_ended_in_the_middle() -> None:
    starts = RunStarts()

    async def stop_in_the_middle() -> None:
        counter = TurnCounter()
        for each in range(30):
            asyncio.create_task(starts.run(partial(counter.run, each)))  # noqa: RUF006 - the loop cancels it
        await asyncio.sleep(0)

    async def run_all() -> list[int]:
        counter = TurnCounter()
        tasks = [asyncio.create_task(starts.run(partial(counter.run, each))) for each in range(30)]
        await let_begin(counter, 30)
        counter.release.set()
        await asyncio.gather(*tasks)
        return counter.count_begun()

    asyncio.run(stop_in_the_middle())
    assert asyncio.run(run_all()) == [14, 6, 6, 4]


class CityWithTurns:
    """The small city, with the turn of the event loop in which each call comes."""

    def __init__(self) -> None:
        self._city = SmallCity()
        self._turn = 0
        self.calls: Counter[int] = Counter()

    async def count_turns(self) -> None:
        while True:
            self._turn += 1
            await asyncio.sleep(0)

    def __getattr__(self, question: str) -> Any:  # noqa: ANN401 - a connector's question
        async def answer(*given: Any) -> Any:  # noqa: ANN401 - whatever it is asked and answers
            self.calls[self._turn] += 1
            await asyncio.sleep(0.01)
            return await getattr(self._city, question)(*given)

        return answer


async def count_calls_by_turn(text: str, *, caller: str, requests: int) -> list[int]:
    """The number of calls in each turn with any, while equal requests of one moment run separately."""
    engine = Engine(build_engine().schema, build_engine().rules)
    city = CityWithTurns()
    agencies = Agencies(dict.fromkeys((Population, Regions, PeoplePreferences), city))

    def open_context() -> RequestContext:
        return RequestContext(policy=build_policy(), caller=CALLERS[caller], call=CALL, agencies=agencies, node_ids=IDS)

    request = RunRequest(
        request=GraphQLRequest(query=text), context_factory=open_context, caller_key=CALLERS[caller], request_id="r-1"
    )
    await engine.run(request)
    city.calls.clear()
    counter = asyncio.create_task(city.count_turns())
    answers = await asyncio.gather(*[engine.run(request) for _ in range(requests)])
    counter.cancel()
    assert [each.errors for each in answers] == [[]] * requests
    return list(city.calls.values())


async def test_of_many_public_runs_few_begin_in_a_turn() -> None:
    assert await count_calls_by_turn(PUBLIC, caller="anonymous", requests=30) == [14, 6, 6, 4]


async def test_few_public_runs_begin_together() -> None:
    assert await count_calls_by_turn(PUBLIC, caller="anonymous", requests=8) == [8]


async def test_runs_for_a_person_begin_together() -> None:
    assert await count_calls_by_turn(PERSONAL, caller="the person", requests=30) == [30]
