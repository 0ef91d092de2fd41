"""What happens on a connection while a request waits for its answer without a task."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any

import pytest

from tests.fakes.waiting import wait_until
from tests.web.server.fakes.bare_server import serve_application
from tests.web.server.fakes.waiting_application import (
    FAULT,
    GET,
    LAST,
    OK,
    POST,
    Connection,
    WaitingApplication,
    settle,
)
from web.server.http_server import ShutdownPolicy
from web.server.single_write_response import take_whole_exchange


def forbid_parser(protocol: Any) -> None:  # noqa: ANN401 - a protocol whose parser is replaced
    """A use of the parser is an error from now on."""
    protocol.parser = None


async def test_a_known_head_is_answered_without_parser_and_without_task(one: Connection) -> None:
    forbid_parser(one.protocol)
    one.read(POST)
    assert not one.protocol.tasks
    assert not one.protocol.is_idle()
    assert one.take() == b""
    one.app.finish()
    assert one.take() == OK + b"ok"
    assert one.protocol.is_idle()
    assert one.app.scopes[-1]["state"] is not one.app.scopes[0]["state"]


async def test_a_client_that_disconnects_is_reported_once_and_nothing_is_written(one: Connection) -> None:
    one.read(POST)
    (exchange,) = one.app.exchanges
    one.protocol.connection_lost(ConnectionResetError())
    assert one.app.disconnects == [exchange]
    one.app.finish()
    await settle()
    assert one.take() == b""
    assert one.app.disconnects == [exchange]
    assert not one.protocol.tasks


async def test_a_client_that_disconnects_after_its_answer_is_not_reported(one: Connection) -> None:
    one.read(POST)
    (exchange,) = one.app.exchanges
    one.app.finish()
    exchange.on_disconnect = lambda: one.app.disconnects.append(exchange)
    one.protocol.connection_lost(None)
    assert one.app.disconnects == []


async def test_a_client_that_disconnects_with_a_request_behind_is_reported_too(one: Connection) -> None:
    one.read(POST)
    one.read(GET)
    one.protocol.connection_lost(None)
    one.app.finish()
    await settle()
    assert len(one.app.disconnects) == 1
    assert one.take() == b""


async def test_a_client_that_closes_its_side_is_answered_and_the_connection_closes(one: Connection) -> None:
    one.read(POST)
    assert one.protocol.eof_received()
    one.app.finish()
    assert one.take() == OK + b"ok"
    assert one.transport.is_closed
    one.protocol.connection_lost(None)
    assert one.app.disconnects == []


async def test_requests_behind_a_waiting_one_are_answered_after_it_and_in_order(one: Connection) -> None:
    one.read(POST)
    one.read(POST)
    assert one.transport.is_paused
    one.read(GET + POST[:20])  # bytes that were read before the pause
    await settle()
    assert one.take() == b""
    one.app.answers = False
    one.app.finish()
    await settle()
    assert one.take() == OK + b"ok" + OK + b"by" + OK + b"by"
    assert not one.transport.is_paused
    one.read(POST[20:])
    await settle()
    assert one.take() == OK + b"by"


async def test_a_server_that_shuts_down_answers_a_waiting_request_with_the_last_answer(one: Connection) -> None:
    one.read(POST)
    one.protocol.announce_close()
    one.protocol.close_idle()
    assert not one.transport.is_closed
    one.app.finish()
    await settle()
    assert one.take() == LAST + b"ok"
    assert one.transport.is_closed


async def test_after_the_announcement_a_known_head_gets_the_last_answer(one: Connection) -> None:
    one.protocol.announce_close()
    one.read(POST)
    await settle()
    assert one.take() == LAST + b"by"
    assert one.transport.is_closed


async def test_a_waiting_request_ends_with_the_drain_of_the_server() -> None:
    app = WaitingApplication()
    async with serve_application(app) as (server, port, serving):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(POST)
        await wait_until(lambda: len(app.exchanges) == 1)
        server.shut_down(ShutdownPolicy(timeout=5, linger=0))
        await asyncio.sleep(0.1)
        assert not serving.done()
        app.finish()
        assert await asyncio.wait_for(reader.read(), 5) == LAST + b"ok"
        writer.close()
        await asyncio.wait_for(serving, 5)
    assert app.disconnects == []


async def test_the_client_of_a_request_that_outlasts_the_drain_counts_as_disconnected() -> None:
    app = WaitingApplication()
    async with serve_application(app) as (server, port, serving):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(POST)
        await wait_until(lambda: len(app.exchanges) == 1)
        server.shut_down(ShutdownPolicy(timeout=0.1, linger=0))
        await asyncio.wait_for(serving, 5)
        with contextlib.suppress(ConnectionError):  # a reset is an end, too
            assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
    assert len(app.disconnects) == 1


async def test_a_client_that_does_not_read_gets_its_answer_in_pieces_when_it_reads_again(one: Connection) -> None:
    one.read(POST)
    one.protocol.pause_writing()
    one.app.finish()
    await settle()
    assert one.take() == b""
    assert len(one.protocol.tasks) == 1
    one.read(POST)  # waits behind it
    one.app.answers = False
    one.protocol.resume_writing()
    await settle()
    assert one.take() == OK + b"ok" + OK + b"by"
    assert not one.protocol.tasks


async def test_a_client_that_does_not_read_and_disconnects_leaves_no_task(one: Connection) -> None:
    one.read(POST)
    one.protocol.pause_writing()
    one.app.finish()
    await settle()
    one.protocol.connection_lost(None)
    await settle()
    assert one.take() == b""
    assert not one.protocol.tasks
    assert one.app.disconnects == []


async def test_a_fault_of_an_answer_in_pieces_gets_a_500_and_closes(
    one: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    one.read(POST)
    one.protocol.announce_close()
    one.app.fault = ValueError("a planted fault")
    one.app.finish()
    await settle()
    assert one.take().startswith(FAULT)
    assert one.transport.is_closed
    assert not one.protocol.tasks
    assert "a planted fault" in caplog.text


async def test_a_waiting_request_has_no_timeout_of_the_connection() -> None:
    app = WaitingApplication()
    async with serve_application(app, keep_alive_timeout=0.1, header_timeout=0.1) as (_, port, _):
        for _ in range(2):  # by the second connection, the head is known from the start
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for _ in range(2):
                writer.write(POST)
                await wait_until(lambda: len(app.exchanges) == 1)
                await asyncio.sleep(0.25)
                app.finish()
                assert await asyncio.wait_for(reader.readexactly(len(OK) + 2), 5) == OK + b"ok"
            assert await asyncio.wait_for(reader.read(), 5) == b""  # the keep-alive timeout
            writer.close()


@pytest.mark.parametrize("header_timeout", [0.1, 10.0])
async def test_an_idle_connection_closes_after_requests_with_known_heads(header_timeout: float) -> None:
    app = WaitingApplication()
    async with serve_application(app, keep_alive_timeout=0.3, header_timeout=header_timeout) as (server, port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(8):  # longer than the timeout in total
            writer.write(POST)
            await wait_until(lambda: len(app.exchanges) == 1)
            app.finish()
            await asyncio.sleep(0.06)
        answers = await asyncio.wait_for(reader.read(), 5)
        assert answers == (OK + b"ok") * 8
        assert not server.server_state.connections
        writer.close()


async def test_a_header_behind_a_known_head_has_its_timeout() -> None:
    app = WaitingApplication()
    async with serve_application(app, keep_alive_timeout=10, header_timeout=0.2) as (_, port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(2):
            writer.write(POST)
            await wait_until(lambda: len(app.exchanges) == 1)
            app.finish()
        assert await reader.readexactly(2 * (len(OK) + 2)) == (OK + b"ok") * 2
        writer.write(POST[:30])
        assert (await asyncio.wait_for(reader.read(), 5)).startswith(b"HTTP/1.1 408 ")
        writer.close()


async def test_an_incomplete_header_behind_a_waiting_request_makes_its_answer_the_last() -> None:
    app = WaitingApplication()
    async with serve_application(app, header_timeout=0.1) as (_, port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(POST)
        await wait_until(lambda: len(app.exchanges) == 1)
        writer.write(POST[:30])
        await asyncio.sleep(0.3)
        app.finish()
        assert await asyncio.wait_for(reader.read(), 5) == LAST + b"ok"
        writer.close()


async def test_a_surplus_connection_is_not_answered_without_a_task() -> None:
    app = WaitingApplication()
    one = Connection(app, max_connections=1)
    protocol, transport = one.server.connect()
    assert protocol._is_surplus
    protocol.data_received(POST)
    await settle()
    assert bytes(transport.written) == LAST + b"by"
    assert app.exchanges == []
    for each in (protocol, one.protocol):
        each.connection_lost(None)


async def test_a_surplus_connection_is_usual_again_after_others_closed() -> None:
    app = WaitingApplication()
    one = Connection(app, max_connections=1)
    protocol, transport = one.server.connect()
    one.protocol.connection_lost(None)
    for _ in range(2):
        protocol.data_received(POST)
        app.finish()
    assert bytes(transport.written) == (OK + b"ok") * 2
    protocol.connection_lost(None)


async def test_a_known_head_does_not_inherit_that_its_predecessor_expected_100_continue(one: Connection) -> None:
    one.read(POST.replace(b"Host", b"Expect: 100-continue\r\nHost"))
    one.app.finish()
    one.app.answers = False  # a task, which receives the body
    one.take()
    one.read(POST)
    await settle()
    assert one.take() == OK + b"by"


@pytest.mark.parametrize("place", [10, 30, len(POST) - 6, len(POST) - 1])
async def test_the_second_half_of_a_request_is_no_head(one: Connection, place: int) -> None:
    other = POST.replace(b"Host", b"X-Other: 1\r\nHost")
    one.read(other[:place])
    one.read(other[place:])
    await settle()
    one.app.exchanges.clear()
    assert len(one.protocol.known_heads) == 1


async def test_a_head_in_the_body_of_another_request_is_a_body(one: Connection) -> None:
    one.app.answers = False
    one.read(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % (2 * len(POST)))
    one.read(POST)
    one.read(POST)
    await settle()
    assert one.take() == OK + b"by"


async def test_a_waiting_request_keeps_its_client_and_not_that_of_the_first(one: Connection) -> None:
    protocol, transport = one.server.connect()
    protocol.client, protocol.server, protocol.scheme = ("192.0.2.7", 7), ("192.0.2.1", 80), "https"
    protocol.app_state = {"of": "the server"}
    forbid_parser(protocol)
    protocol.data_received(POST)
    scope = one.app.scopes[-1]
    first = one.app.scopes[0]
    assert (scope["client"], scope["server"], scope["scheme"]) == (protocol.client, protocol.server, "https")
    assert scope["state"] == {"of": "the server"}
    assert scope["state"] is not protocol.app_state
    assert take_whole_exchange(scope) is one.app.exchanges[0]
    assert {name for name in scope if scope[name] != first[name]} == {
        "client", "server", "scheme", "state", "extensions",
    }  # fmt: skip
    one.app.finish()
    assert bytes(transport.written) == OK + b"ok"
    protocol.connection_lost(None)


async def test_a_fault_before_the_start_gets_a_500_and_closes(
    one: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    one.app.fault = ValueError("a planted fault")
    caplog.set_level(logging.ERROR)
    one.read(POST)
    await settle()
    assert one.take().startswith(FAULT)
    assert one.transport.is_closed
    assert "a planted fault" in caplog.text
