"""A call to a partner's address ends in time, whatever the server does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from connectors.webhooks import WebhookSender
from records.calls.spans import Span
from tests.connectors.drivers.byte_server import answer_with, reply
from tests.connectors.drivers.certificates import make_certificate, serve_tls
from tests.journeys.partner import Webhook, listen
from tests.sandbox_agencies import HOST, free_port
from tests.telemetry.in_memory_spans import InMemorySpans

UNREACHED = "AGENCY_UNAVAILABLE"
HEADERS = {"webhook-id": "msg_1", "webhook-timestamp": "1", "webhook-signature": "v1,x"}


NOT_PUBLIC = "not sent: the host leads to an address that is not public"


def sender(*, development: bool = True, **given: Any) -> WebhookSender:  # noqa: ANN401 - any setting
    return WebhookSender(**{"timeout": 5.0, "development": development, **given})


class ScriptedResolver:
    """A resolver with these answers in order, the last one forever; counts queries."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


@pytest.fixture
async def webhook() -> AsyncIterator[Webhook]:
    async with listen() as listens:
        yield listens


async def test_a_call_is_a_post_of_json_with_its_headers(webhook: Webhook) -> None:
    assert await sender().send(webhook.url, b'{"a":1}', HEADERS) is None
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
async def test_other_statuses_are_failures_without_the_host(webhook: Webhook, status: int, failure: str | None) -> None:
    webhook.answers = [status]
    told = await sender().send(webhook.url, b"{}", HEADERS)
    assert told == failure
    assert len(webhook.got) == 1
    assert WebhookSender.is_final(told or "") is (status == 410)


async def test_a_refused_connection_is_a_failure() -> None:
    told = await sender().send(f"http://{HOST}:{free_port()}/hook", b"{}", HEADERS)
    assert told is not None
    assert told.startswith("AGENCY_UNAVAILABLE: ")
    assert HOST not in told


async def test_a_silent_or_endless_response_is_abandoned() -> None:
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
        assert await sender(timeout=0.5).send(f"http://{HOST}:{port}/hook", b"{}", HEADERS) == failure
        server.close()


class SingleTrace:
    """Traces of which each is the same."""

    def __init__(self, span: Span) -> None:
        self._span = span

    def start_client_span(self, _name: str) -> Span:
        return self._span


@pytest.mark.parametrize(
    ("status", "told"), [(200, {}), (410, {"error.type": "410"}), (500, {"error.type": UNREACHED})]
)
async def test_a_call_sends_the_trace_headers_and_ends_its_span(
    webhook: Webhook, status: int, told: dict[str, str]
) -> None:
    memory = InMemorySpans()
    span = memory.start_request()
    webhook.answers = [status]
    await sender(traces=SingleTrace(span)).send(webhook.url, b"{}", HEADERS)
    [got] = webhook.got
    assert got.headers["traceparent"] == span.headers["traceparent"]
    assert memory.spans == [("request", {"http.response.status_code": status, **told})]


@pytest.mark.parametrize(
    "addresses",
    [
        ["10.0.0.1"],
        ["172.16.0.1"],
        ["192.168.1.1"],
        ["127.0.0.1"],
        ["127.8.8.8"],
        ["0.0.0.0"],  # noqa: S104 - refused
        ["169.254.169.254"],
        ["100.100.100.200"],
        ["168.63.129.16"],
        ["192.0.0.192"],
        ["192.88.99.1"],
        ["198.18.0.1"],
        ["203.0.113.9"],
        ["224.0.0.1"],
        ["240.0.0.1"],
        ["255.255.255.255"],
        ["::"],
        ["::1"],
        ["::ffff:10.0.0.1"],
        ["::ffff:8.8.8.8"],
        ["::10.0.0.1"],
        ["64:ff9b::a00:1"],
        ["64:ff9b:1::a00:1"],
        ["fe80::1"],
        ["fe80::1%eth0"],
        ["2606:4700::1111%eth0"],
        ["fc00::1"],
        ["fd00:ec2::254"],
        ["ff02::1"],
        ["2001::1"],
        ["2001:db8::1"],
        ["2002:a00:1::1"],
        ["3fff::1"],
        ["8.8.8.8", "10.0.0.1"],
        ["2606:4700::1111", "8.8.8.8", "::1"],
        ["no address"],
        [],
    ],
)
async def test_a_host_with_one_address_that_is_not_public_is_not_called(addresses: Sequence[str]) -> None:
    names = ScriptedResolver(addresses)
    told = await sender(development=False, resolver=names).send("https://bank.example/hook", b"{}", HEADERS)
    assert told == NOT_PUBLIC
    assert names.asked == [("bank.example", 443)]


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "10.0.0.1",
        "[::1]",
        "[::ffff:10.0.0.1]",
        "[::ffff:127.0.0.1]",
        "[fe80::1%25lo]",
        "0x7f.1",
        "2130706433",
        "127.1",
        "0",
        "localhost",
        "localhost.",
        "127.0.0.1.",
    ],
)
async def test_an_address_of_this_machine_is_not_called_in_any_notation(webhook: Webhook, host: str) -> None:
    port = webhook.url.split(":")[-1]
    told = await sender(development=False).send(f"http://{host}:{port}", b"{}", HEADERS)
    assert told is not None
    assert told.startswith("not sent: ")
    assert webhook.got == []


async def test_a_host_that_resolves_differently_the_second_time_is_called_at_the_checked_address(
    webhook: Webhook,
) -> None:
    """DNS rebinding: the first answer is harmless, the second is the victim."""
    port = int(webhook.url.split(":")[-1].split("/")[0])
    names = ScriptedResolver([HOST], ["127.0.0.99"])
    url = f"http://hook.bank.example:{port}/hook"
    assert await sender(resolver=names).send(url, b"{}", HEADERS) is None
    assert names.asked == [("hook.bank.example", port)]
    [got] = webhook.got
    assert got.headers["host"] == f"hook.bank.example:{port}"
    assert await sender(development=False, resolver=ScriptedResolver(["8.8.8.8", HOST], [HOST])).send(
        url, b"{}", HEADERS
    ) == (NOT_PUBLIC)
    assert len(webhook.got) == 1


async def test_the_certificate_is_checked_for_the_host_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = make_certificate(tmp_path, name=x509.DNSName("hook.bank.example"))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    async with serve_tls(file, answer_with(reply(204))) as server:
        port = server.url.rsplit(":", 1)[1]
        sends = sender(resolver=ScriptedResolver([HOST]))
        assert await sends.send(f"https://hook.bank.example:{port}/hook", b"{}", HEADERS) is None
        assert server.names == ["hook.bank.example"]
        told = await sends.send(f"https://other.example:{port}/hook", b"{}", HEADERS)
        assert told == "AGENCY_UNAVAILABLE: ClientConnectorCertificateError"
        told = await sends.send(f"{server.url}/hook", b"{}", HEADERS)
        assert told == "AGENCY_UNAVAILABLE: ClientConnectorCertificateError"
    assert len(server.asked) == 1


async def test_an_unknown_or_slow_host_name_ends_in_time() -> None:
    async def unknown(_host: str, _port: int) -> Sequence[str]:
        raise OSError(-2, "bank.example: Name or service not known")

    async def silent(_host: str, _port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    told = await sender(resolver=unknown).send("https://bank.example/hook", b"{}", HEADERS)
    assert told == "not sent: the host cannot be looked up (OSError)"
    told = await sender(timeout=0.05, resolver=silent).send("https://bank.example/hook", b"{}", HEADERS)
    assert told == "not sent: the host cannot be looked up (TimeoutError)"
