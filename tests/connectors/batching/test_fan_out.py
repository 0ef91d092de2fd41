from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from connectors.batching.fan_out import ask_in_chunks, fan_out
from records.calls.answers import Answers
from records.calls.failures import AgencyTimeout, AgencyUnavailable


async def test_each_key_has_one_call_and_answers_keep_the_order_of_the_keys() -> None:
    asked = []

    async def ask_one(key: str) -> str:
        asked.append(key)
        for _ in range(5 - int(key)):  # later keys are answered first
            await asyncio.sleep(0)
        return key * 2

    answers = await fan_out(["1", "2", "3", "4"], ask_one, limit=4)

    assert list(answers.items()) == [("1", "11"), ("2", "22"), ("3", "33"), ("4", "44")]
    assert sorted(asked) == ["1", "2", "3", "4"]


async def test_no_keys_make_no_call() -> None:
    async def ask_one(key: str) -> str:
        raise AssertionError(key)

    assert await fan_out([], ask_one, limit=4) == {}


async def test_an_unknown_key_is_absent_and_an_empty_list_is_an_answer() -> None:
    async def ask_one(key: str) -> tuple[str, ...] | None:
        return None if key == "unknown" else ()

    assert await fan_out(["unknown", "known"], ask_one, limit=2) == {"known": ()}


async def test_a_failure_is_the_answer_of_its_key_only() -> None:
    failure = AgencyTimeout("pbb")

    async def ask_one(key: str) -> str:
        if key == "b":
            raise failure
        return key

    assert await fan_out(["a", "b", "c"], ask_one, limit=2) == {"a": "a", "b": failure, "c": "c"}


@pytest.mark.parametrize(("limit", "keys", "most"), [(1, 5, 1), (3, 10, 3), (8, 2, 2)])
async def test_concurrency_is_exactly_the_limit(limit: int, keys: int, most: int) -> None:
    under_way, seen = 0, []

    async def ask_one(key: int) -> int:
        nonlocal under_way
        under_way += 1
        for _ in range(3):
            await asyncio.sleep(0)
        seen.append(under_way)
        under_way -= 1
        return key

    assert len(await fan_out(range(keys), ask_one, limit=limit)) == keys
    assert max(seen) == most


async def test_a_slow_key_delays_no_other() -> None:
    slow = asyncio.Event()
    answered = []

    async def ask_one(key: int) -> int:
        if key == 0:
            await slow.wait()
        answered.append(key)
        if answered == [1, 2, 3, 4, 5]:
            slow.set()
        return key

    assert list(await fan_out(range(6), ask_one, limit=2)) == [0, 1, 2, 3, 4, 5]


async def test_cancelling_cancels_every_running_call_and_starts_no_other() -> None:
    started, cancelled = [], []
    all_started = asyncio.Event()

    async def ask_one(key: int) -> int:
        started.append(key)
        if len(started) == 3:
            all_started.set()
        try:
            return await asyncio.Future()
        except asyncio.CancelledError:
            cancelled.append(key)
            raise

    task = asyncio.ensure_future(fan_out(range(9), ask_one, limit=3))
    await all_started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert (started, sorted(cancelled)) == ([0, 1, 2], [0, 1, 2])


async def test_a_bug_is_raised_and_cancels_the_other_calls() -> None:
    cancelled = []

    async def ask_one(key: int) -> int:
        if key == 1:
            raise ZeroDivisionError
        try:
            return await asyncio.Future()
        except asyncio.CancelledError:
            cancelled.append(key)
            raise

    with pytest.raises(ZeroDivisionError):
        await fan_out([0, 1, 2], ask_one, limit=3)
    assert sorted(cancelled) == [0, 2]


async def test_a_call_cancelled_from_inside_is_not_an_unknown_key() -> None:
    async def ask_one(key: int) -> int:
        if key == 1:
            raise asyncio.CancelledError
        return key

    with pytest.raises(asyncio.CancelledError):
        await fan_out([0, 1, 2], ask_one, limit=3)


async def test_a_limit_below_one_is_refused() -> None:
    async def ask_one(key: int) -> int:
        return key

    with pytest.raises(ValueError, match=r"^fan_out: limit is 0\. Allow at least 1 call at a time\.$"):
        await fan_out([1], ask_one, limit=0)


class TestOneKey:
    @pytest.mark.parametrize(("answer", "answers"), [("A", {"a": "A"}), (None, {}), ("", {"a": ""})])
    async def test_is_answered_like_many(self, answer: str | None, answers: dict[str, str]) -> None:
        async def ask_one(_key: str) -> str | None:
            return answer

        assert await fan_out(["a"], ask_one, limit=4) == answers

    async def test_a_failure_is_its_answer(self) -> None:
        failure = AgencyTimeout("pbb")

        async def ask_one(_key: str) -> str:
            raise failure

        assert await fan_out(["a"], ask_one, limit=4) == {"a": failure}

    @pytest.mark.parametrize("fault", [ZeroDivisionError, asyncio.CancelledError])
    async def test_any_other_exception_is_raised(self, fault: type[BaseException]) -> None:
        async def ask_one(_key: str) -> str:
            raise fault

        with pytest.raises(fault):
            await fan_out(["a"], ask_one, limit=4)

    async def test_needs_no_separate_task(self) -> None:
        async def ask_one(_key: str) -> asyncio.Task[object] | None:
            return asyncio.current_task()

        assert await fan_out(["a"], ask_one, limit=4) == {"a": asyncio.current_task()}


class ChunkedAgency:
    """Doubles numbers, knows no 3, and fails for every batch with 13."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, ...]] = []
        self.failure = AgencyUnavailable("dukcapil")

    async def ask(self, keys: Sequence[int]) -> Answers[int, int]:
        self.asked.append(tuple(keys))
        if 13 in keys:
            raise self.failure
        return {key: 2 * key for key in keys if key != 3}


@pytest.mark.parametrize(
    ("most", "calls"),
    [
        (None, [(1, 2, 3, 4, 5)]),
        (5, [(1, 2, 3, 4, 5)]),
        (2, [(1, 2), (3, 4), (5,)]),
        (1, [(1,), (2,), (3,), (4,), (5,)]),
    ],
)
async def test_keys_are_split_into_as_few_calls_as_possible(most: int | None, calls: list[tuple[int, ...]]) -> None:
    agency = ChunkedAgency()
    assert await ask_in_chunks([1, 2, 3, 4, 5], agency.ask, max_batch_size=most) == {1: 2, 2: 4, 4: 8, 5: 10}
    assert agency.asked == calls


async def test_a_failed_call_affects_only_its_keys() -> None:
    agency = ChunkedAgency()
    found = await ask_in_chunks([1, 2, 13, 4, 5], agency.ask, max_batch_size=2)
    assert found == {1: 2, 2: 4, 13: agency.failure, 4: agency.failure, 5: 10}


async def test_the_only_call_fails_as_a_whole() -> None:
    agency = ChunkedAgency()
    with pytest.raises(AgencyUnavailable):
        await ask_in_chunks([13, 1], agency.ask, max_batch_size=2)
