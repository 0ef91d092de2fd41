"""More keys than one call takes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from connectors.batching.chunks import ask_in_chunks
from records.calls.answers import Answers
from records.calls.failures import AgencyUnavailable


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
