"""Each request runs as a separate task."""

from __future__ import annotations

import asyncio

from starlette.types import Receive, Scope, Send

from tests.web.server.fakes.bare_server import GET
from tests.web.server.fakes.memory_connection import connect

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
POST = b"POST /whole HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n"


async def test_a_request_starts_before_its_body_is_complete_and_runs_as_a_task() -> None:
    async def answer_whole_body(_scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["more_body"]:
            pass
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    protocol, transport = connect(answer_whole_body)
    protocol.data_received(POST + b"bo")
    assert len(protocol.tasks) == 1
    await asyncio.sleep(0.01)
    assert not transport.written
    protocol.data_received(b"dy")
    await asyncio.wait(protocol.tasks, timeout=5)
    await asyncio.sleep(0)
    assert protocol.tasks == set()
    assert transport.written == OK
    protocol.connection_lost(None)


async def test_an_application_that_fails_immediately_gets_a_500_and_the_connection_closes() -> None:
    async def fail(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive, send
        raise ValueError("a planted fault")

    protocol, transport = connect(fail)
    protocol.data_received(GET)
    await asyncio.sleep(0.01)
    assert transport.written.startswith(b"HTTP/1.1 500 ")
    assert transport.is_closed
    protocol.connection_lost(None)
