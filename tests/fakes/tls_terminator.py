"""An authority with its certificates, and a TLS end in front of a PostgreSQL server that has none.

The PostgreSQL of the wheel is built without OpenSSL, so TLS ends here, by PostgreSQL's own protocol (documentation,
"SSL Session Encryption"); what is behind is the real server.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.sandbox_agencies import HOST

_TLS_WANTED = (8).to_bytes(4, "big") + (80877103).to_bytes(4, "big")
"""What a client of PostgreSQL sends first where it wants TLS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificatePair:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path


class Authority:
    """Signs certificates; its own is in `file`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, folder.name)])
        signing = _builder(self._name, self._name, self._key.public_key()).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self._certificate = signing.add_extension(_USAGE, critical=True).sign(self._key, hashes.SHA256())
        self.file = folder / "authority.pem"
        self.file.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, host: str) -> CertificatePair:
        """A certificate for a host, by name or address."""
        try:
            name: x509.GeneralName = x509.IPAddress(ip_address(host))
        except ValueError:
            name = x509.DNSName(host)
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        signed = (
            _builder(subject, self._name, key.public_key())
            .add_extension(x509.SubjectAlternativeName([name]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        pair = CertificatePair(certificate=self._folder / f"{host}.pem", key=self._folder / f"{host}.key")
        pair.certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        pair.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return pair


_USAGE = x509.KeyUsage(
    digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
    key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
)  # fmt: skip


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder(issuer, subject, key, x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


@dataclass(slots=True)
class TlsTerminator:
    """What came to the end in front of a server."""

    port: int = 0
    encrypted: int = 0
    """Connections that asked for TLS."""
    plain: list[bytes] = field(default_factory=list)
    """What others sent first; none of them got to the server."""


@asynccontextmanager
async def run_tls_terminator(
    port: int, certificate: CertificatePair | None, *, client_authority: Authority | None = None
) -> AsyncIterator[TlsTerminator]:
    """TLS on a separate port, and the server at `port` behind; `certificate=None` says that there is no TLS."""
    context = None
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate.certificate, certificate.key)
        if client_authority is not None:
            context.load_verify_locations(client_authority.file)
            context.verify_mode = ssl.CERT_REQUIRED
    end, serving = TlsTerminator(), set[asyncio.Task[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            serving.add(task)
        try:
            with suppress(OSError, EOFError, ssl.SSLError, asyncio.CancelledError):
                await _serve(reader, writer)
        finally:
            writer.transport.abort()

    async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.readexactly(8)
        if first != _TLS_WANTED:
            end.plain.append(first)
            return
        end.encrypted += 1
        writer.write(b"N" if context is None else b"S")
        await writer.drain()
        if context is None:
            if rest := await reader.read(1024):
                end.plain.append(rest)
            return
        await writer.start_tls(context)
        behind_reader, behind_writer = await asyncio.open_connection(HOST, port)
        try:
            await asyncio.gather(_forward(reader, behind_writer), _forward(behind_reader, writer))
        finally:
            behind_writer.transport.abort()

    server = await asyncio.start_server(serve, HOST, 0)
    end.port = server.sockets[0].getsockname()[1]
    try:
        yield end
    finally:
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, ssl.SSLError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()
