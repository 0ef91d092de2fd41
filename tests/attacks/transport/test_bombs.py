"""Small bodies that expand to large ones: callers' are not read, an agency's only fail that agency's fields.

The hub of these tests has a malicious agency for complaints, prices and taxes; the register works.
"""

from __future__ import annotations

import asyncio
import gzip
import resource
import struct
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import reduce
from pathlib import Path

import aiohttp
import pytest

from auth.tokens.development_issuer import DevelopmentIssuer
from tests.attacks.conftest import PRODUCTION
from tests.journeys.hub import HubClient, RunningCity, build_settings, running_hub
from tests.sandbox_agencies import HOST

TIMEOUT = 20
MAX_MEMORY_KIB = 256 * 1024
"""KiB by which the process may grow; each bomb below expands to a gigabyte at least."""
ASKS = b'{"query": "{ __typename }"}'
QUESTIONS = {
    "crm": "{ it: complaintCategories { name } me { name } }",
    "pangan": "{ it: markets { name } me { name } }",
    "pbb": "{ me { name it: taxObjects { nop } } }",
}


class BadAgency:
    """Answers each request with the same bytes, and records the requests."""

    def __init__(self) -> None:
        self.response = b""
        self.url = ""
        self.asked: list[bytes] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.asked.append(head.partition(b"\r\n")[0])
            for line in head.split(b"\r\n"):
                if line.lower().startswith(b"content-length:"):
                    await reader.readexactly(int(line.partition(b":")[2]))
            for start in range(0, len(self.response), 65_536):
                writer.write(self.response[start : start + 65_536])
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()


@asynccontextmanager
async def run_bad_agency() -> AsyncIterator[BadAgency]:
    agency = BadAgency()
    server = await asyncio.start_server(agency.answer, HOST, 0)
    agency.url = f"http://{HOST}:{server.sockets[0].getsockname()[1]}"
    try:
        yield agency
    finally:
        server.close()
        await server.wait_closed()


@pytest.fixture(scope="module")
async def bad() -> AsyncIterator[BadAgency]:
    async with run_bad_agency() as agency:
        yield agency


@pytest.fixture(scope="module")
async def hub(
    bad: BadAgency, city: RunningCity, state_url: str, city_issuer: DevelopmentIssuer, hub_folder: Path
) -> AsyncIterator[HubClient]:
    settings = build_settings(
        city,
        state_url=state_url,
        issuer=city_issuer,
        folder=hub_folder,
        **PRODUCTION,
        variables={
            "SIMPUL_CRM_URL": bad.url,
            "SIMPUL_PANGAN_URL": bad.url,
            "SIMPUL_PBB_URL": f"{bad.url}/services/pbb",
        },
    )
    async with running_hub(settings, city_issuer) as running:
        yield running


def reply(body: bytes, *, media_type: str = "application/json", **headers: str) -> bytes:
    lines = {"Content-Type": media_type, "Content-Length": str(len(body)), "Connection": "close"}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in (lines | named).items())
    return f"HTTP/1.1 200 OK\r\n{head}\r\n".encode() + body


def zeros(gigabytes: int, wbits: int) -> bytes:
    """JSON with this many blanks, compressed to a thousandth: as gzip, deflate or raw deflate (see zlib)."""
    megabyte = b" " * 1024 * 1024
    packing = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    # Compressed once and repeated, because a block after a full flush is independent. A gigabyte would take seconds.
    packed = packing.compress(megabyte) + packing.flush(zlib.Z_FULL_FLUSH)
    bare = packed * (gigabytes * 1024) + packing.flush()
    if wbits < 0:
        return bare
    if wbits > zlib.MAX_WBITS:
        checksum = reduce(lambda sum_so_far, _: zlib.crc32(megabyte, sum_so_far), range(gigabytes * 1024), 0)
        return gzip.compress(b"")[:10] + bare + struct.pack("<II", checksum, gigabytes * 1024**3)
    checksum = reduce(lambda sum_so_far, _: zlib.adler32(megabyte, sum_so_far), range(gigabytes * 1024), 1)
    return zlib.compress(b"", 9)[:2] + bare + struct.pack(">I", checksum)


