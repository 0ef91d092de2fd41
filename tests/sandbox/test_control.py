"""The control API of a real agency, over HTTP."""

import asyncio
import http.client
import json
from contextlib import closing
from random import Random
from statistics import quantiles

import pytest

from sandbox.control import REFUSED, AgencyControl, AgencyMode, Latency
from tests.sandbox_agencies import HOST, RunningAgency


def _ask(agency: RunningAgency, method: str, path: str, body: object = None) -> tuple[int, object]:
    with closing(http.client.HTTPConnection(HOST, agency.control_port, timeout=5)) as connection:
        connection.request(method, path, json.dumps(body) if body is not None else None)
        answer = connection.getresponse()
        text = answer.read()
    return answer.status, json.loads(text) if text else None


def test_health_names_the_agency_its_state_folder_and_its_engine(dukcapil: RunningAgency) -> None:
    state = str(dukcapil.state.resolve())
    assert _ask(dukcapil, "GET", "/health") == (
        200,
        {"agency": "dukcapil", "ready": True, "state": state, "engine": "postgresql"},
    )


def test_deleted_counters_are_zero(dukcapil: RunningAgency) -> None:
    assert _ask(dukcapil, "DELETE", "/calls") == (204, None)
    assert _ask(dukcapil, "GET", "/calls") == (200, {"total": 0, "operations": {}})


def test_a_latency_that_was_set_is_returned(dukcapil: RunningAgency) -> None:
    assert _ask(dukcapil, "PUT", "/latency", {"p50_ms": 1, "p95_ms": 2.5}) == (200, {"p50_ms": 1, "p95_ms": 2.5})
    assert _ask(dukcapil, "GET", "/latency") == (200, {"p50_ms": 1, "p95_ms": 2.5})
    assert _ask(dukcapil, "PUT", "/latency", {"p50_ms": 0, "p95_ms": 0}) == (200, {"p50_ms": 0, "p95_ms": 0})


@pytest.mark.parametrize(
    "body", [{"p50_ms": 5, "p95_ms": 3}, {"p50_ms": -1, "p95_ms": 3}, {"p50_ms": 5}, {"p50_ms": "x", "p95_ms": 3}, []]
)
def test_an_invalid_latency_is_refused_and_changes_nothing(dukcapil: RunningAgency, body: object) -> None:
    status, _ = _ask(dukcapil, "PUT", "/latency", body)

    assert status == 400
    assert _ask(dukcapil, "GET", "/latency") == (200, {"p50_ms": 0, "p95_ms": 0})


def test_an_unknown_mode_is_refused_and_the_modes_are_named(dukcapil: RunningAgency) -> None:
    assert _ask(dukcapil, "PUT", "/mode", {"mode": "sleepy"}) == (
        400,
        {"error": "mode 'sleepy' is unknown; modes are normal, error, slow, rubbish, refuse."},
    )
    assert _ask(dukcapil, "GET", "/mode") == (200, {"mode": "normal"})


def test_drawn_latencies_have_the_requested_quantiles() -> None:
    chance = Random(1)  # noqa: S311 - repeatable, not unguessable
    draws = quantiles((Latency(5, 30).draw_seconds(chance) * 1000 for _ in range(20_000)), n=20)

    assert draws[9] == pytest.approx(5, rel=0.05)
    assert draws[18] == pytest.approx(30, rel=0.08)


def test_zero_latency_answers_immediately() -> None:
    assert Latency(0, 0).draw_seconds(Random(1)) == 0  # noqa: S311 - repeatable, not unguessable


@pytest.mark.parametrize(("p50", "p95"), [(5, 3), (0, 3), (-1, -1), (float("nan"), 3), (1, float("inf"))])
def test_invalid_quantiles_are_a_value_error(p50: float, p95: float) -> None:
    with pytest.raises(ValueError, match="p50_ms"):
        Latency(p50, p95)


async def test_a_call_is_counted_before_it_is_held_and_continues_when_the_mode_changes() -> None:
    control = AgencyControl("crm", Latency(0, 0))
    control.set_mode(AgencyMode.SLOW)
    call = asyncio.create_task(control.begin_call("GET /requests.json"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert repr(control) == "<Control crm slow calls=1>"
    assert not call.done()

    control.set_mode(AgencyMode.NORMAL)
    await asyncio.wait_for(call, 1)


async def test_a_refused_call_is_counted_without_waiting() -> None:
    control = AgencyControl("crm", Latency(1000, 2000))
    control.count_call(REFUSED)

    assert repr(control) == "<Control crm normal calls=1>"
