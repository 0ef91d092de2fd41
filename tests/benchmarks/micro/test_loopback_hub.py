"""The small client and the served hub of the stages."""

from __future__ import annotations

import asyncio
from pathlib import Path

import orjson
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from benchmarks.blog.application import build_blog_settings
from benchmarks.comparison.callers import issue_tokens
from benchmarks.micro.city_stages import CallCollector
from benchmarks.micro.loopback_hub import HubConnection, connect_to_hub, render_request, serve_hub
from records.calls.call import Call


async def echo(request: Request) -> JSONResponse:
    return JSONResponse({"asked": await request.json(), "token": request.headers.get("authorization")})


async def test_requests_on_several_connections_are_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.comparison.dataset.CALLERS", 1)
    keys, _ = issue_tokens(tmp_path)
    app = Starlette(routes=[Route("/graphql", echo, methods=["POST"])])
    async with serve_hub(app, build_blog_settings(keys).web) as port, connect_to_hub(port, 2) as connections:
        request = render_request(port, "{ a }", {"id": "1"}, "t")
        answers = await asyncio.gather(*(each.ask(request) for each in connections))
        answers.append(await connections[0].ask(request))
    expected = {"asked": {"query": "{ a }", "variables": {"id": "1"}}, "token": "Bearer t"}
    assert [orjson.loads(each.partition(b"\r\n\r\n")[2]) for each in answers] == [expected] * 3


class SilentTransport(asyncio.Transport):
    def write(self, _data: object) -> None:
        """Send nothing."""


async def test_an_answer_in_pieces_is_joined_and_a_lost_connection_is_an_error() -> None:
    connection = HubConnection()
    connection.connection_made(SilentTransport())
    asked = asyncio.ensure_future(connection.ask(b"request"))
    await asyncio.sleep(0)
    for piece in (b"HTTP/1.1 200 OK\r\nContent-Le", b"ngth: 2\r\n\r\n", b"{", b"}"):
        connection.data_received(piece)
    assert (await asked).endswith(b"{}")
    lost = asyncio.ensure_future(connection.ask(b"request"))
    await asyncio.sleep(0)
    connection.connection_lost(None)
    with pytest.raises(ConnectionError, match=r"^The hub closed the connection\.$"):
        await lost


class Register:
    def __init__(self) -> None:
        self.asked: list[tuple[tuple[str, ...], Call]] = []

    async def people(self, keys: tuple[str, ...], call: Call) -> str:
        self.asked.append((keys, call))
        return "answer"


async def test_collected_calls_are_repeated_with_a_new_deadline() -> None:
    register = Register()
    collector = CallCollector(register)
    old = Call(deadline=0.0, request_id="first")
    assert await collector.people(("1",), old) == "answer"
    (repeat,) = collector.calls
    assert await repeat() == "answer"
    assert [keys for keys, _ in register.asked] == [("1",), ("1",)]
    assert register.asked[1][1].remaining() > 0
    assert len(collector.calls) == 1
