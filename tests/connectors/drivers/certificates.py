"""Certificates that are made here and end with the test, and a server that shows one."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.connectors.drivers.byte_server import ByteServer, Script


def make_certificate(folder: Path, *, name: x509.GeneralName, days: int = 1) -> Path:
    """A certificate for this name that signs itself, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    # Before Python 3.13, a server that trusts two certificates of one subject tries the first of them alone.
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, str(name.value))])
    now = datetime.now(UTC)
    signing = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=True, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([name]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(signing, critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "certificate.pem"
    file.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return file


@asynccontextmanager
async def serve_tls(file: Path, script: Script, *, clients: Path | None = None) -> AsyncIterator[ByteServer]:
    """With `clients`, only a client with one of these certificates is served."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=clients)
    tls.load_cert_chain(file)
    tls.verify_mode = ssl.CERT_NONE if clients is None else ssl.CERT_REQUIRED
    tls.set_alpn_protocols(["h2", "http/1.1"])
    running = ByteServer(script)
    tls.sni_callback = lambda _socket, name, _context: running.names.append(name or "")
    server = await asyncio.start_server(running.serve, "127.0.0.1", 0, ssl=tls)
    running.url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield running
    finally:
        server.close()
        running.hang_up()
        await server.wait_closed()
