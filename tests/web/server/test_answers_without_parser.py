"""A server that knows heads, and answers without tasks, sends the same bytes as one that parses everything."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from tests.web.server.fakes.bare_server import serve_application
from tests.web.server.fakes.echo_application import EchoApplication, RepeatingApplication
from tests.web.server.fakes.memory_connection import InMemoryServer
from tests.web.server.fakes.request_streams import build_reads
from web.server.header_limits import LimitedHttpProtocol

SETTINGS = {"max_header_bytes": 4096, "keep_alive_timeout": 5, "header_timeout": 5.0}
Step = bytes | str


def build_steps(random: Random) -> list[Step]:
    """Reads, and what happens between them."""
    steps: list[Step] = []
    for each in build_reads(random):
        steps.append(each)
        steps += ["release"] * (random.random() < 0.3)
        steps += ["announce"] * (random.random() < 0.02)
        steps += random.choice([["pause"], ["resume"], ["resume"]]) * (random.random() < 0.05)
    return [*steps, *(["end"] * (random.random() < 0.5)), "resume", "release"]


def describe(protocol: LimitedHttpProtocol, transport: Any) -> list[object]:  # noqa: ANN401 - of the test
    """What a client and the server's timers see of a connection."""
    return [
        bytes(transport.written),
        transport.is_closed,
        transport.is_ended,
        transport.is_paused,
        protocol.is_reading,
        protocol.is_idle(),
        protocol._in_header,
        protocol._header_due is None,
        protocol._idle_due is None,
        protocol._timer is None,
        len(protocol.pipeline),
        protocol._is_parser_idle,
        protocol._arrived,
    ]


async def converse(server: InMemoryServer, app: EchoApplication, steps: Sequence[Step]) -> list[object]:
    """The states of one connection after each step."""
    protocol, transport = server.connect()
    states: list[object] = []
    held: list[bytes] = []
    for step in steps:
        if isinstance(step, bytes):
            held.append(step)
        elif step == "release":
            app.release()
        elif step == "announce":
            protocol.announce_close()
        elif step == "pause" and not transport.is_closed:
            protocol.pause_writing()
        elif step == "resume":
            protocol.resume_writing()
        elif step == "end" and not (transport.is_closed or held):
            transport.is_closed = not protocol.eof_received() or transport.is_closed
        await settle()
        while held and not (transport.is_paused or transport.is_closed):
            protocol.data_received(held.pop(0))
            await settle()
        states.append([*describe(protocol, transport), len(app.waiting)])
    transport.is_closed = True
    protocol.connection_lost(None)
    app.release()
    await settle()
    assert not server.state.connections
    return states


async def settle() -> None:
    """Let tasks run until they wait."""
    for _ in range(8):
        await asyncio.sleep(0)


async def compare_in_memory(seed: int, rounds: int) -> RepeatingApplication:
    random = Random(seed)  # noqa: S311 - repeatable, not unguessable
    repeating, echo = RepeatingApplication(), EchoApplication()
    with_memory, without = InMemoryServer(repeating, **SETTINGS), InMemoryServer(echo, **SETTINGS)
    for number in range(rounds):
        steps = build_steps(random)
        found = await converse(with_memory, repeating, steps)
        expected = await converse(without, echo, steps)
        assert found == expected, f"seed {seed}, round {number}: {steps}"
    return repeating


@pytest.mark.parametrize(
    ("seed", "rounds"), [(1, 500), *(pytest.param(seed, 10_000, marks=pytest.mark.long) for seed in range(2, 12))]
)
async def test_each_state_of_a_connection_is_the_same(seed: int, rounds: int) -> None:
    app = await compare_in_memory(seed, rounds)
    assert app.counts["answered"] > rounds // 2
    assert app.counts["known"] > rounds // 4
    assert app.counts["disconnected"]


async def exchange_bytes(port: int, reads: Sequence[bytes]) -> bytes | None:
    """All that a client receives until the server closes the connection; None after a reset, which may lose bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for each in reads:
            writer.write(each)
            await asyncio.sleep(0.002)  # so that the server usually reads it alone
        writer.write_eof()
        return await asyncio.wait_for(reader.read(), 5)
    except OSError:
        return None
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("seed", "rounds"), [(1, 100), *(pytest.param(seed, 1000, marks=pytest.mark.long) for seed in range(2, 6))]
)
async def test_clients_over_loopback_receive_the_same_bytes(seed: int, rounds: int) -> None:
    random = Random(seed)  # noqa: S311 - repeatable, not unguessable
    repeating, echo, resets = RepeatingApplication(), EchoApplication(), 0
    async with (
        serve_application(repeating, **SETTINGS) as (_, port, _),
        serve_application(echo, **SETTINGS) as (_, other_port, _),
    ):
        for _ in range(rounds):
            reads = [each for each in build_reads(random) if b"wait" not in each and len(each) < 4000]
            found, expected = await asyncio.gather(exchange_bytes(port, reads), exchange_bytes(other_port, reads))
            resets += found is None or expected is None
            assert found == expected or found is None or expected is None, f"seed {seed}: {reads}"
    assert resets < rounds // 5
    assert repeating.counts["answered"] > rounds // 2
    assert repeating.counts["known"] > rounds // 4
