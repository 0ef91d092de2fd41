"""Signed requests: each attempt has its own time and nonce, and the signature covers what was sent."""

import asyncio
import hashlib
import hmac
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from connectors.drivers.http.credentials.http_credential import HttpCredential
from connectors.drivers.http.credentials.request_signature import PARTS, RequestSignature, UnsignedRequest
from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.http.service import HttpLimits, HttpRequest, HttpService
from connectors.resilience.agency_terms import AgencyTerms
from connectors.resilience.gate import Gate
from tests.connectors.drivers.byte_server import ReceivedRequest, reply, serve_bytes
from tests.connectors.drivers.scripted_driver import both_ways, call

SECRET = "kunci-rahasia"
NOW = datetime(2026, 11, 29, 8, 5, 6, tzinfo=UTC)
ORDERS = HttpRequest("GET", "izin/1 2", query={"q": "a b"})
FORM = HttpRequest("POST", "izin", form={"nik": "1,2", "q": "é"}, repeatable=True)


def build_signature(signed: str = "{method}", **more: object) -> RequestSignature:
    settings = {"key": SECRET.encode(), "headers": {"X-Signature": "{signature}"}, "key_id": "simpul"}
    return RequestSignature(signed=signed, **(settings | more))  # type: ignore[arg-type] # by name


def build_driver(url: str, signature: RequestSignature, gate: Gate | None = None) -> HttpDriver:
    service = HttpService("crm", url, credential=HttpCredential(signature=signature))
    return HttpDriver(service, HttpLimits(deadline=5, connections=4, max_bytes=1000), gate=gate)


