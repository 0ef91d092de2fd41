"""Client certificates (mutual TLS): shown over both kinds of connections, and loaded again when their files change."""

import asyncio
import logging
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from connectors.drivers.http.credentials.client_certificate import (
    CertificateFiles,
    ClientCertificate,
    UnusableCertificate,
)
from connectors.drivers.http.credentials.client_tokens import ClientTokens, Oauth2Client
from connectors.drivers.http.credentials.http_credential import HttpCredential
from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.http.read_connections import build_tls_context
from connectors.drivers.http.service import HttpLimits, HttpRequest, HttpService
from records.calls.failures import AgencyUnavailable
from tests.connectors.drivers.byte_server import ByteServer, ReceivedRequest, reply
from tests.connectors.drivers.certificates import make_certificate, serve_tls
from tests.connectors.drivers.scripted_driver import both_ways, call

LOOPBACK = x509.IPAddress(ip_address("127.0.0.1"))


def make_client(folder: Path, name: str, *, days: int = 1) -> Path:
    """A client certificate with its key in one file, which its owner alone can read."""
    folder.mkdir()
    made = make_certificate(folder, name=x509.DNSName(name), days=days)
    made.chmod(0o600)
    return made


def read_serial(path: Path) -> int:
    return x509.load_pem_x509_certificate(path.read_bytes()).serial_number


