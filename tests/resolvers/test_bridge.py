"""The bridge loads single keys in batches, each once per request, and nothing outlives the request."""

from __future__ import annotations

import asyncio
import gc
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import pytest

from auth.caller import ANONYMOUS
from engine.agencies.bindings import Agencies
from engine.batch import Batch
from records.calls.call import Call
from records.calls.failures import AgencyTimeout, AgencyUnavailable
from resolvers.batch_context import HubBatchContext
from resolvers.bridge import Bridge
from tests.fakes.small_records import CALL


class Name: ...


class Home: ...


@dataclass
class RecordedBatch:
    """A batch that records its calls."""

    answers: Mapping[Any, Any] = field(default_factory=dict)
    raises: Exception | None = None
    facets: bool = False
    absent: object = None
    asked: list[tuple[list[Any], frozenset[type[Any]]]] = field(default_factory=list)
    started: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event | None = None
    cancelled: int = 0

    def batch(self) -> Batch[Any, Any]:
        return Batch(name="recorded", domain=Home, run=self.run, has_facets=self.facets, absent=self.absent)

    async def run(self, keys: Sequence[Any], context: HubBatchContext) -> Mapping[Any, Any]:
        self.asked.append((list(keys), context.facets))
        self.started.set()
        if self.go_on is not None:
            try:
                await self.go_on.wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
        if self.raises is not None:
            raise self.raises
        if self.facets:
            return {
                key: {kind: each for kind, each in self.answers[key].items() if kind in context.facets}
                for key in keys
                if key in self.answers
            }
        return {key: self.answers[key] for key in keys if key in self.answers}


def bridge(call: Call = CALL) -> Bridge:
    return Bridge(lambda facets: HubBatchContext(caller=ANONYMOUS, call=call, agencies=Agencies({}), facets=facets))


async def gather_results(*waiting: Any) -> list[Any]:  # noqa: ANN401 - awaitables
    return list(await asyncio.gather(*waiting, return_exceptions=True))


async def test_keys_loaded_at_the_same_moment_share_one_call() -> None:
    recorded = RecordedBatch({1: "one", 2: "two"})
    batch, to = recorded.batch(), bridge()
    answers = await gather_results(*(to.load(batch, key) for key in (1, 2, 1, 2, 2)))
    assert answers == ["one", "two", "one", "two", "two"]
    assert recorded.asked == [([1, 2], frozenset())]


async def test_an_answered_key_is_not_loaded_again_in_the_same_request() -> None:
    recorded = RecordedBatch({1: "one", 2: "two"})
    batch, to = recorded.batch(), bridge()
    assert await to.load(batch, 1) == "one"
    assert await gather_results(to.load(batch, 1), to.load(batch, 2)) == ["one", "two"]
    assert recorded.asked == [([1], frozenset()), ([2], frozenset())]


async def test_another_request_loads_again() -> None:
    recorded = RecordedBatch({1: "one"})
    batch = recorded.batch()
    await bridge().load(batch, 1)
    await bridge().load(batch, 1)
    assert len(recorded.asked) == 2


async def test_different_batches_run_concurrently() -> None:
    go_on = asyncio.Event()
    first, second = RecordedBatch({1: "a"}, go_on=go_on), RecordedBatch({1: "b"}, go_on=go_on)
    to = bridge()
    waiting = asyncio.gather(to.load(first.batch(), 1), to.load(second.batch(), 1))
    await asyncio.wait_for(asyncio.gather(first.started.wait(), second.started.wait()), 5)
    go_on.set()
    assert list(await waiting) == ["a", "b"]


async def test_an_unknown_key_is_the_absent_value_of_its_batch() -> None:
    assert await bridge().load(RecordedBatch().batch(), 1) is None
    assert await bridge().load(RecordedBatch(absent=()).batch(), 1) == ()


