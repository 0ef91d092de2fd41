import logging
import re

import pytest
from starlette.types import Message

from engine.safe_traceback import safe_traceback
from tests.web.conftest import GraphServer, serve_application
from tests.web.small_graph import SITI, SmallGraph, authenticate, ready
from web.application import build_web_application
from web.middleware.entity_tags import EntityTags
from web.middleware.incidents import BrokenResponseError
from web.settings import WebSettings
from web.web_parts import WebParts

BROKEN = {"query": "{ broken }"}


async def test_an_unexpected_error_gives_the_caller_only_a_number(hub: GraphServer) -> None:
    answer = await hub.post(BROKEN)
    assert (answer.status, answer.code) == (500, "INTERNAL")
    assert re.fullmatch(
        r"The hub failed at this request\. Report incident [0-9a-f]{12} to its operators\.", answer.message
    )
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_the_log_has_the_traceback_under_that_number_without_personal_data(
    hub: GraphServer, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await hub.post(BROKEN, X_Request_Id="gateway-4713", Authorization="Bearer token-of-siti")
    (line,) = [record.getMessage() for record in caplog.records if record.name == "simpul.incidents"]
    number = re.search(r"incident ([0-9a-f]+)", answer.message)
    assert number is not None
    assert line.startswith(f"Incident {number[1]} in request gateway-4713: RuntimeError\n")
    assert "small_graph.py" in line
    assert "caused by ZeroDivisionError" in line
    for secret in ("3171014506900001", "Siti Aminah", "token-of-siti"):
        assert secret not in caplog.text


async def test_a_response_that_is_cut_off_is_logged_once_and_breaks_the_connection(
    caplog: pytest.LogCaptureFixture,
) -> None:
    application = build_web_application(
        WebParts(
            execute=SmallGraph().execute,
            authenticate=authenticate,
            ready=ready,
            settings=WebSettings(),
            entity_tags=EntityTags(b"s" * 32),
        )
    )
    sent: list[str] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        sent.append(message["type"])
        raise OSError(f"no route to {SITI}")

    for path in ("/graphql", "/health/live"):
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "GET",
            "path": path,
            "query_string": b"",
            "headers": [(b"host", b"localhost")],
        }
        with pytest.raises(BrokenResponseError, match=r"^The response was cut off; see incident [0-9a-f]{12}\.$"):
            await application(scope, receive, send)
    assert sent == ["http.response.start"] * 2
    assert [record.name for record in caplog.records if record.levelno == logging.ERROR] == ["simpul.incidents"] * 2
    assert SITI not in caplog.text


async def test_in_development_the_log_has_the_messages_too(caplog: pytest.LogCaptureFixture) -> None:
    async with serve_application(WebSettings(development=True)) as hub:
        answer = await hub.post(BROKEN)
    assert "RuntimeError: cannot serve 3171014506900001" in caplog.text
    assert "3171014506900001" not in answer.message


async def test_the_hub_keeps_serving_after_an_unexpected_error(hub: GraphServer) -> None:
    await hub.post(BROKEN)
    assert (await hub.post({"query": "{ whoAmI }"})).status == 200


async def test_paths_that_do_not_exist_are_refused_as_json(hub: GraphServer) -> None:
    answer = await hub.get("/no/such/path")
    assert (answer.status, answer.code) == (404, "NOT_FOUND")
    assert answer.message == "There is nothing at this path. The graph is at /graphql."


async def test_methods_that_a_path_does_not_have_are_refused_as_json(hub: GraphServer) -> None:
    answer = await hub.request("POST", "/health/live")
    assert (answer.status, answer.code) == (405, "METHOD_NOT_ALLOWED")
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD"}


def test_a_traceback_of_circular_causes_ends() -> None:
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first
    assert safe_traceback(first, with_messages=False).count("ValueError") == 5


async def test_an_incident_is_logged_as_an_error(hub: GraphServer, caplog: pytest.LogCaptureFixture) -> None:
    await hub.post(BROKEN)
    assert [record.levelno for record in caplog.records if record.name == "simpul.incidents"] == [logging.ERROR]
