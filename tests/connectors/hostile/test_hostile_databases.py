"""Databases with invalid answers: they fail the call, and never stop the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest
import uvloop

from connectors.drivers.sql.driver import MAX_BYTES, SqlDriver
from records.calls.failures import AgencyMalformed
from tests.connectors.failures import make_call
from tests.fakes.tls_terminator import Authority, run_tls_terminator
from tests.sandbox_agencies import HOST, RunningAgency

NO_MESSAGE = "what came is not a message of PostgreSQL"
TOO_LONG = f"the answer is longer than {MAX_BYTES} bytes"
HEADERS = {
    "a length of -1 and no kind": b"\x00\xff\xff\xff\xff<html>",
    "a length of -1": b"R\xff\xff\xff\xff" + bytes(8),
    "the lowest length": b"R\x80\x00\x00\x00" + bytes(8),
    "a length shorter than itself": b"R\x00\x00\x00\x03" + bytes(8),
    "a kind of 0": b"\x00\x00\x00\x00\x08" + bytes(4),
}
LOGGED_IN = b"R\0\0\0\x08\0\0\0\0" + b"S\0\0\0\x18server_version\x0017.0\0" + b"Z\0\0\0\x05I"
PARAMETER = b"S\x00\x00\x04\x07a\x00" + b"x" * 1024 + b"\x00"


@asynccontextmanager
async def saying(first: bytes, *then: bytes, forever: bytes = b"") -> AsyncIterator[int]:
    """The port of a server that answers one thing after the other, and the last one without an end."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            for answer in (first, *then):
                await reader.read(65_536)
                writer.write(answer)
            while forever:
                writer.write(forever)
                await writer.drain()
            await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, HOST, 0) as server:
        yield server.sockets[0].getsockname()[1]


async def detail_of(url: str, *, ask_before: str = "") -> str:
    driver = SqlDriver("dukcapil", url, deadline=10, pool_size=1)
    try:
        if ask_before:
            await driver.rows(ask_before, {}, make_call())
        with pytest.raises(AgencyMalformed) as raised:
            await driver.rows("SELECT 1", {}, make_call())
        return raised.value.detail
    finally:
        await driver.close()


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("logged_in", [b"", LOGGED_IN], ids=["before login", "after login"])
def test_an_invalid_postgresql_header_is_malformed(
    logged_in: bytes, header: str, loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def test() -> None:
        said = [logged_in, HEADERS[header]] if logged_in else [HEADERS[header]]
        async with saying(*said) as port:
            assert await detail_of(f"postgresql://a:b@{HOST}:{port}/siak?sslmode=disable") == NO_MESSAGE

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(test())


async def test_it_is_also_malformed_inside_tls(tmp_path_factory: pytest.TempPathFactory) -> None:
    authority = Authority(tmp_path_factory.mktemp("authority"))
    async with (
        saying(HEADERS["a length of -1"]) as behind,
        run_tls_terminator(behind, authority.issue(HOST)) as end,
    ):
        assert await detail_of(f"postgresql://a:b@{HOST}:{end.port}/siak?sslmode=require") == NO_MESSAGE
    assert end.encrypted == 1


async def test_it_is_malformed_in_the_answer_to_a_later_statement(dukcapil: RunningAgency) -> None:
    """In the middle of an answer, behind a real server that answered before."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind_reader, behind_writer = await asyncio.open_connection(HOST, dukcapil.port)

        async def pass_answers() -> None:
            while data := await behind_reader.read(65_536):
                writer.write(data)

        answering = asyncio.create_task(pass_answers())
        with suppress(ConnectionError):
            while asked := await reader.read(65_536):
                if b"SELECT 1" in asked:
                    writer.write(b"1\x00\x00\x00\x04t\x00\x00\x00\x06\x00\x00T\xff\xff\xff\xff\x00\x00")
                else:
                    behind_writer.write(asked)
        answering.cancel()
        behind_writer.close()
        writer.close()

    async with await asyncio.start_server(serve, HOST, 0) as server:
        port = server.sockets[0].getsockname()[1]
        url = f"postgresql://{dukcapil.user}:{dukcapil.secret}@{HOST}:{port}/siak?sslmode=disable"
        assert await detail_of(url, ask_before="SELECT 2") == NO_MESSAGE


@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
async def test_an_endless_login_is_malformed(scheme: str) -> None:
    if scheme == "postgresql":
        async with saying(LOGGED_IN[:9], forever=PARAMETER) as port:
            assert (
                await detail_of(f"postgresql://a:b@{HOST}:{port}/siak?sslmode=disable")
                == "the login is longer than 65536 bytes"
            )
        return

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while True:
                writer.write(b"\xff\xff\xff\x00" + bytes(0xFFFFFF))
                await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, HOST, 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert await detail_of(f"mysql://a:b@{HOST}:{port}/jakpreneur?sslmode=disable") == TOO_LONG


@pytest.mark.parametrize("rounds", [b"200001", b"00002000000000", b"9" * 5000])
@pytest.mark.parametrize("pieces", [1, 3])
async def test_a_password_that_takes_minutes_to_hash_is_malformed(rounds: bytes, pieces: int) -> None:
    """With SCRAM, the server sets the number of iterations, which asyncpg computes without interruption."""

    def message(code: int, body: bytes) -> bytes:
        return b"R" + (len(body) + 8).to_bytes(4, "big") + code.to_bytes(4, "big") + body

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65_536)
        writer.write(message(10, b"SCRAM-SHA-256\0\0"))
        nonce = (await reader.read(65_536)).partition(b",r=")[2]
        said = message(11, b"r=" + nonce + b"more,s=c2FsdA==,i=" + rounds)
        size = -(-len(said) // pieces)
        with suppress(ConnectionError):
            for start in range(0, len(said), size):
                writer.write(said[start : start + size])
                await writer.drain()
                await asyncio.sleep(0)
            await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, HOST, 0) as server:
        port = server.sockets[0].getsockname()[1]
        url = f"postgresql://a:b@{HOST}:{port}/siak?sslmode=disable"
        assert await detail_of(url) == "the login demands too many rounds of hashing"
