"""Days of clients, of two processes that count together in a real Valkey, and alone where it is gone."""

from __future__ import annotations

from engine.document import RefusedRequest
from engine.quota import Quota
from tests.cache.processes import counts, until
from tests.cache.valkey import Valkey
from tests.clients import client_named

DAY = 86_400.0


async def spent(quota: Quota, points: int) -> int:
    """Spend; how many were left where that was too many, else -1."""
    try:
        if (spending := quota.spend(points)) is not None:
            await spending
    except RefusedRequest as refused:
        [error] = refused.errors
        assert error["extensions"]["code"] == "QUOTA_EXCEEDED"
        assert 0 < error["extensions"]["retryAfter"] <= DAY + 1
        return int(error["message"].split(" points, and ")[1].split()[0])
    return -1


async def test_processes_spend_of_one_day_together(valkey: Valkey) -> None:
    async with counts(valkey) as here, counts(valkey) as there:
        one, other = (
            Quota(100, client=client_named("kios"), together=here),
            Quota(100, client=client_named("kios"), together=there),
        )
        assert [await spent(one, 60), await spent(other, 60), await spent(other, 40), await spent(one, 1)] == [
            -1,
            40,
            -1,
            0,
        ]
        assert await spent(Quota(100, client=client_named("lain"), together=here), 100) == -1
        assert (repr(one), repr(other)) == ("<Quota 100 of 100 points>", "<Quota 100 of 100 points>")


async def test_a_hub_that_starts_in_the_middle_of_the_day_knows_what_is_spent(valkey: Valkey) -> None:
    async with counts(valkey) as shared:
        assert await spent(Quota(100, client=client_named("kios"), together=shared), 80) == -1
        assert await spent(Quota(100, client=client_named("kios"), together=shared), 30) == 20


async def test_the_next_day_holds_as_many_points_again(valkey: Valkey) -> None:
    now = DAY * 20_000 + 100
    async with counts(valkey) as shared:
        quota = Quota(100, client=client_named("kios"), together=shared, now=lambda: now)
        assert [await spent(quota, 100), await spent(quota, 1)] == [-1, 0]
        now += DAY
        assert await spent(quota, 100) == -1


async def test_where_redis_goes_the_day_goes_on_from_what_was_known_and_redis_learns_it_again(valkey: Valkey) -> None:
    async with counts(valkey) as shared:
        quota = Quota(100, client=client_named("kios"), together=shared)
        assert await spent(quota, 50) == -1
        valkey.kill()
        assert [await spent(quota, 30), await spent(quota, 30)] == [-1, 20]
        valkey.start()
        await until(lambda: shared.up)
        assert await spent(quota, 10) == -1
        assert await spent(Quota(100, client=client_named("kios"), together=shared), 11) == 10
