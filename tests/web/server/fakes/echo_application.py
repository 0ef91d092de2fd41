"""An application that answers with what it was asked, and answers repeated requests without a task."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable
from typing import Any

from starlette.types import Receive, Scope, Send

from tests.web.server.fakes.bare_server import answer_lifespan
from web.server.single_write_response import WholeExchange, take_whole_exchange

SECRET = b"x-secret"
"""The server may not keep a head with it."""
_SHOWN = (
    "type", "asgi", "http_version", "scheme", "method", "root_path", "path", "raw_path", "query_string", "headers",
    "state",
)  # fmt: skip


def describe(scope: Scope, body: bytes) -> bytes:
    """All that the application can know of a request, but for ports."""
    shown = {name: repr(scope[name]) for name in _SHOWN}
    hosts = [scope[end] and scope[end][0] for end in ("client", "server")]
    return json.dumps([shown, hosts, hashlib.sha256(body).hexdigest(), len(body)]).encode()


class EchoApplication:
    """Answers with a description of the request; to a path with `wait`, when the test allows it."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []
        """The next step of each request that waits, in the order of their arrival."""

    def release(self) -> None:
        """Answer all requests that wait now."""
        waiting, self.waiting = self.waiting, []
        for answer in waiting:
            answer()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await answer_lifespan(receive, send)
            return
        exchange = take_whole_exchange(scope)
        assert exchange is not None
        body = exchange.take_body()
        if body is None:
            body = b""
            while (message := await receive())["type"] == "http.request":
                body += message["body"]
                if not message["more_body"]:
                    break
            else:
                return
        if "wait" in scope["path"]:
            allowed = asyncio.Event()
            self.waiting.append(allowed.set)
            await allowed.wait()
        text = describe(scope, body)
        scope["path"] = "changed"  # an application may change its own scope
        if not exchange.write_response(200, b"content-length: %d\r\n" % len(text), text):
            await send_text(text, send)


async def send_text(text: bytes, send: Send) -> None:
    """Send a response in pieces."""
    headers = [(b"content-length", b"%d" % len(text))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": text})


class RepeatingApplication(EchoApplication):
    """Answers the second request of its kind without a task."""

    def __init__(self) -> None:
        super().__init__()
        self.repeated_requests = self
        self._seen: set[Any] = set()
        self.counts = dict.fromkeys(("asked", "known", "answered", "disconnected"), 0)

    def answer(self, scope: Scope, body: bytes, exchange: WholeExchange) -> bool:
        """See `TasklessAnswers`."""
        self.counts["asked"] += 1
        if exchange.knowledge is not None:
            self.counts["known"] += 1
            assert exchange.knowledge == (scope["method"], scope["path"], scope["query_string"])
        key = scope["method"], scope["path"], scope["query_string"], tuple(scope["headers"]), body
        if all(name != SECRET for name, _ in scope["headers"]):
            exchange.knowledge = key[:3]
        if key not in self._seen:
            self._seen.add(key)
            return False
        self.counts["answered"] += 1
        text = describe(scope, body)
        if "wait" in scope["path"]:
            exchange.on_disconnect = self._count_disconnect
            self.waiting.append(lambda: self._write(text, exchange))
        else:
            self._write(text, exchange)
        return True

    def _count_disconnect(self) -> None:
        self.counts["disconnected"] += 1

    def _write(self, text: bytes, exchange: WholeExchange) -> None:
        exchange.on_disconnect = None
        if not exchange.write_response(200, b"content-length: %d\r\n" % len(text), text):
            exchange.send_in_pieces(lambda send: send_text(text, send))
