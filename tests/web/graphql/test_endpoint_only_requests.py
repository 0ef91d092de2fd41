"""Requests that only the endpoint may serve, and heads of which nothing may be kept."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, cast

import orjson
import pytest
from pydantic import SecretStr

from engine.plan.operation_cache import CachedOperation
from records.hub.operations import OperationMode
from telemetry.tracing import Tracing
from tests.cache.valkey import run_valkey
from tests.web.graphql.repeated_hub import (
    MARKETS,
    ClockedCache,
    RawConnection,
    RawResponse,
    RepeatedHub,
    repeat,
    serve_repeated,
    warm,
)
from web.admission.load_shedder import LoadShedder


@pytest.mark.parametrize(
    "lines",
    [
        ("Authorization: Bearer x",),
        ("Authorization: ",),
        ("Cache-Control: no-cache",),
        ("Cache-Control: max-age=0",),
        ("Connection: close",),
        ("Content-Encoding: gzip",),
        ("X-Request-Timeout: no",),
        ("Accept: text/html",),
        ("Host: evil.example",),
    ],
)
async def test_the_endpoint_serves_what_needs_more_checks(compare: Any, lines: tuple[str, ...]) -> None:  # noqa: ANN401 - a fixture
    async def script(hub: RepeatedHub, connection: RawConnection) -> list[RawResponse]:
        found = [await connection.ask(MARKETS) for _ in range(3)]
        for _ in range(3):
            own = await hub.connect()
            found.append(await own.ask(MARKETS, *lines))
        return found

    await compare(script, taskless=1)


@pytest.mark.parametrize(
    ("path", "lines"),
    [
        ("/graphql?access_token=secret", ()),
        ("/graphql", ("Cookie: session=secret",)),
        ("/graphql", ("Authorization: Bearer secret",)),
        ("/graphql", ("X-Forwarded-For: 198.51.100.4",)),
        ("/graphql", ("Forwarded: for=198.51.100.4",)),
        ("/graphql", ("X-Anything: secret",)),
        ("/graphql", ("X-Request-Id: abcdefgh",)),
        ("/graphql", ("traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",)),
        ("/graphql", ("Referer: https://example.go.id/?nik=3171014506900001",)),
        ("/graphql", ("X-Purpose: tax-audit",)),
        ("/graphql", ("Proxy-Authorization: Basic c2VjcmV0",)),
        ("/graphql", ("Accept-Language: id", "Cookie: a=b")),
        ("http://127.0.0.1/graphql?secret", ()),
    ],
)
async def test_a_head_that_may_be_personal_is_never_kept(
    known: dict[str, Any], path: str, lines: tuple[str, ...]
) -> None:
    async with serve_repeated(answer_cache=ClockedCache(), **known) as hub:
        connection = await hub.connect()
        for _ in range(2):
            await warm(connection)
        kept = set(hub.heads)
        for _ in range(4):
            await connection.ask(MARKETS, *lines, path=path)
        assert set(hub.heads) == kept
        assert len(kept) == 1


async def test_the_heads_of_a_path_beside_the_endpoint_are_never_kept(known: dict[str, Any]) -> None:
    async with serve_repeated(answer_cache=ClockedCache(), **known) as hub:
        connection = await hub.connect()
        await warm(connection)
        for path in ("/health/live", "/graphql/", "/Graphql", "/metrics"):
            for _ in range(2):
                assert (await connection.ask(MARKETS, path=path)).status in {404, 405}
        assert not any(each.startswith((b"POST /health", b"POST /graphql/", b"POST /G")) for each in hub.heads)


@pytest.mark.parametrize(
    "body",
    [
        {"query": "query ($n: Int = 1) { markets(first: $n) { name } }", "variables": {"n": 2}},
        {"query": MARKETS, "variables": {"unused": 1}},
        {"query": MARKETS, "documentId": "x"},
        {"query": MARKETS, "extensions": {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}},
        {"query": MARKETS, "extensions": {"explain": True}},
        {"documentId": "x"},
        {"query": "{ __schema { queryType { name } } }"},
        {"query": '{ __type(name: "Query") { name } }'},
        {"query": "# __schema\n{ markets(first: 1) { name } }"},
        {"query": "{ me { name } }"},
        {"query": "{ markets(first: 1) { name } me { name } }"},
        {"query": 'mutation { grantConsent(request: "x") { __typename } }'},
        {"query": "subscription { x }"},
        {"query": "{ nothing }"},
        {"query": ""},
        {"query": f"query A {MARKETS} query B {MARKETS}"},
        [],
        {"query": 1},
    ],
)
async def test_every_other_request_is_answered_by_the_endpoint(compare: Any, body: Any) -> None:  # noqa: ANN401 - a fixture; JSON
    async def script(_hub: RepeatedHub, connection: RawConnection) -> list[RawResponse]:
        await warm(connection, orjson.dumps({"query": MARKETS}))
        return [await connection.ask(orjson.dumps(body)) for _ in range(4)]

    await compare(script, taskless=0)


async def test_all_requests_of_a_hub_with_traces_are_served_by_the_endpoint(compare: Any) -> None:  # noqa: ANN401 - a fixture
    tracing = Tracing("http://127.0.0.1:9/", sample_ratio=0.0)
    await compare(repeat(MARKETS), taskless=0, parts={"tracing": tracing})


async def test_an_origin_with_cors_is_served_by_the_endpoint(compare: Any) -> None:  # noqa: ANN401 - a fixture
    origin = "https://app.example.go.id"

    async def script(_hub: RepeatedHub, connection: RawConnection) -> list[RawResponse]:
        found = await warm(connection)
        found += [await connection.ask(MARKETS, f"Origin: {origin}") for _ in range(4)]
        found += [await connection.ask(MARKETS, "Origin: https://evil.example") for _ in range(3)]
        assert [each.get("access-control-allow-origin") for each in found] == [None] * 2 + [origin] * 4 + [None] * 3
        return found

    await compare(script, taskless=0, allowed_origins=(origin,))


async def test_an_origin_without_cors_is_checked_each_time(compare: Any) -> None:  # noqa: ANN401 - a fixture
    async def script(_hub: RepeatedHub, connection: RawConnection) -> list[RawResponse]:
        found = await warm(connection)
        return found + [await connection.ask(MARKETS, "Origin: https://evil.example") for _ in range(4)]

    await compare(script, taskless=3)


async def test_a_client_certificate_is_read_by_the_endpoint(compare: Any) -> None:  # noqa: ANN401 - a fixture
    async def script(hub: RepeatedHub, connection: RawConnection) -> list[RawResponse]:
        found = await warm(connection)
        found += [await connection.ask(MARKETS, "X-Client-Cert: no certificate") for _ in range(3)]
        assert hub.taskless == 0
        found.append(await connection.ask(MARKETS))
        assert not any(b"Client-Cert" in each for each in hub.heads)
        return found

    await compare(script, taskless=1, certificate_header="X-Client-Cert")


@pytest.mark.parametrize("mode", [OperationMode.LOG_UNKNOWN, OperationMode.SAFELIST, OperationMode.IDS_ONLY])
async def test_only_registered_operations_are_served_by_the_endpoint(compare: Any, mode: OperationMode) -> None:  # noqa: ANN401 - a fixture
    await compare(repeat(MARKETS), taskless=0, first_party_operations=mode)


async def test_an_operation_that_is_registered_and_removed_again_is_answered_as_before(compare: Any) -> None:  # noqa: ANN401 - a fixture
    async def script(hub: RepeatedHub, connection: RawConnection) -> list[RawResponse]:
        found = [await connection.ask(MARKETS) for _ in range(3)]
        cached = cast("Any", hub.answers)._operation_cache
        operation = cached.find((MARKETS, None))
        cached.pin((MARKETS, None), CachedOperation(operation.operation, operation.conditions))
        found += [await connection.ask(MARKETS) for _ in range(2)]
        cached.keep_pinned(())
        return found + [await connection.ask(MARKETS) for _ in range(3)]

    await compare(script, taskless=1 + 1 + 2)


async def test_under_overload_admission_control_decides(compare: Any) -> None:  # noqa: ANN401 - a fixture
    async def script(hub: RepeatedHub, connection: RawConnection) -> list[RawResponse]:
        found = [await connection.ask(MARKETS) for _ in range(3)]
        shedder = hub.app.repeated_requests._load_shedder
        shedder.in_flight += 1  # another request runs, so this one is not alone
        shedder.enter = partial(refuse_to_admit, shedder)  # type: ignore[method-assign]  # as under overload
        shedder.admit = lambda urgency: False  # type: ignore[method-assign]  # noqa: ARG005 - the same
        shedder._retry_after = iter([4, 1, 7])  # type: ignore[assignment]  # in turn for all hubs
        found += [await connection.ask(MARKETS) for _ in range(3)]
        shedder.in_flight -= 1
        assert found[-1].code == "OVERLOADED"
        return found

    responses = await compare(script, taskless=1)
    assert [each.status for each in responses[3:]] == [503] * 3
    assert all(each.get("ratelimit") is None for each in responses[3:])


def refuse_to_admit(shedder: LoadShedder, _now: float, *, is_surplus: bool = False) -> bool:
    assert not is_surplus
    shedder.in_flight += 1
    return False


async def test_limits_in_a_shared_store_are_asked_by_the_endpoint(known: dict[str, Any], tmp_path: Path) -> None:
    with run_valkey(tmp_path) as valkey:
        options = known | {"redis_url": SecretStr(valkey.url), "rates": ("anonymous:3/1000000",)}
        async with serve_repeated(answer_cache=ClockedCache(), **options) as hub:
            connection = await hub.connect()
            responses = [await connection.ask(MARKETS) for _ in range(4)]
            assert len(hub.answers.kept) == 1
            assert hub.taskless == 0
    assert [each.status for each in responses] == [200] * 3 + [429]
