"""A call to a partner's own address ends in time, whatever stands there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from connectors.webhooks import WebhookSender
from records.spans import Span
from tests.city import HOST, free_port
from tests.journeys.partner import Webhook, listening
from tests.telemetry.in_memory import InMemory

UNREACHED = "AGENCY_UNAVAILABLE"
HEADERS = {"webhook-id": "msg_1", "webhook-timestamp": "1", "webhook-signature": "v1,x"}


@pytest.fixture
async def webhook() -> AsyncIterator[Webhook]:
    async with listening() as listens:
        yield listens


async def test_a_call_is_a_post_of_json_with_its_headers(webhook: Webhook) -> None:
    assert await WebhookSender(patience=5).send(webhook.url, b'{"a":1}', HEADERS) is None
    [got] = webhook.got
    assert got.body == b'{"a":1}'
    assert {name: got.headers[name] for name in HEADERS} == HEADERS
    assert got.headers["content-type"] == "application/json"
    assert "authorization" not in got.headers


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (200, None),
        (302, "AGENCY_MALFORMED: HTTP 302: redirects are not followed"),
        (400, "HTTP 400"),
        (401, "AGENCY_REFUSED: HTTP 401"),
        (410, "HTTP 410"),
        (500, "AGENCY_UNAVAILABLE: HTTP 500"),
    ],
)
async def test_anything_but_a_success_is_a_failure_that_names_no_host(
    webhook: Webhook, status: int, failure: str | None
) -> None:
    webhook.answers = [status]
    told = await WebhookSender(patience=5).send(webhook.url, b"{}", HEADERS)
    assert told == failure
    assert len(webhook.got) == 1
    assert WebhookSender.is_final(told or "") is (status == 410)


async def test_nobody_there_is_a_failure() -> None:
    told = await WebhookSender(patience=5).send(f"http://{HOST}:{free_port()}/hook", b"{}", HEADERS)
    assert told is not None
    assert told.startswith("AGENCY_UNAVAILABLE: ")
    assert HOST not in told


async def test_who_does_not_answer_or_never_stops_is_left() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        await reader.read()
        writer.close()

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n")
        try:
            while True:
                writer.write(b"x" * 65536)
                await writer.drain()
        except ConnectionError:
            writer.close()

    for behaves, failure in (
        (silent, "AGENCY_TIMEOUT: no whole answer before the deadline"),
        (endless, "AGENCY_MALFORMED: the body is longer than 65536 bytes"),
    ):
        server = await asyncio.start_server(behaves, HOST, 0)
        port = server.sockets[0].getsockname()[1]
        assert await WebhookSender(patience=0.5).send(f"http://{HOST}:{port}/hook", b"{}", HEADERS) == failure
        server.close()


class OneTrace:
    """Traces of which each is the same."""

    def __init__(self, span: Span) -> None:
        self._span = span

    def begin(self, _name: str) -> Span:
        return self._span


@pytest.mark.parametrize(
    ("status", "told"), [(200, {}), (410, {"error.type": "410"}), (500, {"error.type": UNREACHED})]
)
async def test_a_partner_can_go_on_with_the_trace_and_its_call_is_told_of(
    webhook: Webhook, status: int, told: dict[str, str]
) -> None:
    memory = InMemory()
    span = memory.span()
    webhook.answers = [status]
    await WebhookSender(patience=5, traces=OneTrace(span)).send(webhook.url, b"{}", HEADERS)
    [got] = webhook.got
    assert got.headers["traceparent"] == span.headers["traceparent"]
    assert memory.told == [("request", {"http.response.status_code": status, **told})]
