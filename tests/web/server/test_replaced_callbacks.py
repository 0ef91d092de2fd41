"""The code of uvicorn that the hub's protocol replaces is the code it was written for."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
from typing import Any, cast

import pytest
from starlette.applications import Starlette
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from web.server.header_limits import LimitedHttpProtocol
from web.server.single_write_response import RequestCycle
from web.server.uvicorn_config import build_uvicorn_config
from web.settings import WebSettings

REPLACED = {
    HttpToolsProtocol.data_received: "010a7ae59a5d",
    HttpToolsProtocol.on_message_begin: "96d377fdc7c2",
    HttpToolsProtocol.on_header: "65d62c044f61",
    HttpToolsProtocol.on_headers_complete: "1ea8589acfad",
    HttpToolsProtocol.on_body: "dba9c32aeba3",
    HttpToolsProtocol.on_message_complete: "1fbad42dc31f",
    HttpToolsProtocol.on_response_complete: "64e254f28e38",
    HttpToolsProtocol._start_asgi_task: "9c08c2571ae9",
    RequestResponseCycle.__init__: "4d2f220910c3",
    RequestResponseCycle.send: "abdd8601b326",
    RequestResponseCycle.receive: "8124ae006be7",
}
"""What is replaced, or is done in another way for usual requests. After a change: compare, then write the new hash."""


@pytest.mark.parametrize("replaced", REPLACED, ids=lambda each: each.__qualname__)
def test_what_the_hub_replaces_is_unchanged_in_uvicorn(replaced: Any) -> None:  # noqa: ANN401 - any function
    source = inspect.getsource(replaced)
    assert hashlib.sha256(source.encode()).hexdigest()[:12] == REPLACED[replaced]


async def test_a_request_has_the_attributes_that_uvicorns_has() -> None:
    protocol = LimitedHttpProtocol(load_config(), ServerState(), {})
    scope = cast("Any", {"type": "http"})
    theirs = RequestResponseCycle(
        scope,
        protocol.transport,
        protocol.flow,
        protocol.logger,
        protocol.access_logger,
        False,  # noqa: FBT003 - uvicorn's argument
        protocol.server_state.default_headers,
        asyncio.Event(),
        False,  # noqa: FBT003 - uvicorn's argument
        True,  # noqa: FBT003 - uvicorn's argument
        protocol.on_response_complete,
    )
    mine = RequestCycle(protocol, scope, keep_alive=True)
    expected, found = vars(theirs), vars(mine)
    del expected["message_event"]
    assert {found.pop(name) for name in ("arrival", "known_head", "knowledge", "memory", "on_disconnect")} == {None}
    assert not found.pop("is_taskless")
    assert found.pop("_tasks") is protocol.tasks
    assert found == expected


def test_the_configuration_uses_nothing_that_the_hub_leaves_out() -> None:
    config = load_config()
    assert (config.root_path, config.limit_concurrency, config.ws_protocol_class) == ("", None, None)
    assert not config.reset_contextvars


def load_config() -> Config:
    config = build_uvicorn_config(Starlette(), "127.0.0.1", 0, WebSettings())
    config.load()
    return config
