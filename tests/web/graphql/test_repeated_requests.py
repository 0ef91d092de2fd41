"""A request without a task gets what the endpoint answers: each script runs on a hub with and without them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import orjson
import pytest

from records.calls.failures import AgencyUnavailable
from tests.web.graphql.repeated_hub import (
    GRAPHQL_RESPONSE,
    MARKETS,
    ClockedCache,
    RawConnection,
    RawResponse,
    RepeatedHub,
    repeat,
    serve_repeated,
    warm,
)

ACCEPTED = ("application/json", "application/graphql-response+json")


@pytest.mark.parametrize(
    "lines",
    [
        (),
        (GRAPHQL_RESPONSE,),
        ("Accept: */*",),
        ("Accept-Language: en",),
        ("Accept-Language: id-ID, en;q=0.5", "User-Agent: App/1.0", "Accept-Encoding: gzip", "Connection: keep-alive"),
        ("X-Request-Timeout: 5",),
        ("Sec-Fetch-Site: same-origin", "Apollo-Require-Preflight: 1"),
        ("Cache-Control: no-store",),
        ("X-Unknown: 1",),
        ("Cookie: session=secret",),
        ("X-Forwarded-For: 198.51.100.4",),
        ("X-Purpose: tax-audit",),
        ('If-None-Match: "x"',),
        ("If-None-Match: *",),
        ("Expect: 100-continue",),
    ],
)
async def test_a_kept_answer_comes_as_from_the_endpoint(compare: Any, lines: tuple[str, ...]) -> None:  # noqa: ANN401 - a fixture
    responses = await compare(repeat(MARKETS, *lines), taskless=3)
    assert responses[-1].status == 200
    assert responses[-1].json == {"data": {"markets": [{"name": "Pasar Senen"}]}}


async def test_the_caller_chooses_a_valid_request_id(compare: Any) -> None:  # noqa: ANN401 - a fixture
    async def script(_hub: RepeatedHub, connection: RawConnection) -> list[RawResponse]:
        await warm(connection)
        given = ["abcdefgh-1", "abcdefgh-2", "short", "nik-3171014506900001", "x" * 65]
        found = [await connection.ask(MARKETS, f"X-Request-Id: {each}") for each in given]
        ids = [each.get("x-request-id") for each in found]
        assert ids[:2] == given[:2]
        assert all(re.fullmatch(r"[0-9a-f]{32}", str(each)) for each in ids[2:])
        assert len(set(ids)) == 5
        return found

    await compare(script, taskless=5)


async def test_rates_count_down_and_refuse(compare: Any) -> None:  # noqa: ANN401 - a fixture
    responses = await compare(repeat(MARKETS, times=8), taskless=6, rates=("anonymous:5/100000",))
    assert [each.status for each in responses] == [200] * 5 + [429] * 3
    assert responses[-1].get("retry-after") == "12"
    assert [re.findall(r'"requests";r=(\d+)', str(each.get("ratelimit"))) for each in responses][-1] == ["0"]


@pytest.mark.parametrize("accept", ["Accept: application/json", GRAPHQL_RESPONSE])
async def test_points_count_down_and_refuse(compare: Any, accept: str) -> None:  # noqa: ANN401 - a fixture
    responses = await compare(repeat(MARKETS, accept, times=7), taskless=5, rates=("anonymous:100/500",))
    assert responses[0].status == 200
    assert (responses[-1].status, responses[-1].code) == (429, "RATE_LIMITED")


@pytest.mark.parametrize("accept", ["Accept: application/json", GRAPHQL_RESPONSE])
async def test_an_operation_beyond_all_points_is_refused_each_time(compare: Any, accept: str) -> None:  # noqa: ANN401 - a fixture
    # A signed-in caller could have made the operation known, and its answer kept.
    async def script(hub: RepeatedHub, connection: RawConnection) -> list[RawResponse]:
        found = await warm(connection, MARKETS, accept)
        limits = cast("Any", hub.app.repeated_requests._caller_limiter)
        (owners,) = [owners for kind, owners in limits._kinds.items() if kind.value == "anonymous"]
        limit = owners.get_or_create("127.0.0.1")
        limit._points.rate = replace(limit._points.rate, amount=10)
        return [*found, *[await connection.ask(MARKETS, accept) for _ in range(3)]]

    responses = await compare(script, taskless=3)
    assert [each.code for each in responses[2:]] == ["OPERATION_TOO_LARGE"] * 3


async def test_each_client_behind_a_proxy_has_its_own_limit(compare: Any) -> None:  # noqa: ANN401 - a fixture
    async def script(hub: RepeatedHub, connection: RawConnection) -> list[RawResponse]:
        numbers = (4, 4, 4, 5, 4, 5, 5, 6)
        found = [await connection.ask(MARKETS, f"X-Forwarded-For: 198.51.100.{each}") for each in numbers]
        assert not hub.heads
        return found

    responses = await compare(script, taskless=6, rates=("anonymous:2/100000",), trusted_proxies=("127.0.0.1",))
    assert [each.status for each in responses] == [200, 200, 429, 200, 429, 200, 429, 200]


async def test_the_age_of_an_answer_grows(compare: Any) -> None:  # noqa: ANN401 - a fixture
    async def script(hub: RepeatedHub, connection: RawConnection) -> list[RawResponse]:
        cache = cast("Any", hub.app.repeated_requests.answers.kept._batch_cache)._cache
        now = 1_000.0
        cache.clock = lambda: now
        hub.answers.kept._batch_cache.clock = lambda: now  # type: ignore[method-assign]  # stopped
        found = []
        for _ in range(40):
            found.append(await connection.ask(MARKETS))
            now += 0.3
        return found

    responses = await compare(script, taskless=38)
    assert responses[-1].get("age") is not None


async def test_an_invalidation_between_two_requests_ends_the_kept_answer(compare: Any) -> None:  # noqa: ANN401 - a fixture
    async def script(hub: RepeatedHub, connection: RawConnection) -> list[RawResponse]:
        found = [await connection.ask(MARKETS) for _ in range(3)]
        calls = len(hub.city.calls)
        hub.prices.bug = AgencyUnavailable("pangan", "down")
        found.append(await connection.ask(MARKETS))
        assert await cast("Any", hub.answers.kept._batch_cache).invalidate_agency("pangan")
        found.append(await connection.ask(MARKETS))
        hub.prices.bug = None
        found += [await connection.ask(MARKETS) for _ in range(2)]
        assert len(hub.city.calls) == calls + 1
        return found

    responses = await compare(script, taskless=5)
    assert [each.json.get("errors") is None for each in responses] == [True, True, True, True, False, True, True]


async def test_a_request_for_current_data_never_gets_a_kept_answer(compare: Any) -> None:  # noqa: ANN401 - a fixture
    async def script(hub: RepeatedHub, connection: RawConnection) -> list[RawResponse]:
        found = []
        for _ in range(4):  # from the second time on, its head is known
            found += [await connection.ask(MARKETS) for _ in range(3)]
            assert len(hub.answers.kept) == 1
            calls = len(hub.city.calls)
            found.append(await connection.ask(MARKETS, "Cache-Control: no-cache"))
            assert len(hub.city.calls) == calls + 1
        return found

    await compare(script, taskless=1 + 3 * 3)


@pytest.mark.parametrize("is_cached", [False, True])
async def test_without_shared_runs_only_kept_answers_are_given(compare: Any, is_cached: bool) -> None:  # noqa: ANN401, FBT001 - a fixture; a parameter
    async def script(hub: RepeatedHub, connection: RawConnection) -> list[RawResponse]:
        found = [await connection.ask(MARKETS) for _ in range(4)]
        assert len(hub.answers.pending) == 0
        return found

    await compare(script, taskless=2, is_cached=is_cached, parts={"coalescing": False})


@pytest.mark.parametrize(
    "body",
    [
        {"query": MARKETS, "variables": {}},
        {"query": MARKETS, "variables": None, "extensions": None, "operationName": None},
        {"query": MARKETS, "extensions": {}},
        {"query": MARKETS, "id": "x"},
        {"query": f"query A {MARKETS} query B {{ regions(first: 1) {{ name }} }}", "operationName": "A"},
        {"query": f"query A {MARKETS} query B {{ regions(first: 1) {{ name }} }}", "operationName": "B"},
        {"query": "query ($n: Int = 1) { markets(first: $n) { name } }"},
        {"query": "query ($a: Boolean = true) { markets(first: 1) { name @include(if: $a) id } }"},
        {"query": "{ markets(first: 1) { name __typename } }"},
        {"query": "{ __typename }"},
    ],
)
async def test_every_form_of_a_public_operation_is_answered_as_by_the_endpoint(compare: Any, body: Any) -> None:  # noqa: ANN401 - a fixture; JSON
    await compare(repeat(orjson.dumps(body)), taskless=3)


async def test_clients_with_different_heads_and_bodies_in_turn_get_their_own_responses(compare: Any) -> None:  # noqa: ANN401 - a fixture
    async def script(_hub: RepeatedHub, connection: RawConnection) -> list[RawResponse]:
        ids = "{ markets(first: 1) { id } }"
        asked = [
            (MARKETS, "Accept: application/json"),
            (MARKETS, GRAPHQL_RESPONSE),
            (ids, GRAPHQL_RESPONSE),
            (ids, "Accept: application/json"),
            (MARKETS, "Accept-Language: en"),
        ]
        return [await connection.ask(*each) for _ in range(6) for each in asked]

    responses = await compare(script, taskless=25)
    types = [str(each.get("content-type")).partition(";")[0] for each in responses[-5:]]
    assert types == [f"application/{each}" for each in ("json", *["graphql-response+json"] * 2, *["json"] * 2)]


@pytest.mark.parametrize("accept", ["Accept: application/json", GRAPHQL_RESPONSE])
async def test_an_answer_without_a_response_in_one_write_comes_in_pieces(compare: Any, accept: str) -> None:  # noqa: ANN401 - a fixture
    async def script(hub: RepeatedHub, connection: RawConnection) -> list[RawResponse]:
        found = await warm(connection, MARKETS, accept)
        for each in cast("Any", hub.server.server_state.connections):
            each.flow.write_paused = True  # as if the client did not read
        connection.send(MARKETS, accept)
        await asyncio.sleep(0.05)
        for each in cast("Any", hub.server.server_state.connections):
            each.flow.resume_writing()
        return [*found, await connection.receive(), await connection.ask(MARKETS, accept)]

    await compare(script, taskless=2)


async def test_requests_of_one_turn_get_their_own_responses(compare: Any) -> None:  # noqa: ANN401 - a fixture
    async def script(hub: RepeatedHub, connection: RawConnection) -> list[RawResponse]:
        ids = "{ markets(first: 1) { id } }"
        kinds = [(query, f"Accept: {accept}") for query in (MARKETS, ids) for accept in ACCEPTED]
        found = [response for each in kinds for response in await warm(connection, *each)]
        clients = [(await hub.connect(), each) for each in kinds * 3]
        for client, each in clients:
            client.send(*each)
        last = [await client.receive() for client, _ in clients]
        assert len({each.get("x-request-id") for each in last}) == len(clients)
        return [*found, *last]

    await compare(script, taskless=16)


async def test_requests_of_one_turn_beyond_the_rate_are_refused_one_by_one(known: Mapping[str, Any]) -> None:
    async with serve_repeated(answer_cache=ClockedCache(), rates=("anonymous:5/100000",), **known) as hub:
        await warm(await hub.connect())
        clients = [await hub.connect() for _ in range(5)]
        for each in clients:
            each.send(MARKETS)
        last = [await each.receive() for each in clients]
        assert sorted(each.status for each in last) == [200] * 3 + [429] * 2
        left = [re.findall(r'"requests";r=(\d+)', str(each.get("ratelimit")))[0] for each in last]
        assert sorted(left) == ["0", "0", "0", "1", "2"]
        assert (await hub.count())["statuses"] == {200: 5, 429: 2}


async def test_a_client_that_left_in_the_turn_of_its_request_changes_nothing_for_others(compare: Any) -> None:  # noqa: ANN401 - a fixture
    async def script(hub: RepeatedHub, connection: RawConnection) -> list[RawResponse]:
        await warm(connection)
        clients = [await hub.connect() for _ in range(4)]
        for each in clients:
            each.send(MARKETS)
        clients[1].close()
        return [await each.receive() for each in clients if each is not clients[1]]

    await compare(script, taskless=4)