async def test_a_failure_of_one_key_is_raised_only_for_that_key() -> None:
    recorded = RecordedBatch({1: "one", 2: AgencyTimeout("crm")})
    batch, to = recorded.batch(), bridge()
    one, two = await gather_results(to.load(batch, 1), to.load(batch, 2))
    assert one == "one"
    assert isinstance(two, AgencyTimeout)


@pytest.mark.parametrize("failure", [AgencyUnavailable("crm"), ZeroDivisionError("a fault of ours")])
async def test_a_failure_of_the_whole_call_is_raised_for_each_of_its_keys(failure: Exception) -> None:
    recorded = RecordedBatch(raises=failure)
    batch, to = recorded.batch(), bridge()
    assert await gather_results(to.load(batch, 1), to.load(batch, 2)) == [failure, failure]
    assert recorded.asked == [([1, 2], frozenset())]


@pytest.mark.parametrize(
    "recorded", [RecordedBatch(raises=AgencyUnavailable("crm")), RecordedBatch({1: AgencyUnavailable("crm")})]
)
async def test_a_failed_key_is_not_loaded_again_in_the_same_request(recorded: RecordedBatch) -> None:
    batch, to = recorded.batch(), bridge()
    for _ in range(3):
        with pytest.raises(AgencyUnavailable):
            await to.load(batch, 1)
    assert len(recorded.asked) == 1


async def test_a_failure_raised_for_many_keys_does_not_grow_its_traceback() -> None:
    recorded = RecordedBatch(raises=AgencyUnavailable("crm"))
    batch, to = recorded.batch(), bridge()
    await gather_results(*(to.load(batch, key) for key in range(200)))
    with pytest.raises(AgencyUnavailable) as failure:
        await to.load(batch, 5)
    frames = traceback.extract_tb(failure.value.__traceback__)
    assert len(frames) < 8
    assert [frame.name for frame in frames][-1] == "run"


async def test_facets_of_one_key_share_one_call() -> None:
    recorded = RecordedBatch({1: {Name: "Siti", Home: "Gambir"}}, facets=True)
    batch, to = recorded.batch(), bridge()
    assert await gather_results(to.load(batch, 1, Name), to.load(batch, 1, Home), to.load(batch, 1, Name)) == [
        "Siti",
        "Gambir",
        "Siti",
    ]
    assert recorded.asked == [([1], frozenset({Name, Home}))]


async def test_no_facet_is_fetched_for_a_key_that_did_not_want_it() -> None:
    recorded = RecordedBatch({key: {Name: f"name {key}", Home: f"home {key}"} for key in (1, 2, 3)}, facets=True)
    batch, to = recorded.batch(), bridge()
    answers = await gather_results(
        to.load(batch, 1, Name), to.load(batch, 2, Name), to.load(batch, 2, Home), to.load(batch, 3, Name)
    )
    assert answers == ["name 1", "name 2", "home 2", "name 3"]
    assert recorded.asked == [([1, 3], frozenset({Name})), ([2], frozenset({Name, Home}))]


async def test_a_facet_that_the_agency_does_not_hold_is_null() -> None:
    recorded = RecordedBatch({1: {Name: "Siti"}}, facets=True)
    batch, to = recorded.batch(), bridge()
    assert await gather_results(to.load(batch, 1, Name), to.load(batch, 1, Home), to.load(batch, 9, Home)) == [
        "Siti",
        None,
        None,
    ]


async def test_a_failed_group_of_facets_does_not_affect_the_others() -> None:
    class OneGroupFails(RecordedBatch):
        async def run(self, keys: Sequence[Any], context: HubBatchContext) -> Mapping[Any, Any]:
            if Home in context.facets:
                raise AgencyTimeout("crm")
            return await super().run(keys, context)

    recorded = OneGroupFails({1: {Name: "Siti"}, 2: {Name: "Budi"}}, facets=True)
    batch, to = recorded.batch(), bridge()
    siti, budi, home = await gather_results(to.load(batch, 1, Name), to.load(batch, 2, Name), to.load(batch, 2, Home))
    assert siti == "Siti"
    assert isinstance(budi, AgencyTimeout)
    assert isinstance(home, AgencyTimeout)


