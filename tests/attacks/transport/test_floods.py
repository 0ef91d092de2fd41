"""Floods of requests, costs and guessed tokens, on one hub and on two that share counts in Valkey."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from cache.redis_server import DEFAULT_TIMEOUT
from records.hub.operations import OperationMode
from tests.cache.valkey import LocalValkey, run_valkey
from tests.fakes.issuers.loopback_issuer import LoopbackIssuer, run_loopback_issuer
from tests.fakes.small_hub import SmallHub, SmallHubAnswer, run_small_hub
from tests.fakes.small_records import BUDI, SITI

NAME = "{ me { name } }"
RATES = ("citizen:4/100000", "anonymous:4/100000", "agency-system:4/100000")
TEXTS: dict[str, Any] = {"agency_system_operations": OperationMode.OFF}
"""Agency systems may send any document here."""
LASTS_FOR_EVER = -1
"""Redis's lifetime of a key that does not expire; -2 is that of a missing key."""
GENEROUS_TIMEOUT = 5.0
"""Seconds that Redis may take on a busy machine, except where it hangs."""


@pytest.fixture(scope="module")
async def issuer() -> AsyncIterator[LoopbackIssuer]:
    async with run_loopback_issuer() as running:
        yield running


@pytest.fixture
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalValkey]:
    with run_valkey(tmp_path_factory.mktemp("valkey")) as running:
        yield running


@asynccontextmanager
async def run_two_hubs(
    issuer: LoopbackIssuer,
    valkey: LocalValkey,
    **given: Any,  # noqa: ANN401 - any setting
) -> AsyncIterator[tuple[SmallHub, SmallHub]]:
    settings = {"redis_url": SecretStr(valkey.url), "redis_timeout": GENEROUS_TIMEOUT, "rates": RATES} | given
    async with run_small_hub([issuer.entry()], **settings) as one, run_small_hub([issuer.entry()], **settings) as other:
        for hub in (one, other):
            await wait_for_limits(hub, "together")
        yield one, other


async def wait_for_limits(hub: SmallHub, state: str) -> None:
    """Wait until the hub counts in this way."""
    async with asyncio.timeout(15):
        while (await hub.health())["limits"] != state:  # noqa: ASYNC110 - the hub is another process to its clients
            await asyncio.sleep(0.05)


def get_remaining(answer: SmallHubAnswer) -> int:
    """The remaining requests."""
    return int(answer.headers["RateLimit"].partition("r=")[2].partition(";")[0])


async def test_a_flood_of_requests_calls_no_agency_more_often_than_the_rate_allows(issuer: LoopbackIssuer) -> None:
    async with run_small_hub([issuer.entry()], rates=RATES) as hub:
        token = issuer.token()
        answers = [await hub.ask(NAME, token=token) for _ in range(10)]
        assert [each.status for each in answers] == [200] * 4 + [429] * 6
        assert {tuple(each.codes) for each in answers[4:]} == {("RATE_LIMITED",)}
        assert all("data" not in each.body and int(each.headers["Retry-After"]) > 0 for each in answers[4:])
        assert len(hub.city.calls) == 4


async def test_a_person_is_one_caller_with_any_token_and_others_are_separate(issuer: LoopbackIssuer) -> None:
    async with run_small_hub([issuer.entry()], rates=("citizen:1/100000",)) as hub:
        assert (await hub.ask(NAME, token=issuer.token())).status == 200
        for token in (issuer.token(jti="2"), issuer.token(sub="another-name"), issuer.token(client_id="another-app")):
            assert (await hub.ask(NAME, token=token)).status == 429
        assert (await hub.ask(NAME, token=issuer.token(nik=str(BUDI)))).status == 200


async def test_an_agencys_system_is_limited_by_its_client(issuer: LoopbackIssuer) -> None:
    system: dict[str, Any] = {"kind": "agency-system", "agency": "dukcapil", "nik": None, "acr": None}
    async with run_small_hub([issuer.entry()], rates=("agency-system:1/100000",), **TEXTS) as hub:
        statuses = [
            (await hub.ask("{ __typename }", token=issuer.token(sub=subject, client_id=client, **system))).status
            for subject, client in (("siak", "siak"), ("siak-2", "siak"), ("siak", "sinjab"))
        ]
        assert statuses == [200, 429, 200]


async def test_an_operation_beyond_every_budget_is_too_large_and_calls_no_agency(issuer: LoopbackIssuer) -> None:
    async with run_small_hub([issuer.entry()], rates=("citizen:100/50",)) as hub:
        answer = await hub.ask(NAME, token=issuer.token())
        assert answer.codes == ["OPERATION_TOO_LARGE"]
        [error] = answer.body["errors"]
        assert error["message"] == (
            "The operation is expected to cost 102 points; a caller of this kind never has more than 50."
            " Request shorter lists, or use several operations."
        )
        assert "Retry-After" not in answer.headers
        assert hub.city.calls == []


async def test_every_caller_who_shares_a_run_pays_for_it(issuer: LoopbackIssuer) -> None:
    async with run_small_hub([issuer.entry()], rates=("anonymous:100/1000",)) as hub:
        query = "{ regions(level: REGENCY) { code } }"
        answers = [await hub.ask(query), *await asyncio.gather(*(hub.ask(query) for _ in range(5)))]
        left, *points = (int(each.headers["RateLimit"].rpartition("r=")[2].partition(";")[0]) for each in answers)
        assert left < 1000
        assert min(points) <= 1000 - 6 * (1000 - left) + 2  # it refills by 17 points a second


