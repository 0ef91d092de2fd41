"""The daily quota of a client."""

from __future__ import annotations

import pytest

from engine.cost_budgets import DailyCostQuota
from engine.request import RefusedRequest
from tests.fakes.clients import build_client

DAY = 86_400.0
KIOS = build_client("kios")


def test_the_points_of_a_day_are_limited_and_renewed_the_next_day() -> None:
    now = [DAY * 100 + 86_000.0]
    quota = DailyCostQuota(10, client=KIOS, now=lambda: now[0])
    quota.spend(4)
    quota.spend(6)
    with pytest.raises(RefusedRequest) as refused:
        quota.spend(1)
    assert refused.value.errors[0] == {
        "message": "The operation is expected to cost 1 point, and this client has 0 of 10 left today."
        " Request less, or retry tomorrow (UTC).",
        "extensions": {"code": "QUOTA_EXCEEDED", "retryAfter": 401},
    }
    now[0] += 400
    quota.spend(10)
    assert repr(quota) == "<DailyCostQuota 10 of 10 points>"


def test_refused_points_are_not_spent() -> None:
    quota = DailyCostQuota(10, client=KIOS, now=lambda: DAY)
    with pytest.raises(RefusedRequest):
        quota.spend(11)
    quota.spend(10)
