"""The sample partner application of the page about consent."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from typing import IO

import pytest

from auth.crypto.webhook_signatures import WebhookSignatures
from tests.docs.pages import ROOT
from tests.fakes.clients import build_client

SIGNATURES = WebhookSignatures(b"0123456789abcdef0123456789abcdef")
BODY = b'{"type":"consent.granted"}'


class ReceiverProcess:
    def __init__(self, output: IO[str]) -> None:
        self.output = output
        self.port = int(output.readline().rpartition(":")[2])

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> int:
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request(method, path, body, headers)
            return connection.getresponse().status


@pytest.fixture
def receiver() -> Iterator[ReceiverProcess]:
    environment = {**os.environ, "SECRET": SIGNATURES.format_secret(build_client("kredit-nusantara"), 1)}
    with subprocess.Popen(  # noqa: S603 - the documentation's own program
        [sys.executable, str(ROOT / "docs" / "partners" / "receiver.py"), "0"],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield ReceiverProcess(process.stdout)
        finally:
            process.terminate()


@pytest.mark.parametrize("version", [1, 2])  # 2: during a change of the secret, with both signatures
def test_a_call_signed_by_the_hub_is_accepted_and_printed(receiver: ReceiverProcess, version: int) -> None:
    headers = SIGNATURES.build_headers(build_client("kredit-nusantara"), version, id_="msg_1", timestamp=1, body=BODY)
    assert receiver.ask("POST", "/webhooks", BODY, **headers) == 204
    assert receiver.output.readline() == 'webhook: {"type":"consent.granted"}\n'


@pytest.mark.parametrize(("client", "body"), [("pantau-kota", BODY), ("kredit-nusantara", b"{}")])
def test_a_call_signed_by_others_or_changed_is_refused(receiver: ReceiverProcess, client: str, body: bytes) -> None:
    headers = SIGNATURES.build_headers(build_client(client), 1, id_="msg_1", timestamp=1, body=BODY)
    assert receiver.ask("POST", "/webhooks", body, **headers) == 401
    assert receiver.output.readline() == "refused: the signature is not the hub's\n"


def test_a_returning_browser_is_printed_and_other_paths_are_not_found(receiver: ReceiverProcess) -> None:
    assert receiver.ask("GET", "/back?consent=1&state=application-17") == 200
    assert receiver.output.readline() == "came back: /back?consent=1&state=application-17\n"
    assert receiver.ask("GET", "/favicon.ico") == 404
