"""The daily quota in the agency's time zone, for one process and for several with a shared count."""

from __future__ import annotations

import asyncio
from datetime import datetime

from connectors.resilience.daily_quota import DailyCallQuota
from records.clocks import CITY_TIME_ZONE

NOON = datetime(2026, 11, 24, 12, tzinfo=CITY_TIME_ZONE).timestamp()
DAY = datetime(2026, 11, 24, tzinfo=CITY_TIME_ZONE).toordinal()


class SharedDayCount:
    """A fake shared count, with its calls."""

    def __init__(self) -> None:
        self.reserved: dict[int, int] = {}
        self.asked: list[tuple[str, int, int]] = []
        self.answers = True

    async def acquire_rate(self, agency: str, *, rate: float, burst: int) -> float | None:
        raise AssertionError(f"nobody waits for a turn of {agency} here: {rate}, {burst}")

    async def reserve(
        self, agency: str, calls: int, *, day: int, limit: int, known_spent: int
    ) -> tuple[bool, int] | None:
        self.asked.append((agency, calls, day))
        await asyncio.sleep(0)
        if not self.answers:
            return None
        before = max(self.reserved.get(day, 0), known_spent)
        if before + calls > limit:
            return False, before
        self.reserved[day] = before + calls
        return True, before + calls


async def spent(quota: DailyCallQuota, now: float) -> bool:
    """Make one call, if one is left."""
    if quota.get_retry_after(now):
        return False
    if not quota.has_reserved:
        await quota.reserve()
        if quota.get_retry_after(now):
            return False
    quota.spend()
    return True


async def test_a_spent_quota_refuses_until_the_agencys_midnight() -> None:
    quota = DailyCallQuota(2, CITY_TIME_ZONE)
    assert [await spent(quota, NOON) for _ in range(3)] == [True, True, False]
    assert quota.get_retry_after(NOON) == 12 * 3600
    assert quota.get_retry_after(NOON + 12 * 3600 - 1) == 1
    assert repr(quota) == "<DailyCallQuota left=0/2>"


async def test_a_new_day_begins_with_the_whole_quota() -> None:
    quota = DailyCallQuota(2, CITY_TIME_ZONE)
    assert [await spent(quota, NOON) for _ in range(2)] == [True, True]
    assert quota.get_retry_after(NOON + 12 * 3600) == 0
    assert quota.left == 2


async def test_a_clock_that_is_set_back_a_day_does_not_cost_two_days() -> None:
    quota = DailyCallQuota(1, CITY_TIME_ZONE)
    assert await spent(quota, NOON)
    assert quota.get_retry_after(NOON - 86_400) == 0


async def test_processes_together_make_exactly_the_quota() -> None:
    count = SharedDayCount()
    here, there = (DailyCallQuota(1201, CITY_TIME_ZONE, agency="pbb", shared_limits=count) for _ in range(2))
    made = 0
    while True:
        turn = [await spent(here, NOON), await spent(there, NOON)]
        made += sum(turn)
        if not any(turn):
            break
    assert made == 1201
    assert {(agency, day) for agency, _, day in count.asked} == {("pbb", DAY)}
    assert max(calls for _, calls, _ in count.asked) == 2  # a five-hundredth at a time


async def test_concurrent_calls_reserve_no_more_than_they_make() -> None:
    count = SharedDayCount()
    quota = DailyCallQuota(50_000, CITY_TIME_ZONE, agency="pbb", shared_limits=count)
    assert all(await asyncio.gather(*(spent(quota, NOON) for _ in range(150))))
    assert count.asked == [("pbb", 100, DAY)] * 2
    assert quota.left == 50_000 - 150


async def test_a_restarted_process_knows_earlier_calls() -> None:
    count = SharedDayCount()
    before = DailyCallQuota(10, CITY_TIME_ZONE, agency="pbb", shared_limits=count)
    assert [await spent(before, NOON) for _ in range(8)] == [True] * 8
    after = DailyCallQuota(10, CITY_TIME_ZONE, agency="pbb", shared_limits=count)
    assert [await spent(after, NOON) for _ in range(3)] == [True, True, False]


async def test_without_the_shared_count_a_process_continues_from_its_own() -> None:
    count = SharedDayCount()
    quota = DailyCallQuota(4, CITY_TIME_ZONE, agency="pbb", shared_limits=count)
    assert [await spent(quota, NOON) for _ in range(2)] == [True, True]
    count.answers = False
    assert [await spent(quota, NOON) for _ in range(3)] == [True, True, False]
    count.answers = True
    other = DailyCallQuota(4, CITY_TIME_ZONE, agency="pbb", shared_limits=count)
    assert [await spent(other, NOON) for _ in range(3)] == [
        True,
        True,
        False,
    ]  # the count does not know of the other two


async def test_a_reservation_that_arrives_on_the_next_day_is_ignored() -> None:
    count = SharedDayCount()
    quota = DailyCallQuota(2, CITY_TIME_ZONE, agency="pbb", shared_limits=count)
    assert quota.get_retry_after(NOON) == 0
    reserving = asyncio.ensure_future(quota.reserve())
    await asyncio.sleep(0)
    assert quota.get_retry_after(NOON + 86_400) == 0
    await reserving
    assert quota.left == 2
    assert [day for _, _, day in count.asked] == [DAY, DAY + 1]  # and for tomorrow one more was