async def test_guessed_tokens_are_refused_unread_and_valid_ones_of_the_same_address_are_accepted(
    issuer: LoopbackIssuer,
) -> None:
    async with run_small_hub([issuer.entry()], failed_tokens=3) as hub:
        good = issuer.token()
        assert (await hub.ask(NAME, token=good)).status == 200
        over = issuer.token(exp=1)  # its issuer signed it, so it is not a guess
        assert [(await hub.ask(NAME, token=over)).codes[0] for _ in range(6)] == ["UNAUTHENTICATED"] * 6
        guessed = f"{issuer.token(nik=str(BUDI)).rpartition('.')[0]}.{good.rpartition('.')[2]}"
        codes = [(await hub.ask(NAME, token=guessed)).codes[0] for _ in range(6)]
        assert codes == ["UNAUTHENTICATED"] * 3 + ["RATE_LIMITED"] * 3
        assert (await hub.ask(NAME, token=issuer.token(nik=str(BUDI)))).codes == ["RATE_LIMITED"]
        assert (await hub.ask(NAME, token=good)).status == 200


async def test_two_hubs_share_counts_of_requests_points_and_guesses(
    issuer: LoopbackIssuer, valkey: LocalValkey
) -> None:
    async with run_two_hubs(issuer, valkey, failed_tokens=2) as (one, other):
        token = issuer.token()
        answers = [await hub.ask(NAME, token=token) for hub in (one, other, one, other, one, other)]
        assert [each.status for each in answers] == [200, 200, 200, 200, 429, 429]
        assert [get_remaining(each) for each in answers] == [3, 2, 1, 0, 0, 0]
        assert len(one.city.calls) + len(other.city.calls) == 4
        guesses = [(await hub.ask(NAME, token="guess")).status for hub in (one, other, one, other)]
        assert guesses == [401, 401, 429, 429]


async def test_hubs_without_valkey_answer_count_locally_report_it_and_recover(
    issuer: LoopbackIssuer, valkey: LocalValkey, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "simpul.limits"):
        async with run_two_hubs(issuer, valkey) as (one, other):
            token = issuer.token()
            assert (await one.ask(NAME, token=token)).status == 200
            valkey.kill()
            assert [(await hub.ask(NAME, token=token)).status for hub in (one, one, one, one)] == [200, 200, 200, 429]
            assert [(await other.ask(NAME, token=token)).status for _ in range(5)] == [200] * 4 + [429]
            for hub in (one, other):
                assert (await hub.health())["limits"] == "alone"
                assert (await hub.health())["status"] == "degraded"
            valkey.start()
            for hub in (one, other):
                await wait_for_limits(hub, "together")
            budi = issuer.token(nik=str(BUDI))
            answers = [await hub.ask(NAME, token=budi) for hub in (one, other, one)]
            assert [get_remaining(each) for each in answers] == [3, 2, 1]
    messages = [each.message.partition(" (")[0] for each in caplog.records if each.name == "simpul.limits"]
    assert sorted(messages) == ["Redis does not serve"] * 2 + ["Redis serves again: limits are counted together."] * 2


async def test_a_hanging_valkey_delays_no_request(issuer: LoopbackIssuer, valkey: LocalValkey) -> None:
    async with run_two_hubs(issuer, valkey, redis_timeout=DEFAULT_TIMEOUT) as (one, _), asyncio.timeout(30):
        with valkey.freeze():
            answers = await asyncio.gather(*(one.ask("{ __typename }", token=issuer.token()) for _ in range(4)))
            assert [each.status for each in answers] == [200] * 4
        await wait_for_limits(one, "together")


async def test_a_hub_starts_without_its_valkey(issuer: LoopbackIssuer, valkey: LocalValkey) -> None:
    valkey.kill()
    async with run_small_hub([issuer.entry()], rates=RATES, redis_url=SecretStr(valkey.url)) as hub:
        assert (await hub.health())["limits"] == "alone"
        assert (await hub.ask(NAME, token=issuer.token())).status == 200
        valkey.start()
        await wait_for_limits(hub, "together")


async def test_shared_counters_identify_no_person(issuer: LoopbackIssuer, valkey: LocalValkey) -> None:
    async with run_two_hubs(issuer, valkey, failed_tokens=5, **TEXTS) as (one, _), Redis.from_url(valkey.url) as admin:
        system: dict[str, Any] = {"kind": "agency-system", "agency": "dukcapil", "nik": None, "acr": None}
        keys: set[str] = set()
        requests = (
            (NAME, issuer.token()),
            ("{ __typename }", None),
            (NAME, "guess"),
            ("{ __typename }", issuer.token(sub="siak", client_id="siak", **system)),
        )
        expected = 1 + 2 + 2 + 1 + 2
        for query, token in requests * 3:  # some are gone after a second, which passes quickly on a busy machine
            if len(keys) < expected:
                await one.ask(query, token=token)
            held = await admin.keys("*")
            lifetimes = [await admin.ttl(each) for each in held]
            assert all(each != LASTS_FOR_EVER and each <= 60 for each in lifetimes), lifetimes
            keys |= {each.decode() for each in held}
        assert len(keys) == expected
        assert not any(word in key for key in keys for word in (SITI, "siti", "siak", "127.0.0.1", "dukcapil", "app"))
