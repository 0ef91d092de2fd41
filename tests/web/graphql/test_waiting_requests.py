"""Requests that wait for the run of another one without a task get what the endpoint answers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from time import monotonic
from typing import Any

import pytest

from engine.execution.plan_executor import PlanExecutor
from tests.fakes.waiting import wait_until
from tests.web.graphql.repeated_hub import (
    GRAPHQL_RESPONSE,
    MARKETS,
    RawConnection,
    RawResponse,
    RepeatedHub,
    serve_repeated,
    start_waiting,
    warm,
)

TWICE = "{ a: markets(first: 1) { name } b: regions(first: 1) { name } }"


async def test_requests_that_wait_get_one_answer(compare: Any) -> None:  # noqa: ANN401 - a fixture
    async def script(hub: RepeatedHub, connection: RawConnection) -> list[RawResponse]:
        found = await warm(connection)
        others = [await hub.connect() for _ in range(6)]
        await start_waiting(hub, others)
        hub.prices.go.set()
        return [*found, *[await each.receive() for each in others]]

    await compare(script, taskless=6, is_cached=False)


async def test_requests_of_different_media_types_wait_for_one_answer(compare: Any) -> None:  # noqa: ANN401 - a fixture
    async def script(hub: RepeatedHub, connection: RawConnection) -> list[RawResponse]:
        accepted = ("Accept: application/json", GRAPHQL_RESPONSE)
        found = [response for each in accepted for response in await warm(connection, MARKETS, each)]
        others = [await hub.connect() for _ in range(6)]
        hub.prices.go.clear()
        for number, each in enumerate(others):
            each.send(MARKETS, accepted[number % 2])
            await wait_until(lambda: hub.prices.waiting == 1)  # before Python 3.12, a run begins in the next turn
        await wait_until(lambda: is_left(hub, 6))
        hub.prices.go.set()
        last = [await each.receive() for each in others]
        types = [str(each.get("content-type")).partition(";")[0] for each in last]
        assert types == ["application/json", "application/graphql-response+json"] * 3
        return [*found, *last]

    await compare(script, taskless=7, is_cached=False)


@pytest.mark.parametrize("accept", ["Accept: application/json", GRAPHQL_RESPONSE])
async def test_a_partial_answer_comes_with_its_errors(compare: Any, accept: str) -> None:  # noqa: ANN401 - a fixture
    async def script(hub: RepeatedHub, connection: RawConnection) -> list[RawResponse]:
        found = await warm(connection, TWICE, accept)
        hub.city.failing_agencies = {"pangan"}
        others = [await hub.connect() for _ in range(4)]
        await start_waiting(hub, others, accept, query=TWICE)
        hub.prices.go.set()
        last = [await each.receive() for each in others]
        assert [each.code for each in last] == ["AGENCY_UNAVAILABLE"] * 4
        assert last[0].json["data"]["b"] is not None
        return [*found, *last]

    await compare(script, taskless=4, is_cached=False)


async def test_a_failed_batch_is_an_error_of_each_answer(compare: Any) -> None:  # noqa: ANN401 - a fixture
    async def script(hub: RepeatedHub, connection: RawConnection) -> list[RawResponse]:
        found = await warm(connection)
        others = [await hub.connect() for _ in range(3)]
        await start_waiting(hub, others)
        hub.prices.bug = RuntimeError("a bug")
        hub.prices.go.set()
        return [*found, *[await each.receive() for each in others]]

    responses = await compare(script, taskless=3, is_cached=False)
    assert [each.code for each in responses[2:]] == ["INTERNAL"] * 3


@pytest.mark.parametrize("accept", ["Accept: application/json", GRAPHQL_RESPONSE])
async def test_a_failed_run_is_an_incident_of_each_request(
    compare: Any,  # noqa: ANN401 - a fixture
    accept: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    execute = PlanExecutor.execute

    async def fail_at_bugs(self: PlanExecutor, *given: Any) -> Any:  # noqa: ANN401 - as the original
        response = await execute(self, *given)
        if response.errors:
            raise LookupError("a bug")
        return response

    monkeypatch.setattr(PlanExecutor, "execute", fail_at_bugs)

    async def script(hub: RepeatedHub, connection: RawConnection) -> list[RawResponse]:
        found = await warm(connection, MARKETS, accept)
        others = [await hub.connect() for _ in range(3)]
        await start_waiting(hub, others, accept)
        hub.city.failing_agencies = {"pangan"}
        hub.prices.go.set()
        last = [await each.receive() for each in others]
        assert len({each.body for each in last}) == 3  # each has its own number
        hub.city.failing_agencies = set()
        return [*found, *last, await connection.ask(MARKETS, accept)]

    responses = await compare(script, taskless=4, is_cached=False)
    assert [(each.status, each.code) for each in responses[2:5]] == [(500, "INTERNAL")] * 3
    assert responses[5].status == 200


def get_state(hub: RepeatedHub) -> tuple[int, int, int]:
    """What waits: requests of the hub, runs, and requests with a last moment."""
    repeated = hub.app.repeated_requests
    return repeated.served_requests._counts.in_flight, len(hub.answers.pending), len(repeated.waiting)


async def test_a_request_ends_at_its_own_timeout_and_the_run_goes_on_for_the_others(compare: Any) -> None:  # noqa: ANN401 - a fixture
    took = []

    async def script(hub: RepeatedHub, connection: RawConnection) -> list[RawResponse]:
        short = "X-Request-Timeout: 0.3"
        found = [*await warm(connection), *await warm(connection, MARKETS, short)]
        patient, first, second = [await hub.connect() for _ in range(3)]
        hub.prices.go.clear()
        patient.send(MARKETS, "X-Request-Timeout: 1.2")
        await wait_until(lambda: hub.prices.waiting == 1)
        began = asyncio.get_running_loop().time()
        first.send(MARKETS, short)
        second.send(MARKETS, short)
        found += [await first.receive(), await second.receive()]
        took.append(asyncio.get_running_loop().time() - began)
        assert hub.prices.cancelled == 0
        hub.prices.go.set()
        return [*found, await patient.receive(), await connection.ask(MARKETS)]

    responses = await compare(script, taskless=4, is_cached=False, overrun_grace=0.2)
    assert [(each.status, each.code) for each in responses[4:6]] == [(504, "DEADLINE_EXCEEDED")] * 2
    assert responses[6].json["data"]["markets"] is not None
    assert all(0.49 <= each < 1.2 for each in took), took


def is_left(hub: RepeatedHub, requests: int) -> bool:
    """Whether this number of requests wait."""
    return get_state(hub)[0] == requests


async def test_the_run_is_cancelled_when_the_last_client_disconnects(compare: Any) -> None:  # noqa: ANN401 - a fixture
    async def script(hub: RepeatedHub, connection: RawConnection) -> list[RawResponse]:
        found = await warm(connection)
        clients = [await hub.connect() for _ in range(4)]
        await start_waiting(hub, clients)
        for left in (3, 2, 1):  # the one that started the run leaves first
            clients[3 - left].close()
            await wait_until(partial(is_left, hub, left))
            assert (hub.prices.waiting, hub.prices.cancelled) == (1, 0)
        clients[3].close()
        await wait_until(lambda: hub.prices.cancelled == 1)
        await wait_until(lambda: get_state(hub) == (0, 0, 0))
        hub.prices.go.set()
        return [*found, await connection.ask(MARKETS)]

    await compare(script, taskless=5, is_cached=False)


async def test_a_client_that_half_closes_gets_its_answer(compare: Any) -> None:  # noqa: ANN401 - a fixture
    async def script(hub: RepeatedHub, connection: RawConnection) -> list[RawResponse]:
        found = await warm(connection)
        clients = [await hub.connect() for _ in range(3)]
        await start_waiting(hub, clients)
        clients[1].end_sending()
        clients[2].end_sending()
        await asyncio.sleep(0.1)
        hub.prices.go.set()
        return [*found, *[await each.receive() for each in clients]]

    await compare(script, taskless=3, is_cached=False)


async def test_requests_behind_a_waiting_one_on_its_connection_are_answered_in_order(compare: Any) -> None:  # noqa: ANN401 - a fixture
    async def script(hub: RepeatedHub, connection: RawConnection) -> list[RawResponse]:
        found = await warm(connection)
        starter, other = await hub.connect(), await hub.connect()
        await start_waiting(hub, [starter, other])
        for _ in range(3):
            other.send("{ regions(first: 1) { name } }")
            other.send(MARKETS)
        await asyncio.sleep(0.05)
        hub.prices.go.set()
        found.append(await starter.receive())
        found += [await other.receive() for _ in range(7)]
        assert [b"markets" in each.body for each in found[3:]] == [True, False, True, False, True, False, True]
        return found

    await compare(script, taskless=2, is_cached=False)


async def test_each_waiting_request_ends_at_its_own_time(compare: Any) -> None:  # noqa: ANN401 - a fixture
    async def script(hub: RepeatedHub, connection: RawConnection) -> list[RawResponse]:
        seconds = (1.1, 0.8, 0.2, 0.5)  # the first one starts the run; the timer is set earlier, and later again
        found = [
            response for each in seconds for response in await warm(connection, MARKETS, f"X-Request-Timeout: {each}")
        ]
        clients = [await hub.connect() for _ in seconds]
        hub.prices.go.clear()
        began = monotonic()
        took: dict[float, float] = {}

        async def ask(client: RawConnection, timeout: float) -> RawResponse:
            response = await client.ask(MARKETS, f"X-Request-Timeout: {timeout}")
            took[timeout] = monotonic() - began
            return response

        waiting = [asyncio.create_task(ask(clients[0], seconds[0]))]
        await wait_until(lambda: hub.prices.waiting == 1)
        waiting += [asyncio.create_task(ask(*each)) for each in zip(clients[1:], seconds[1:], strict=True)]
        found += [await each for each in waiting[1:]]
        assert list(took) == sorted(took), "the shortest timeout ends first"
        assert all(each + 0.1 <= took[each] for each in took), took
        assert hub.prices.waiting == 1
        hub.prices.go.set()
        return [*found, await waiting[0]]

    responses = await compare(script, taskless=7, is_cached=False, overrun_grace=0.1)
    assert [each.status for each in responses[8:]] == [504, 504, 504, 200]


async def test_waiting_requests_are_answered_before_the_server_stops(compare: Any) -> None:  # noqa: ANN401 - a fixture
    async def script(hub: RepeatedHub, connection: RawConnection) -> list[RawResponse]:
        found = await warm(connection)
        clients = [await hub.connect() for _ in range(3)]
        await start_waiting(hub, clients)
        hub.server.should_exit = True
        await asyncio.sleep(0.3)  # uvicorn looks ten times a second
        hub.prices.go.set()
        last = [await each.receive() for each in clients]
        assert [each.get("connection") for each in last] == ["close"] * 3
        return [*found, *last]

    await compare(script, taskless=3, is_cached=False)


async def test_a_run_that_goes_on_after_its_request_timed_out_writes_nothing(known: Mapping[str, Any]) -> None:
    short, regions = "X-Request-Timeout: 0.2", "{ regions(first: 1) { name } }"
    async with serve_repeated(**known, overrun_grace=0.0) as hub:
        connection, repeated = await hub.connect(), hub.app.repeated_requests
        await warm(connection, MARKETS, short)
        execute = repeated._execute

        async def go_on(*given: Any) -> Any:  # noqa: ANN401 - as the original
            work = asyncio.ensure_future(execute(*given))
            try:
                return await asyncio.shield(work)
            except asyncio.CancelledError:
                return await work

        repeated._execute = go_on
        hub.prices.go.clear()
        late = await connection.ask(MARKETS, short)
        assert (late.status, late.code) == (504, "DEADLINE_EXCEEDED")
        assert len(repeated._runs) == 1
        hub.prices.go.set()
        await wait_until(lambda: not repeated._runs)
        answers = [await connection.ask(regions) for _ in range(2)]
        assert [b"regions" in each.body for each in answers] == [True, True]


async def test_a_request_whose_run_is_cancelled_by_others_gets_an_incident(known: Mapping[str, Any]) -> None:
    async with serve_repeated(**known) as hub:
        connection, repeated = await hub.connect(), hub.app.repeated_requests
        await warm(connection)

        async def be_cancelled(*_given: Any) -> Any:  # noqa: ANN401 - as the original
            raise asyncio.CancelledError

        repeated._execute = be_cancelled
        refused = await connection.ask(MARKETS)
        assert (refused.status, refused.code) == (500, "INTERNAL")
        assert get_state(hub) == (0, 0, 0)
