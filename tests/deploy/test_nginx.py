"""The sample nginx configuration: what reaches the hub, and what does not."""

from __future__ import annotations

import http.client
import http.server
import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.fakes.waiting import block_until
from tests.plugins.optional_programs import FindProgram
from tests.sandbox_agencies import HOST, ROOT, free_port
from web.client_certificate import parse_thumbprint

SAMPLE = (ROOT / "deploy" / "nginx" / "simpul.conf").read_text(encoding="utf-8")
NAME = "simpul.example.go.id"
_MAIN = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/simpul.conf;
}}
"""


class EchoHandler(http.server.BaseHTTPRequestHandler):
    """Replaces the hub: returns the path and headers of the request."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = json.dumps({"path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@dataclass(frozen=True, slots=True)
class NginxFront:
    """A running nginx."""

    port: int
    certificate: Path
    key: Path

    def get(self, path: str, *, certified: bool = False, **headers: str) -> tuple[int, str]:
        """Send a request; returns status and body."""
        context = ssl.create_default_context(cafile=str(self.certificate))
        context.check_hostname = False
        if certified:
            context.load_cert_chain(self.certificate, self.key)
        with closing(http.client.HTTPSConnection(HOST, self.port, context=context, timeout=10)) as connection:
            sent = {"Host": NAME, **{name.replace("_", "-"): value for name, value in headers.items()}}
            connection.request("GET", path, headers=sent)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def get_seen_headers(self, path: str = "/graphql", *, certified: bool = False, **headers: str) -> dict[str, str]:
        """The headers that reach the hub."""
        status, body = self.get(path, certified=certified, **headers)
        assert status == 200
        found: dict[str, str] = json.loads(body)["headers"]
        return found


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


@pytest.fixture(scope="module")
def front(program: FindProgram) -> Iterator[NginxFront]:
    nginx, openssl = str(program("nginx")), shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    with TemporaryDirectory() as name, http.server.ThreadingHTTPServer((HOST, 0), EchoHandler) as echo:
        folder = Path(name)
        folder.chmod(0o755)  # nginx's workers run as another user
        threading.Thread(target=echo.serve_forever, daemon=True).start()
        certificate, key = folder / "certificate.pem", folder / "key.pem"
        subprocess.run(  # noqa: S603 - found on the path
            [
                *(openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
                *("-days", "2", "-subj", f"/CN={NAME}", "-keyout", str(key), "-out", str(certificate)),
            ],
            check=True,
            capture_output=True,
        )
        port = free_port()
        own = SAMPLE
        for sample, here in (
            ("server 127.0.0.1:8000 ", f"server {HOST}:{echo.server_address[1]} "),
            ("    listen 80;\n    listen [::]:80;\n", f"    listen {HOST}:{free_port()};\n"),
            ("    listen 443 ssl;\n    listen [::]:443 ssl;\n", f"    listen {HOST}:{port} ssl;\n"),
            ("/etc/ssl/simpul/fullchain.pem", str(certificate)),
            ("/etc/ssl/simpul/privkey.pem", str(key)),
            ("/var/log/nginx/simpul.error.log", f"{folder}/simpul.error.log"),
        ):
            assert sample in own, sample
            own = own.replace(sample, here)
        (folder / "simpul.conf").write_text(own)
        (folder / "nginx.conf").write_text(_MAIN.format(folder=folder))
        command = [nginx, "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
        tried = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)  # noqa: S603 - nginx
        assert tried.returncode == 0, tried.stderr
        running = subprocess.Popen(command, stderr=subprocess.DEVNULL, env={"PATH": os.defpath})  # noqa: S603 - nginx
        try:
            block_until(lambda: is_listening(port), "nginx")
            yield NginxFront(port, certificate, key)
        finally:
            running.terminate()
            running.wait(10)
            echo.shutdown()


def test_the_hub_gets_the_requested_host_and_the_clients_address_only(front: NginxFront) -> None:
    seen = front.get_seen_headers(X_Forwarded_For="203.0.113.9")
    assert (seen["host"], seen["x-forwarded-for"]) == (NAME, HOST)


def test_a_certificate_in_a_clients_header_never_reaches_the_hub(front: NginxFront) -> None:
    assert "x-client-certificate" not in front.get_seen_headers(X_Client_Certificate="made-up")


def test_a_certificate_whose_key_the_client_has_reaches_the_hub(front: NginxFront) -> None:
    header = front.get_seen_headers(certified=True, X_Client_Certificate="made-up")["x-client-certificate"]
    raw = ssl.PEM_cert_to_DER_cert(front.certificate.read_text())
    assert parse_thumbprint(header) == parse_thumbprint(sha256(raw).hexdigest())


@pytest.mark.parametrize("path", ["/metrics", "/health/live", "/health/ready"])
def test_private_paths_are_not_public(front: NginxFront, path: str) -> None:
    assert front.get(path)[0] == 404


def test_other_paths_reach_the_hub(front: NginxFront) -> None:
    for path in ("/", "/graphql?query=x", "/me/export", "/consents"):
        status, body = front.get(path)
        assert (status, json.loads(body)["path"]) == (200, path)
