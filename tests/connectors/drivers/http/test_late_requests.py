"""A process that was stopped for a while sends nothing after its deadline: others took over."""

from __future__ import annotations

import time
from typing import Any

import pytest
from aiohttp import TCPConnector
from yarl import URL

from connectors.drivers.http import aiohttp_session
from connectors.drivers.http.aiohttp_session import AiohttpSession, SessionRequest
from connectors.drivers.http.reply import HttpReply
from records.calls.failures import AgencyTimeout
from tests.connectors.drivers.byte_server import reply, serve_bytes
from tests.sandbox_agencies import HOST


def build_session() -> AiohttpSession:
    return AiohttpSession("crm", headers={}, tls=None, connections=1, max_bytes=1_000, addresses=[HOST])


@pytest.mark.parametrize(("place", "name"), [(TCPConnector, "connect"), (aiohttp_session._FixedResolver, "resolve")])
async def test_a_process_that_stops_while_it_connects_sends_nothing(
    monkeypatch: pytest.MonkeyPatch, place: type[Any], name: str
) -> None:
    connect = getattr(place, name)

    async def connect_and_stop(*given: Any, **named: Any) -> Any:  # noqa: ANN401 - forwarded
        made = await connect(*given, **named)
        time.sleep(0.3)  # noqa: ASYNC251 - the whole process stops
        return made

    session = build_session()
    async with serve_bytes(reply(200)) as server:
        request = SessionRequest("POST", URL(server.url).with_host("crm.example"), b"a=1", None, repeatable=False)
        monkeypatch.setattr(place, name, connect_and_stop)
        late = await session.send(request, deadline=time.monotonic() + 0.2)
        assert isinstance(late, AgencyTimeout)
        assert late.sent is False
        monkeypatch.undo()
        assert isinstance(await session.send(request, deadline=time.monotonic() + 20), HttpReply)
        assert len(server.asked) == 1
    await session.close()