class ServerFolder:
    """A server that serves two clients, and the files of the first."""

    def __init__(self, folder: Path) -> None:
        self.first, self.second = make_client(folder / "first", "first"), make_client(folder / "second", "second")
        self.stranger = make_client(folder / "stranger", "stranger")
        (folder / "server").mkdir()
        self.server = make_certificate(folder / "server", name=LOOPBACK)
        self.clients = folder / "clients.pem"
        self.clients.write_bytes(self.first.read_bytes() + self.second.read_bytes())
        self.used = folder / "used.pem"
        shutil.copy2(self.first, self.used)
        self.clock = [0.0]
        self.serials: list[int] = []

    @property
    def files(self) -> CertificateFiles:
        return CertificateFiles(certificate=self.used, key=self.used)

    def replace_by(self, other: Path) -> None:
        """Replace the files as an operator or a certificate manager does: by renaming."""
        fresh = self.used.with_suffix(".new")
        shutil.copy2(other, fresh)
        fresh.replace(self.used)

    def load(self) -> ClientCertificate:
        return ClientCertificate("crm", self.files, build_tls_context, clock=lambda: self.clock[0])

    @asynccontextmanager
    async def serve(self, certificate: ClientCertificate) -> AsyncIterator[tuple[HttpDriver, ByteServer]]:
        async def script(_asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
            shown = writer.get_extra_info("ssl_object").getpeercert()
            self.serials.append(int(shown["serialNumber"], 16))
            writer.write(reply(200, b'{"access_token": "t-1", "token_type": "Bearer"}'))

        async with serve_tls(self.server, script, clients=self.clients) as server:
            service = HttpService("crm", server.url, credential=HttpCredential(certificate=certificate))
            driver = HttpDriver(service, HttpLimits(deadline=5, connections=2, max_bytes=1000))
            try:
                yield driver, server
            finally:
                await driver.close()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ServerFolder:
    found = ServerFolder(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(found.server))
    return found


async def ask(driver: HttpDriver, method: str, times: int = 1) -> None:
    for _ in range(times):
        assert (await driver.send(HttpRequest(method, "/", repeatable=True), call())).status == 200


@both_ways
async def test_the_certificate_is_shown_to_the_agency(folder: ServerFolder, method: str) -> None:
    async with folder.serve(folder.load()) as (driver, server):
        await ask(driver, method, times=2)
        assert server.connections == 1
    assert folder.serials == [read_serial(folder.first)] * 2


@both_ways
async def test_an_agency_that_does_not_know_the_certificate_is_unavailable(folder: ServerFolder, method: str) -> None:
    folder.replace_by(folder.stranger)
    async with folder.serve(folder.load()) as (driver, _):
        with pytest.raises(AgencyUnavailable):
            await ask(driver, method)
    assert folder.serials == []


@both_ways
async def test_changed_files_are_used_within_ten_seconds_without_a_restart(folder: ServerFolder, method: str) -> None:
    certificate = folder.load()
    async with folder.serve(certificate) as (driver, server):
        await ask(driver, method)
        folder.replace_by(folder.second)
        folder.clock[0] += 9.9
        await ask(driver, method)
        folder.clock[0] += 0.1
        await ask(driver, method, times=2)
        assert server.connections == 2
    first, second = read_serial(folder.first), read_serial(folder.second)
    assert folder.serials == [first, first, second, second]


@both_ways
async def test_a_call_under_way_ends_with_the_earlier_certificate(folder: ServerFolder, method: str) -> None:
    certificate = folder.load()
    async with folder.serve(certificate) as (driver, server):
        await ask(driver, method)
        server.busy.clear()
        running = asyncio.create_task(ask(driver, method))
        await server.busy.wait()
        folder.replace_by(folder.second)
        folder.clock[0] += 10
        await asyncio.gather(running, ask(driver, method))
        await ask(driver, method)
    assert folder.serials[-1] == read_serial(folder.second)


@both_ways
async def test_unusable_new_files_leave_the_earlier_certificate_in_use(
    folder: ServerFolder, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    certificate = folder.load()
    async with folder.serve(certificate) as (driver, _):
        folder.used.write_text("rusak")
        folder.clock[0] += 10
        with caplog.at_level(logging.ERROR):
            await ask(driver, method, times=2)
        folder.used.unlink()
        folder.clock[0] += 10
        await ask(driver, method)
    assert folder.serials == [read_serial(folder.first)] * 3
    assert [each.getMessage() for each in caplog.records] == [
        "The new client certificate for agency crm is not used: certificate: the file holds no certificate in PEM"
    ]


async def test_a_token_endpoint_can_ask_for_the_certificate(folder: ServerFolder) -> None:
    certificate = folder.load()
    async with folder.serve(certificate) as (_, server):
        client = Oauth2Client(token_url=f"{server.url}/token", client_id="simpul", authentication="tls_client_auth")
        tokens = ClientTokens("crm", client, HttpCredential(certificate=certificate))
        assert await tokens.get_token(call().deadline) == "t-1"
        await tokens.close()
        [asked] = server.asked
    assert asked.body == b"grant_type=client_credentials&client_id=simpul"
    assert "authorization" not in asked.headers


def test_the_chain_expires_with_its_first_certificate(tmp_path: Path) -> None:
    long, short = make_client(tmp_path / "a", "a", days=90), make_client(tmp_path / "b", "b", days=20)
    chain = tmp_path / "chain.pem"
    chain.write_bytes(long.read_bytes() + short.read_bytes())
    expiry = x509.load_pem_x509_certificate(short.read_bytes()).not_valid_after_utc.timestamp()
    assert CertificateFiles(certificate=chain, key=long).read_expiry() == expiry


def test_the_expiry_follows_the_files(folder: ServerFolder, tmp_path: Path) -> None:
    certificate = folder.load()
    later = make_client(tmp_path / "later", "later", days=90)
    before = certificate.expires_at
    folder.replace_by(later)
    folder.clock[0] += 10
    assert round((certificate.expires_at - before) / 86_400) == 89


def encrypt_key(source: Path, target: Path) -> Path:
    key = serialization.load_pem_private_key(source.read_bytes(), None)
    target.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"sandi"),
        )
    )
    target.chmod(0o600)
    return target


def test_files_that_cannot_be_used_are_refused_with_the_fix(folder: ServerFolder, tmp_path: Path) -> None:
    def find_problem(certificate: Path, key: Path) -> tuple[str, str]:
        with pytest.raises(UnusableCertificate) as caught:
            ClientCertificate("crm", CertificateFiles(certificate=certificate, key=key), build_tls_context)
        return caught.value.file, caught.value.problem

    missing = tmp_path / "none"
    assert find_problem(missing, folder.first) == ("certificate", "the file cannot be read: No such file or directory")
    assert find_problem(folder.first, missing) == ("key", "the file cannot be read: No such file or directory")
    unfit = ("key", "it is not the unencrypted private key of the certificate, in PEM")
    assert find_problem(folder.first, folder.second) == unfit
    assert find_problem(folder.first, encrypt_key(folder.first, tmp_path / "encrypted.pem")) == unfit
    for mode in (0o604, 0o602, 0o644):
        folder.second.chmod(mode)
        assert find_problem(folder.second, folder.second) == (
            "key",
            f"every user can read or change it: chmod 640 {folder.second}",
        )
    folder.second.chmod(0o640)
    files = CertificateFiles(certificate=folder.second, key=folder.second)
    assert repr(ClientCertificate("crm", files, build_tls_context)) == "<ClientCertificate crm>"
