"""HTTPS: the certificates that the driver trusts, for both kinds of connections, with temporary certificates."""

import asyncio
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path

import pytest
import uvloop
from cryptography import x509

from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.http.read_connections import build_tls_context, get_tls_context
from connectors.drivers.http.service import HttpLimits, HttpRequest, HttpService
from records.calls.failures import AgencyFailure, AgencyTimeout, AgencyUnavailable
from tests.connectors.drivers.byte_server import answer_with, reply
from tests.connectors.drivers.certificates import make_certificate, serve_tls
from tests.connectors.drivers.scripted_driver import both_ways, call


async def asked(url: str, method: str, *, times: int = 1, seconds: float = 5) -> list[bytes]:
    driver = HttpDriver(HttpService("crm", url, headers={}), HttpLimits(deadline=5, connections=2, max_bytes=100_000))
    try:
        return [(await driver.send(HttpRequest(method, "/"), call(seconds))).body for _ in range(times)]
    finally:
        await driver.close()


LOOPBACK = x509.IPAddress(ip_address("127.0.0.1"))


@both_ways
async def test_a_trusted_agency_is_called_over_one_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    file = make_certificate(tmp_path, name=LOOPBACK)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    async with serve_tls(file, answer_with(reply(200, b"x" * 90_000))) as server:
        assert await asked(server.url, method, times=3) == [b"x" * 90_000] * 3
    assert (len(server.asked), server.connections) == (3, 1)


@both_ways
@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_a_body_in_chunks_of_one_byte_is_complete_if_the_connection_ends_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    file = make_certificate(tmp_path, name=LOOPBACK)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = head + b"1\r\nx\r\n" * 90_000 + b"0\r\n\r\n"

    async def test() -> None:
        async with serve_tls(file, answer_with(answer, then_hang_up=True)) as server:
            assert await asked(server.url, method, times=2) == [b"x" * 90_000] * 2

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(asyncio.wait_for(test(), 30))


@both_ways
@pytest.mark.parametrize("fault", ["unknown", "another name", "expired"])
async def test_nothing_is_sent_to_an_unverified_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, fault: str
) -> None:
    name = x509.DNSName("another.example") if fault == "another name" else LOOPBACK
    file = make_certificate(tmp_path, name=name, days=-1 if fault == "expired" else 1)
    if fault != "unknown":
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
    async with serve_tls(file, answer_with(reply(200, b"believe me"))) as server:
        with pytest.raises(AgencyFailure) as caught:
            await asked(server.url, method)
    assert isinstance(caught.value, AgencyUnavailable)
    assert caught.value.detail == "ClientConnectorCertificateError"
    assert caught.value.__context__ is None
    assert server.asked == []


@both_ways
async def test_a_server_without_tls_is_unavailable(method: str) -> None:
    async def words(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(words, "127.0.0.1", 0) as server:
        with pytest.raises(AgencyUnavailable) as caught:
            await asked(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}", method)
    assert caught.value.detail == "ClientConnectorSSLError"


@both_ways
async def test_the_deadline_covers_the_handshake(method: str) -> None:
    left = asyncio.Event()

    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(10_000):
            pass
        left.set()
        writer.close()

    async with await asyncio.start_server(deaf, "127.0.0.1", 0) as server:
        with pytest.raises(AgencyTimeout):
            await asked(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}", method, seconds=0.1)
        await asyncio.wait_for(left.wait(), 2)


@both_ways
async def test_a_dead_reused_connection_does_not_fail_a_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    file = make_certificate(tmp_path, name=LOOPBACK)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    async with serve_tls(file, answer_with(reply(200, b"ok"))) as server:
        driver = HttpDriver(
            HttpService("crm", server.url, headers={}), HttpLimits(deadline=5, connections=1, max_bytes=100)
        )
        await driver.send(HttpRequest(method, "/"), call())
        server.hang_up()
        assert (await driver.send(HttpRequest(method, "/", repeatable=True), call())).body == b"ok"
        await driver.close()
    assert server.connections == 2


def test_all_agencies_share_one_context_and_a_client_certificate_gets_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = get_tls_context()
    assert get_tls_context() is shared
    assert build_tls_context() is not shared  # into which the certificate is loaded
    monkeypatch.setenv("SSL_CERT_FILE", str(make_certificate(tmp_path, name=LOOPBACK)))
    assert get_tls_context() is not shared
    assert len(get_tls_context().get_ca_certs()) == 1