ENVELOPE = '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{0}</s:Body></s:Envelope>'
LAUGHS = "".join(f'<!ENTITY l{n} "{entity * 10}">' for n in range(1, 10) for entity in [f"&l{n - 1};"])
ATTRIBUTES = " ".join(f"b{n}=''" for n in range(100_000))
NAMESPACES = " ".join(f"xmlns:b{n}='u{n}'" for n in range(50_000))
XML = {
    "a billion laughs": f'<!DOCTYPE x [<!ENTITY l0 "lol">{LAUGHS}]>' + ENVELOPE.format("<a>&l9;</a>"),
    "quadratic blowup": f'<!DOCTYPE x [<!ENTITY a "{"a" * 50_000}">]>' + ENVELOPE.format(f"<a>{'&a;' * 50_000}</a>"),
    "entities of parameters": "<!DOCTYPE x [<!ENTITY % a \"<!ENTITY b 'c'>\"> %a;]>" + ENVELOPE.format("<a>&b;</a>"),
    "a file": '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + ENVELOPE.format("<a>&a;</a>"),
    "an address": '<!DOCTYPE x [<!ENTITY a SYSTEM "URL/stolen">]>' + ENVELOPE.format("<a>&a;</a>"),
    "an outer DTD": '<!DOCTYPE x SYSTEM "URL/dtd">' + ENVELOPE.format("<a/>"),
    "parameters from outside": '<!DOCTYPE x [<!ENTITY % a SYSTEM "URL/stolen"> %a;]>' + ENVELOPE.format("<a/>"),
    "an inclusion": ENVELOPE.format(
        '<x:include xmlns:x="http://www.w3.org/2001/XInclude" href="URL/stolen" parse="text"/>'
    ),
    "a stylesheet": '<?xml-stylesheet type="text/xsl" href="URL/stolen"?>' + ENVELOPE.format("<a/>"),
    "a place of a schema": ENVELOPE.format(
        '<a xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:schemaLocation="x URL/stolen"/>'
    ),
    "depth": ENVELOPE.format("<a>" * 200_000 + "</a>" * 200_000),
    "attributes": ENVELOPE.format(f"<a {ATTRIBUTES}/>"),
    "namespaces": ENVELOPE.format(f"<a {NAMESPACES}/>"),
}
JSON: Mapping[str, bytes] = {
    "depth of lists": b"[" * 2_000_000 + b"]" * 2_000_000,
    "depth of objects": b'{"a":' * 500_000 + b"1" + b"}" * 500_000,
    "unclosed": b"[" * 4_000_000,
    "one long number": b'{"data": ' + b"9" * 4_000_000 + b"}",
    "one long exponent": b'{"data": [{"market_id": 1e999999999}]}',
    "many members": b'{"data": {' + b",".join(b'"a%d":1' % n for n in range(300_000)) + b"}}",
}
UNPACKED: Mapping[str, Callable[[], bytes]] = {
    "gzip": lambda: reply(zeros(1, 16 + zlib.MAX_WBITS), Content_Encoding="gzip"),
    "deflate": lambda: reply(zeros(1, zlib.MAX_WBITS), Content_Encoding="deflate"),
    "bare deflate": lambda: reply(zeros(1, -zlib.MAX_WBITS), Content_Encoding="deflate"),
    "gzip in gzip": lambda: reply(gzip.compress(zeros(1, 16 + zlib.MAX_WBITS)), Content_Encoding="gzip, gzip"),
    "ten thousand members": lambda: reply(gzip.compress(b"") * 10_000, Content_Encoding="gzip"),
    "brotli": lambda: reply(b"\x0b\x02\x80[]\x03", Content_Encoding="br"),
    "no gzip at all": lambda: reply(b"[]", Content_Encoding="gzip"),
    "a length beyond all": lambda: reply(b"[]", Content_Length=str(2**62)),
    "nine megabytes": lambda: reply(b"[" + b" " * 9 * 1024 * 1024 + b"]"),
}


