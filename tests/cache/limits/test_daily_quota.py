"""Daily quotas of clients: shared by two processes in a real Valkey, and local without it."""

from __future__ import annotations

from engine.cost_budgets import DailyCostQuota
from engine.request import RefusedRequest
from tests.cache.limits.counter_processes import run_counters
from tests.cache.valkey import LocalValkey, wait_until
from tests.fakes.clients import build_client

DAY = 86_400.0


async def spend(quota: DailyCostQuota, points: int) -> int:
    """Spends points; returns the points left at a refusal, otherwise -1."""
    try:
        if (spending := quota.spend(points)) is not None:
            await spending
    except RefusedRequest as refused:
        [error] = refused.errors
        assert error["extensions"]["code"] == "QUOTA_EXCEEDED"
        assert 0 < error["extensions"]["retryAfter"] <= DAY + 1
        return int(error["message"].split(" has ")[1].split()[0])
    return -1


async def test_processes_share_a_daily_quota(valkey: LocalValkey) -> None:
    async with run_counters(valkey) as here, run_counters(valkey) as there:
        one, other = (
            DailyCostQuota(100, client=build_client("kios"), store=here),
            DailyCostQuota(100, client=build_client("kios"), store=there),
        )
        assert [await spend(one, 60), await spend(other, 60), await spend(other, 40), await spend(one, 1)] == [
            -1,
            40,
            -1,
            0,
        ]
        assert await spend(DailyCostQuota(100, client=build_client("lain"), store=here), 100) == -1
        assert (repr(one), repr(other)) == ("<DailyCostQuota 100 of 100 points>", "<DailyCostQuota 100 of 100 points>")


async def test_a_hub_that_starts_during_the_day_knows_the_spent_points(valkey: LocalValkey) -> None:
    async with run_counters(valkey) as shared:
        assert await spend(DailyCostQuota(100, client=build_client("kios"), store=shared), 80) == -1
        assert await spend(DailyCostQuota(100, client=build_client("kios"), store=shared), 30) == 20


async def test_the_next_day_has_a_full_quota(valkey: LocalValkey) -> None:
    now = DAY * 20_000 + 100
    async with run_counters(valkey) as shared:
        quota = DailyCostQuota(100, client=build_client("kios"), store=shared, now=lambda: now)
        assert [await spend(quota, 100), await spend(quota, 1)] == [-1, 0]
        now += DAY
        assert await spend(quota, 100) == -1


async def test_without_redis_the_day_continues_and_redis_learns_the_total_again(
    valkey: LocalValkey,
) -> None:
    async with run_counters(valkey) as shared:
        quota = DailyCostQuota(100, client=build_client("kios"), store=shared)
        assert await spend(quota, 50) == -1
        valkey.kill()
        assert [await spend(quota, 30), await spend(quota, 30)] == [-1, 20]
        valkey.start()
        await wait_until(lambda: shared.is_up)
        assert await spend(quota, 10) == -1
        assert await spend(DailyCostQuota(100, client=build_client("kios"), store=shared), 11) == 10