def own_tasks() -> set[asyncio.Task[Any]]:
    """Tasks of bridges and batches only; hubs of other tests may run tasks of their own."""
    return {task for task in asyncio.all_tasks() if any(name in repr(task) for name in ("ridge", "dataloader"))}


async def test_closing_cancels_running_batches_and_leaves_no_task() -> None:
    before = own_tasks()
    recorded = RecordedBatch(go_on=asyncio.Event())
    batch, to = recorded.batch(), bridge()
    waiting = asyncio.ensure_future(to.load(batch, 1))
    await asyncio.wait_for(recorded.started.wait(), 5)
    waiting.cancel()
    await to.close()
    await gather_results(waiting)
    assert recorded.cancelled == 1
    assert own_tasks() == before
    gc.collect()  # pending tasks would warn now, and warnings are errors


async def test_closing_reaches_a_batch_that_has_not_started_yet() -> None:
    before = own_tasks()
    recorded = RecordedBatch(go_on=asyncio.Event())
    batch, to = recorded.batch(), bridge()
    waiting = asyncio.ensure_future(to.load(batch, 1))
    await asyncio.sleep(0)  # loaded, but the call has not started
    waiting.cancel()
    await to.close()
    await gather_results(waiting)
    for _ in range(10):
        await asyncio.sleep(0)
    assert own_tasks() == before
    assert recorded.asked == []


async def test_closing_twice_or_unused_is_harmless() -> None:
    to = bridge()
    await to.close()
    await to.close()


async def test_a_cancelled_waiter_does_not_cancel_the_answer_for_others() -> None:
    go_on = asyncio.Event()
    recorded = RecordedBatch({1: "one", 2: "two"}, go_on=go_on)
    batch, to = recorded.batch(), bridge()
    first = asyncio.ensure_future(to.load(batch, 1))
    second = asyncio.ensure_future(to.load(batch, 2))
    await asyncio.wait_for(recorded.started.wait(), 5)
    first.cancel()
    go_on.set()
    assert await second == "two"
    await to.close()


async def test_at_the_request_deadline_only_late_batches_fail() -> None:
    late, quick = RecordedBatch(go_on=asyncio.Event()), RecordedBatch(answers={"a": 1})
    call = Call(deadline=monotonic() + 0.05, request_id="in-a-hurry")
    to = bridge(call)
    answers = await asyncio.gather(to.load(late.batch(), "a"), to.load(quick.batch(), "a"), return_exceptions=True)
    assert isinstance(answers[0], AgencyTimeout)
    assert (answers[0].agency, answers[1], late.cancelled) == ("home", 1, 1)


async def test_a_timeout_raised_by_a_batch_is_kept() -> None:
    to = bridge()
    with pytest.raises(TimeoutError, match="its own"):
        await to.load(RecordedBatch(raises=TimeoutError("its own")).batch(), "a")


async def test_a_key_with_several_waiters_is_not_cancelled_with_the_first() -> None:
    recorded = RecordedBatch(answers={"a": 1}, go_on=asyncio.Event())
    to = bridge()
    batch = recorded.batch()
    leaves, stays = (asyncio.ensure_future(to.load(batch, "a")) for _ in range(2))
    await recorded.started.wait()
    leaves.cancel()
    await asyncio.sleep(0)
    assert recorded.go_on is not None
    recorded.go_on.set()
    assert await stays == 1
    assert leaves.cancelled()
    assert recorded.asked == [(["a"], frozenset())]


async def test_a_forgotten_key_is_loaded_again() -> None:
    recorded = RecordedBatch(answers={"a": 1})
    batch, to = recorded.batch(), bridge()
    assert [await to.load(batch, "a"), await to.load(batch, "a")] == [1, 1]
    to.drop_known_answers()
    assert await to.load(batch, "a") == 1
    assert recorded.asked == [(["a"], frozenset())] * 2