async def assert_it_costs_its_own_field(hub: HubClient, agency: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with asyncio.timeout(TIMEOUT):
        answer = await hub.ask(QUESTIONS[agency], caller="siti")
    it = answer.data["me"].get("it") if agency == "pbb" else answer.data["it"]
    assert answer.data["me"]["name"] == "Siti Rahmawati"
    assert it is None
    ((path, code),) = answer.errors
    assert path.endswith("it")
    assert code in {"AGENCY_MALFORMED", "AGENCY_UNAVAILABLE"}  # the latter at the end of the input
    assert answer.body["errors"][0]["extensions"]["agency"] == agency
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MAX_MEMORY_KIB


@pytest.mark.parametrize("agency", ["crm", "pbb"])
@pytest.mark.parametrize("name", UNPACKED)
async def test_a_body_that_decompresses_beyond_the_limit(
    hub: HubClient, bad: BadAgency, name: str, agency: str
) -> None:
    bad.response = UNPACKED[name]()
    await assert_it_costs_its_own_field(hub, agency)


@pytest.mark.parametrize("agency", ["crm", "pangan"])
@pytest.mark.parametrize("name", JSON)
async def test_json_that_nests_or_grows_beyond_the_limit(
    hub: HubClient, bad: BadAgency, name: str, agency: str
) -> None:
    bad.response = reply(JSON[name])
    await assert_it_costs_its_own_field(hub, agency)


@pytest.mark.parametrize("name", XML)
async def test_xml_that_expands_or_loads_external_entities(hub: HubClient, bad: BadAgency, name: str) -> None:
    bad.asked.clear()
    bad.response = reply(XML[name].replace("URL", bad.url).encode(), media_type="text/xml")
    await assert_it_costs_its_own_field(hub, "pbb")
    assert {line.split(b" ")[1] for line in bad.asked} == {b"/services/pbb"}


async def test_redirects_of_an_agency_are_not_followed(hub: HubClient, bad: BadAgency) -> None:
    for status in (301, 302, 303, 307, 308):
        bad.asked.clear()
        bad.response = f"HTTP/1.1 {status} Moved\r\nLocation: {bad.url}/stolen\r\nContent-Length: 0\r\n\r\n".encode()
        for question in QUESTIONS.values():
            answer = await hub.ask(question, caller="siti")
            assert answer.data["me"]["name"] == "Siti Rahmawati"
            assert all(code.startswith("AGENCY_") for _, code in answer.errors)
            assert len(answer.errors) == 1
        assert not [line for line in bad.asked if b"stolen" in line]


@pytest.mark.parametrize(
    "encoding",
    [
        "gzip",
        "deflate",
        "br",
        "zstd",
        "x-gzip",
        "compress",
        "gzip, gzip",
        "identity, gzip",
        "GZIP",
        "unknown",
        "gzip;q=0",
    ],
)
async def test_a_compressed_request_is_not_unpacked(hub: HubClient, encoding: str) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": encoding}
    for body in (gzip.compress(ASKS), ASKS, zeros(0, 31) + gzip.compress(b"{" * 10_000_000)):
        async with aiohttp.request("POST", f"{hub.url}/graphql", data=body, headers=headers) as response:
            assert response.status == 415
            assert (await response.json())["errors"][0]["extensions"]["code"] == "UNSUPPORTED_MEDIA_TYPE"


@pytest.mark.parametrize(
    "body", [b"[" * 900_000, b'{"variables":' * 60_000, b'{"query":"' + b"\\u0000" * 150_000 + b'"}']
)
async def test_a_deeply_nested_or_large_request_is_refused(hub: HubClient, body: bytes) -> None:
    async with aiohttp.request(
        "POST", f"{hub.url}/graphql", data=body, headers={"Content-Type": "application/json"}
    ) as response:
        assert response.status in {200, 400}
        codes = [each["extensions"]["code"] for each in (await response.json())["errors"]]
        assert codes in (["BAD_REQUEST"], ["GRAPHQL_PARSE_FAILED"])