def expect_signature(text: str, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


ALL = build_signature(
    "\n".join(f"{{{part}}}" for part in PARTS),
    headers={"X-Signature": "{signature}", "X-Nonce": "{nonce}", "X-Digits": "{nonce_digits}"},
    read_clock=lambda: NOW,
)


@pytest.mark.parametrize(
    ("request_", "target", "body"),
    [(ORDERS, "/v1/izin/1%202?q=a+b", b""), (FORM, "/v1/izin", b"nik=1%2C2&q=%C3%A9")],
    ids=["own connections", "aiohttp"],
)
async def test_a_signature_covers_each_part_as_it_was_sent(request_: HttpRequest, target: str, body: bytes) -> None:
    async with serve_bytes(reply()) as server:
        driver = build_driver(f"{server.url}/v1", ALL)
        await driver.send(request_, call())
        await driver.close()
    [asked] = server.asked
    assert (asked.target, asked.body) == (target, body)
    path, _, query = target.partition("?")
    digest = hashlib.sha256(body)
    text = "\n".join(
        [
            *(asked.method, asked.headers["host"], path, query, "simpul", "", asked.headers["x-nonce"]),
            asked.headers["x-digits"],
            *("1795939506", "1795939506000", "Sun, 29 Nov 2026 08:05:06 GMT", "2026-11-29T08:05:06Z"),
            "2026-11-29T15:05:06+07:00",
            *(digest.hexdigest(), b64encode(digest.digest()).decode()),
        ]
    )
    assert asked.headers["x-signature"] == expect_signature(text)


def sign(signature: RequestSignature, body: bytes = b"") -> Mapping[str, str]:
    return signature.fill_headers(signature.sign(UnsignedRequest(method="GET", host="a", target="/b", body=body)))


def test_the_form_of_a_known_agency_can_be_declared() -> None:
    # The form of BPJS Kesehatan's services. Computed with `openssl dgst -sha256 -hmac secretkey -binary | base64`.
    signature = RequestSignature(
        key=b"secretkey",
        key_id="testtesttest",
        signed="{key_id}&{timestamp}",
        headers={"X-cons-id": "{key_id}", "X-timestamp": "{timestamp}", "X-signature": "{signature}"},
        encoding="base64",
        read_clock=lambda: datetime.fromtimestamp(1433142710, UTC),
    )
    assert sign(signature) == {
        "X-cons-id": "testtesttest",
        "X-timestamp": "1433142710",
        "X-signature": "xzegEovQ1XzDzv1LXgZoxyhkwD/cx3eDZA5/VUCfNhY=",
    }


@pytest.mark.parametrize(("algorithm", "digits"), [("sha1", 40), ("sha256", 64), ("sha384", 96), ("sha512", 128)])
def test_algorithms_have_their_length(algorithm: str, digits: int) -> None:
    assert len(sign(build_signature(algorithm=algorithm))["X-Signature"]) == digits


class TestAttempts:
    @both_ways
    async def test_a_retry_has_its_own_time_and_nonce(self, method: str) -> None:
        answered = 0
        moments = iter(NOW + timedelta(seconds=each) for each in range(10))

        async def script(_asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
            nonlocal answered
            answered += 1
            writer.write(reply(503 if answered == 1 else 200))

        signature = build_signature(
            "{timestamp}{nonce}",
            headers={"X-Signature": "{signature}", "X-Nonce": "{nonce}", "X-Time": "{timestamp}"},
            read_clock=lambda: next(moments),
        )
        gate = Gate("crm", AgencyTerms(deadline=5, max_concurrency=2, retries=1))
        async with serve_bytes(script) as server:
            driver = build_driver(server.url, signature, gate)
            await driver.send(HttpRequest(method, "a", repeatable=True), call())
            await driver.close()
        self.require_two_signatures(server.asked)

    @both_ways
    async def test_a_request_that_is_repeated_over_a_new_connection_is_signed_again(self, method: str) -> None:
        answered = 0

        async def script(_asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
            nonlocal answered
            answered += 1
            if answered == 2:
                writer.close()
            else:
                writer.write(reply(200, b"ok"))

        moments = iter(NOW + timedelta(seconds=each) for each in range(10))
        signature = build_signature(
            "{timestamp}{nonce}",
            headers={"X-Signature": "{signature}", "X-Nonce": "{nonce}", "X-Time": "{timestamp}"},
            read_clock=lambda: next(moments),
        )
        async with serve_bytes(script) as server:
            driver = build_driver(server.url, signature)
            for _ in range(2):
                assert (await driver.send(HttpRequest(method, "a", repeatable=True), call())).body == b"ok"
            await driver.close()
        assert len(server.asked) == 3
        self.require_two_signatures(server.asked[1:])

    @staticmethod
    def require_two_signatures(asked: list[ReceivedRequest]) -> None:
        [first, second] = [each.headers for each in asked]
        assert int(second["x-time"]) - int(first["x-time"]) == 1
        assert first["x-nonce"] != second["x-nonce"]
        for each in (first, second):
            assert each["x-signature"] == expect_signature(each["x-time"] + each["x-nonce"])


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"signed": "{methods}"}, r"^signed: \{methods\} is unknown; the parts are method, host, path"),
        ({"signed": "{signature}"}, r"^signed: \{signature\} is unknown"),
        ({"headers": {"X": "{nonce}"}}, r"^headers: none holds \{signature\}"),
        ({"headers": {"X": "{signature}{salt}"}}, r"^headers\.X: \{salt\} is unknown"),
        ({"headers": {"X": "{signature}\r\nY: 1"}}, r"^headers\.X: not a header that the hub can send"),
        ({"headers": {"Host": "{signature}"}}, r"^headers\.Host: not a header that the hub can send"),
        ({"headers": {"X": "{signature} é"}}, r"^headers\.X: not a header that the hub can send"),
        ({"key_id": "a\r\nY: 1"}, "^key_id: use letters"),
    ],
)
def test_a_declaration_that_cannot_be_sent_is_refused(changes: dict[str, object], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        build_signature(**changes)  # type: ignore[arg-type] # by name


def test_the_secret_is_not_shown() -> None:
    signature = build_signature()
    credential = HttpCredential(headers={"X": SECRET}, query={"k": SECRET}, form={"k": SECRET}, signature=signature)
    for each in (signature, credential, build_driver("http://127.0.0.1:9", signature)):
        assert SECRET not in repr(each)
