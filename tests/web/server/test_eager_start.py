"""`Start.NOW`: the application runs within the read until it first waits."""

from __future__ import annotations

import asyncio
import sys

import pytest
from starlette.types import Receive, Scope, Send

from tests.web.server.fakes.memory_connection import InMemoryServer
from tests.web.server.fakes.waiting_application import FAULT, GET, OK, POST, Connection, WaitingApplication, settle
from web.server import graceful_connection
from web.server.single_write_response import Start


async def test_an_application_that_does_not_wait_answers_within_the_read(one: Connection) -> None:
    one.app.start = Start.NOW
    one.read(POST)
    assert one.take() == (OK + b"by" if sys.version_info >= (3, 12) else b"")
    await settle()
    assert not one.protocol.tasks
    assert one.protocol.is_idle()


async def test_python_3_11_starts_it_in_the_next_turn(one: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graceful_connection, "start_task", asyncio.create_task)
    one.app.start = Start.NOW
    one.read(POST)
    assert one.take() == b""
    assert len(one.protocol.tasks) == 1
    await settle()
    assert one.take() == OK + b"by"
    assert not one.protocol.tasks


@pytest.mark.parametrize("fault", [ValueError("a planted fault"), asyncio.CancelledError("a planted fault")])
async def test_a_fault_gets_a_500_and_closes(
    one: Connection, caplog: pytest.LogCaptureFixture, fault: BaseException
) -> None:
    one.app.start, one.app.fault = Start.NOW, fault
    one.read(POST)
    await settle()
    assert one.take().startswith(FAULT)
    assert one.transport.is_closed
    assert "a planted fault" in caplog.text
    assert not one.protocol.tasks


async def test_what_the_application_changes_is_not_remembered() -> None:
    class ChangingApplication(WaitingApplication):
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            await super().__call__(scope, receive, send)
            scope["path"] = "/changed"
            scope["endpoint"] = self

    app = ChangingApplication()
    app.start = Start.NOW
    protocol, _ = InMemoryServer(app).connect()
    for _ in range(2):
        protocol.data_received(POST)
        await settle()
    assert len(app.scopes) == 2  # both were asked with the path of the request
    assert len(protocol.known_heads) == 1
    protocol.connection_lost(None)


async def test_a_request_behind_it_is_answered_after_it(one: Connection) -> None:
    one.app.start = Start.NOW
    one.read(POST + GET + POST)
    await settle()
    assert one.take() == (OK + b"by") * 3
