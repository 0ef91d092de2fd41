"""The fault proxy, seen from the client's side of the wire."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic

import pytest

from sandbox.fault_proxy import HTTP_FAULTS, FaultKind, FaultProxy, WireFault, run_fault_proxy
from tests.connectors.drivers.byte_server import ByteServer, reply, serve_bytes
from tests.sandbox_agencies import HOST, free_port

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
ANSWER = reply(200, b"0123456789")
WITHIN_S = 5


@dataclass(slots=True)
class RelayClient:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(self, request: bytes = REQUEST) -> bytes:
        """The answer as far as it arrives: a complete answer, or everything until the end."""
        self.writer.write(request)
        seen = b""
        async with asyncio.timeout(WITHIN_S):
            while not seen.endswith((b"0123456789", b"no service")):
                data = await self.reader.read(1 << 16)
                if not data:
                    break
                seen += data
        return seen

    async def hears_nothing(self, seconds: float = 0.3) -> bool:
        """Whether neither bytes nor an end arrive, with or without a request."""
        self.writer.write(REQUEST)
        try:
            async with asyncio.timeout(seconds):
                await self.reader.read(1)
        except TimeoutError:
            return True
        return False


@asynccontextmanager
async def run_relay(answer: bytes = ANSWER) -> AsyncIterator[tuple[FaultProxy, ByteServer]]:
    async with (
        serve_bytes(answer) as agency,
        run_fault_proxy(port=free_port(), to=int(agency.url.rpartition(":")[2])) as proxy,
    ):
        yield proxy, agency


@asynccontextmanager
async def connect_client(proxy: FaultProxy) -> AsyncIterator[RelayClient]:
    reader, writer = await asyncio.open_connection(HOST, proxy.port)
    try:
        yield RelayClient(reader, writer)
    finally:
        writer.transport.abort()


async def test_without_a_fault_requests_and_answers_pass() -> None:
    async with run_relay() as (proxy, agency), connect_client(proxy) as one:
        assert [await one.ask(), await one.ask()] == [ANSWER, ANSWER]
        assert len(agency.asked) == 2
        assert (proxy.faulted_exchanges, proxy.connections) == (0, 1)


async def test_late_answers_are_late_by_the_given_seconds_and_complete() -> None:
    async with run_relay() as (proxy, _), connect_client(proxy) as one:
        await proxy.inject(WireFault(kind=FaultKind.LATENCY, seconds=0.2))
        began = monotonic()
        assert await one.ask() == ANSWER
        assert monotonic() - began >= 0.2


async def test_a_connection_is_reset_when_a_request_arrives() -> None:
    async with run_relay() as (proxy, agency), connect_client(proxy) as one:
        await one.ask()
        await proxy.inject(WireFault(kind=FaultKind.RESET))
        with pytest.raises(ConnectionResetError):
            await one.ask()
        assert len(agency.asked) == 1


async def test_a_half_open_connection_accepts_everything_and_never_answers_or_ends() -> None:
    async with run_relay() as (proxy, agency), connect_client(proxy) as before:
        await before.ask()
        await proxy.inject(WireFault(kind=FaultKind.HALF_OPEN))
        async with connect_client(proxy) as during:
            assert await during.hears_nothing()
            agency.hang_up()
            assert await before.hears_nothing()
            await proxy.clear()
            assert await during.hears_nothing(), "what fell silent stays silent"
        assert await before.hears_nothing(), "also what was open before"
        async with connect_client(proxy) as after:
            assert await after.ask() == ANSWER
        assert len(agency.asked) == 2


async def test_garbage_is_no_protocol_and_ends_the_connection() -> None:
    async with run_relay() as (proxy, _), connect_client(proxy) as one:
        await proxy.inject(WireFault(kind=FaultKind.GARBAGE))
        seen = await one.ask()
        assert seen
        assert not seen.startswith(b"HTTP/")


async def test_a_truncated_answer_has_the_head_and_half_of_the_body() -> None:
    async with run_relay() as (proxy, _), connect_client(proxy) as one:
        await proxy.inject(WireFault(kind=FaultKind.TRUNCATED))
        assert await one.ask() == ANSWER[:-5]


@pytest.mark.parametrize(
    ("kind", "head", "body"),
    [
        (FaultKind.ERROR, b"HTTP/1.1 500 ", b"no service"),
        (FaultKind.THROTTLED, b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 3\r\n", b"no service"),
    ],
)
async def test_an_http_error_replaces_the_agencys_answer_and_the_connection_continues(
    kind: FaultKind, head: bytes, body: bytes
) -> None:
    post = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n"
    async with run_relay() as (proxy, agency), connect_client(proxy) as one:
        await proxy.inject(WireFault(kind=kind, seconds=3))
        one.writer.write(post)
        await one.writer.drain()
        seen = await one.ask(b"body")
        assert seen.startswith(head)
        assert seen.endswith(body)
        assert agency.asked == []
        await proxy.clear()
        assert await one.ask() == ANSWER


async def test_a_garbage_body_has_status_200_and_meaningless_bytes() -> None:
    async with run_relay() as (proxy, _), connect_client(proxy) as one:
        await proxy.inject(WireFault(kind=FaultKind.GARBAGE_BODY))
        one.writer.write(REQUEST)
        head = await one.reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"Content-Length: 512\r\n" in head
        assert (await one.reader.readexactly(512))[0] == 255


async def test_a_dripping_answer_comes_byte_by_byte() -> None:
    async with run_relay() as (proxy, _), connect_client(proxy) as one:
        await proxy.inject(WireFault(kind=FaultKind.DRIP, seconds=0.01))
        began = monotonic()
        assert await one.ask() == ANSWER
        assert monotonic() - began >= 0.01 * len(ANSWER)


async def test_refuse_closes_the_port_and_open_connections_until_it_is_cleared() -> None:
    async with run_relay() as (proxy, _), connect_client(proxy) as one:
        await one.ask()
        await proxy.inject(WireFault(kind=FaultKind.REFUSE))
        with pytest.raises(ConnectionResetError):
            await one.ask()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(HOST, proxy.port)
        await proxy.clear()
        async with connect_client(proxy) as after:
            assert await after.ask() == ANSWER


async def test_a_fault_with_a_chance_hits_that_share_of_exchanges_on_one_connection() -> None:
    async with run_relay() as (proxy, agency), connect_client(proxy) as one:
        await one.ask()
        await proxy.inject(WireFault(kind=FaultKind.ERROR, chance=0.3))
        answers = [await one.ask() for _ in range(200)]
        failed = sum(each != ANSWER for each in answers)
        assert failed == proxy.faulted_exchanges
        assert 40 <= failed <= 80
        assert len(agency.asked) == 201 - failed


async def test_a_server_that_sends_first_can_be_faulted_before_a_request() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"greetings")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(greet, HOST, 0)
    async with server, run_fault_proxy(port=free_port(), to=server.sockets[0].getsockname()[1]) as proxy:
        async with connect_client(proxy) as one:
            assert await one.reader.read(100) == b"greetings"
        await proxy.inject(WireFault(kind=FaultKind.GARBAGE))
        async with connect_client(proxy) as two:
            assert (await two.reader.read(100))[:2] == b"\xff\xfe"


@pytest.mark.parametrize("values", [{"chance": 0}, {"chance": 1.1}, {"seconds": -1}, {"seconds": float("inf")}])
def test_an_invalid_fault_is_refused(values: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="give a"):
        WireFault(kind=FaultKind.LATENCY, **values)


def test_every_http_fault_is_marked_as_one() -> None:
    assert {kind.value for kind in HTTP_FAULTS} == {"garbage-body", "500", "429"}
