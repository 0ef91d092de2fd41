"""Sealed replies: encrypted by `openssl` with the key of the call that they answer, as BPJS Kesehatan does."""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from connectors.drivers.http.credentials.http_credential import HttpCredential
from connectors.drivers.http.credentials.request_signature import RequestSignature
from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.http.sealed.body_seal import BodySeal, Compression, Iv
from connectors.drivers.http.service import HttpLimits, HttpRequest, HttpService
from records.calls.failures import AgencyFailure, AgencyMalformed
from tests.connectors.drivers.byte_server import ByteServer, ReceivedRequest, Script, reply, serve_bytes
from tests.connectors.drivers.http.sealed.lz_vectors import PERSON, VECTORS
from tests.connectors.drivers.scripted_driver import both_ways, call

SECRET = "7uFaAd1234"
CONS_ID = "26411"
COMPRESSED = VECTORS[PERSON].encode()


def encrypt(plain: bytes, timestamp: str, *, iv: bytes | None = None) -> str:
    """The sealed text, by another implementation."""
    key = hashlib.sha256(f"{CONS_ID}{SECRET}{timestamp}".encode()).digest()
    start = key[:16] if iv is None else iv
    command = ["openssl", "enc", "-aes-256-cbc", "-K", key.hex(), "-iv", start.hex(), "-base64", "-A"]
    return subprocess.run(command, input=plain, capture_output=True, check=True).stdout.decode()  # noqa: S603 - a fixed program


def build_driver(
    url: str, *, compression: Compression = "lz_string", iv: Iv = "key", max_bytes: int = 10_000
) -> HttpDriver:
    signature = RequestSignature(
        key=SECRET.encode(),
        key_id=CONS_ID,
        signed="{key_id}&{timestamp}",
        headers={"X-timestamp": "{timestamp}", "X-signature": "{signature}"},
        encoding="base64",
    )
    seal = BodySeal(
        at=("response",), key=f"{{key_id}}{SECRET}{{timestamp}}", iv=iv, compression=compression, max_bytes=max_bytes
    )
    service = HttpService("bpjs", url, credential=HttpCredential(signature=signature), seal=seal)
    return HttpDriver(service, HttpLimits(deadline=5, connections=2, max_bytes=100_000))


@asynccontextmanager
async def run_driver(script: Script, **options: object) -> AsyncIterator[tuple[HttpDriver, ByteServer]]:
    async with serve_bytes(script) as server:
        driver = build_driver(server.url, **options)  # type: ignore[arg-type] # by name
        yield driver, server
        await driver.close()


async def ask(driver: HttpDriver, method: str = "GET") -> object:
    request = HttpRequest(method, "Peserta", body=b"{}" if method == "POST" else None)
    return await driver.ask_value(request, call(), lambda _, value: value)


def answer_sealed(plain: bytes) -> Script:
    async def script(asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        sealed = encrypt(plain, asked.headers["x-timestamp"])
        writer.write(reply(200, json.dumps({"metaData": {"code": "200"}, "response": sealed}).encode()))

    return script


def answer_json(value: object) -> Script:
    async def script(_asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(200, json.dumps(value).encode()))

    return script


@both_ways
async def test_a_sealed_and_compressed_reply_is_opened(method: str) -> None:
    async with run_driver(answer_sealed(COMPRESSED)) as (driver, _):
        assert await ask(driver, method) == {"metaData": {"code": "200"}, "response": json.loads(PERSON)}


async def test_each_reply_is_opened_with_the_time_of_its_call() -> None:
    moments = iter(datetime(2026, 11, 30, tzinfo=UTC) + timedelta(hours=each) for each in range(9))
    async with run_driver(answer_sealed(b"[1]"), compression="none") as (driver, server):
        object.__setattr__(driver._credential.signature, "read_clock", lambda: next(moments))
        answers = await asyncio.gather(*(ask(driver) for _ in range(4)))
    assert [each["response"] for each in answers] == [[1]] * 4  # type: ignore[index] # a table
    assert len({each.headers["x-timestamp"] for each in server.asked}) == 4


async def test_the_first_block_can_be_the_initialization_vector() -> None:
    async def script(asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        start = bytes(range(16))
        secret = b64decode(encrypt(b'{"a": 1}', asked.headers["x-timestamp"], iv=start))
        sealed = b64encode(start + secret)
        writer.write(reply(200, b'{"response": "' + sealed + b'"}'))

    async with run_driver(script, compression="none", iv="first_block") as (driver, _):
        assert await ask(driver) == {"response": {"a": 1}}


@pytest.mark.parametrize("empty", [None, "", 7, [], {"nik": "1"}], ids=str)
async def test_what_is_no_text_stays_as_it_is(empty: object) -> None:
    refused = {"metaData": {"code": "201", "message": "Peserta Tidak Ditemukan"}, "response": empty}
    async with run_driver(answer_json(refused)) as (driver, _):
        assert await ask(driver) == refused


@pytest.mark.parametrize("body", [{}, [], None, "response", {"metaData": {}}], ids=str)
async def test_a_reply_without_a_sealed_part_stays_as_it_is(body: object) -> None:
    async with run_driver(answer_json(body)) as (driver, _):
        assert await ask(driver) == body


async def find_problem(script: Script, **options: object) -> str:
    async with run_driver(script, **options) as (driver, _):
        with pytest.raises(AgencyFailure) as caught:
            await ask(driver)
    assert isinstance(caught.value, AgencyMalformed)
    assert SECRET not in f"{caught.value} {caught.value.detail} {driver!r} {driver._seal!r}"
    return caught.value.detail


NOT_OPENED = "the body of an HTTP 200 reply holds a sealed text that the key of this call does not open"


@pytest.mark.parametrize("sealed", ["no base64!", "AAAA", "A" * 43 + "=", "é"])
async def test_a_text_that_the_key_does_not_open_is_malformed(sealed: str) -> None:
    assert await find_problem(answer_json({"response": sealed})) == NOT_OPENED


async def test_a_reply_sealed_for_another_moment_is_malformed() -> None:
    async def script(_asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(200, json.dumps({"response": encrypt(COMPRESSED, "1433142710")}).encode()))

    assert "not open" in (problem := await find_problem(script)) or "compressed" in problem


@pytest.mark.parametrize(
    ("plain", "problem"),
    [
        (b"N4Ig", "not compressed, or breaks off"),
        ("é".encode(), "does not open"),
        (VECTORS["a" * 30].encode(), "is not JSON"),
    ],
    ids=["cut", "no ascii", "no json"],
)
async def test_what_is_not_compressed_json_is_malformed(plain: bytes, problem: str) -> None:
    assert problem in await find_problem(answer_sealed(plain))


async def test_more_than_the_maximum_after_decompression_is_malformed() -> None:
    assert "of more than 20 characters" in await find_problem(answer_sealed(COMPRESSED), max_bytes=20)
