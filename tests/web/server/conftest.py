"""A connection in memory for the tests of requests without a task."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.web.server.fakes.waiting_application import Connection, WaitingApplication


@pytest.fixture
async def one() -> AsyncIterator[Connection]:
    connection = Connection(WaitingApplication())
    yield connection
    if connection.protocol in connection.server.state.connections:
        connection.protocol.connection_lost(None)
