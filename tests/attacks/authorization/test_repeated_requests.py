"""Callers of all kinds send equal bodies over the same connections, in any order: nobody gets what belongs to another.

The hub serves repeated requests for public data without its endpoint, by what it keeps of heads, bodies and answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

import orjson
import pytest

from tests.fakes.issuers.loopback_issuer import LoopbackIssuer, run_loopback_issuer
from tests.fakes.small_records import BUDI, SITI
from tests.web.graphql.repeated_hub import ClockedCache, RawConnection, RawResponse, RepeatedHub, serve_repeated

PUBLIC = "{ markets(first: 1) { name } }"
BODIES = (
    PUBLIC,
    "{ regions(first: 2) { name } }",
    "{ me { name } }",
    "{ me { nik taxObjects { nop } } markets(first: 1) { name } }",
    "query ($mine: Boolean = true) { markets(first: 1) { name } me @include(if: $mine) { name } }",
    f'{{ citizen(nik: "{SITI}") {{ name }} }}',
)
CONNECTIONS = 8
ROUNDS = 40


@dataclass(frozen=True)
class Sender:
    """A caller, and how their head is written."""

    name: str
    lines: tuple[str, ...] = ()


async def learn_answers(senders: list[Sender], options: Mapping[str, Any]) -> dict[tuple[str, str], Any]:
    """What each caller gets for each body from a hub that keeps nothing."""
    found = {}
    async with serve_repeated(is_reference=True, parts={"coalescing": False}, **options) as hub:
        for sender in senders:
            for body in BODIES:
                connection = await hub.connect()
                found[sender.name, body] = without_ids(await connection.ask(body, *sender.lines))
                connection.close()
    return found


def without_ids(response: RawResponse) -> tuple[int, Any]:
    """Status and body of a response."""
    return response.status, orjson.loads(response.comparable[2])


async def send_in_any_order(
    hub: RepeatedHub, senders: list[Sender], expected: Mapping[tuple[str, str], Any], random: Random
) -> None:
    """Each connection sends requests of all callers, some without waiting for the response of the one before."""

    async def talk(connection: RawConnection) -> None:
        for _ in range(ROUNDS):
            batch = [(random.choice(senders), random.choice(BODIES)) for _ in range(random.choice([1, 1, 1, 2, 3]))]
            for sender, body in batch:
                connection.send(body, *sender.lines)
            for sender, body in batch:
                response = await connection.receive()
                assert without_ids(response) == expected[sender.name, body], (sender.name, body)
                if response.get("connection") == "close":  # after an invalid token; the rest is not answered
                    await connection.open()
                    break
            if random.random() < 0.1:
                await asyncio.sleep(0)

    async def pause() -> None:
        while True:
            hub.prices.go.clear()
            await asyncio.sleep(0.002)
            hub.prices.go.set()
            await asyncio.sleep(0.002)

    pausing = asyncio.create_task(pause())
    try:
        await asyncio.gather(*[talk(await hub.connect()) for _ in range(CONNECTIONS)])
    finally:
        pausing.cancel()


@pytest.mark.parametrize("is_cached", [True, False], ids=["cached", "uncached"])
@pytest.mark.parametrize("seed", range(3))
async def test_nobody_gets_the_answer_of_another_caller(seed: int, is_cached: bool) -> None:  # noqa: FBT001 - a parameter
    async with run_loopback_issuer() as issuer:
        senders, secrets = build_senders(issuer)
        options: dict[str, Any] = {"issuers": [issuer.entry()], "rates": ("anonymous:100000/100000000",)}
        expected = await learn_answers(senders, options)
        assert expected["siti", BODIES[2]] != expected["budi", BODIES[2]] != expected["nobody", BODIES[2]]
        cache = ClockedCache() if is_cached else None
        async with serve_repeated(answer_cache=cache, **options) as hub:
            await send_in_any_order(hub, senders, expected, Random(seed))  # noqa: S311 - no secret
            assert hub.taskless > 0
            assert hub.starts.count(False) > hub.taskless
            kept = b"".join(hub.heads)
            assert hub.heads
            assert not any(secret in kept for secret in secrets)
            assert (await hub.count())["waiting"] == (0, 0)


def build_senders(issuer: LoopbackIssuer) -> tuple[list[Sender], list[bytes]]:
    """Callers and forms of their heads, and the texts that must not be kept."""
    tokens = {"siti": issuer.token(nik=SITI), "budi": issuer.token(nik=BUDI)}
    senders = [
        Sender("nobody"),
        Sender("nobody", ("User-Agent: App/1.0",)),
        Sender("nobody", ("Accept-Language: id",)),
        Sender("nobody", ("Cookie: session=cookie-secret",)),
        *(Sender(name, (f"Authorization: Bearer {token}",)) for name, token in tokens.items()),
        *(Sender(name, (f"AUTHORIZATION: bearer {token}", "User-Agent: App/1.0")) for name, token in tokens.items()),
        Sender("forger", (f"Authorization: Bearer {tokens['siti'][:-4]}AAAA",)),
        Sender("sender of two", tuple(f"Authorization: Bearer {each}" for each in tokens.values())),
        Sender("sender of nothing", ("Authorization: ",)),
    ]
    return senders, [each.encode()[-60:] for each in tokens.values()] + [
        b"cookie-secret",
        b"uthorization",
        b"UTHORIZATION",
    ]
