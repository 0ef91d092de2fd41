"""Ambiguous requests (request smuggling), over raw connections to the server as it is run.

A proxy and the hub must agree where each request ends and what it contains. An ambiguous request is refused and the
connection closed, so that text after it is not taken for another request.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from tests.journeys.hub import HubClient, RunningCity

ASKS = b'{"query": "{ __typename }"}'
PERSONAL = b'{"query": "{ me { nik } }"}'
SITI = "3171014506909001"
TIMEOUT = 5


@dataclass(frozen=True, slots=True)
class WireAnswer:
    """A response as received."""

    status: int
    headers: dict[str, str]
    body: bytes


async def exchange(hub: HubClient, *sent: bytes, count: int = 1) -> list[WireAnswer]:
    """All responses to the pieces, at least `count`. Each further piece follows a response to the previous one."""
    address = urlsplit(hub.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    stream = b""
    try:
        async with asyncio.timeout(TIMEOUT):
            writer.write(sent[0])
            for piece in sent[1:]:
                stream += await reader.read(65_536)
                writer.write(piece)
            while len(read_all(stream)) < count and (more := await _read_more(reader)):
                stream += more
            if not reader.at_eof():
                writer.write_eof()
            while more := await _read_more(reader):
                stream += more
            return read_all(stream)
    finally:
        writer.close()


async def _read_more(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(65_536)
    except ConnectionResetError:  # closed before all was sent
        return b""


def read_all(stream: bytes) -> list[WireAnswer]:
    answers = []
    while stream:
        head, _, stream = stream.partition(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        length = int(headers.get("content-length", "0"))
        if not head or length > len(stream):
            break
        answers.append(WireAnswer(int(status.split()[1]), headers, stream[:length]))
        stream = stream[length:]
    return answers


def request(
    *lines: bytes, body: bytes = ASKS, length: bool = True, host: bool = True, start: bytes = b"POST /graphql HTTP/1.1"
) -> bytes:
    """A request with these header lines among the usual ones."""
    usual = [start, *([b"Host: 127.0.0.1"] if host else []), b"Content-Type: application/json"]
    usual += [b"Content-Length: %d" % len(body)] if length else []
    return b"\r\n".join([*usual, *lines, b"", b""]) + body


def bearer(hub: HubClient, caller: str = "siti") -> bytes:
    return f"Authorization: {hub.headers(caller)['Authorization']}".encode()


SECOND = request(b"X-Request-Id: smuggled-request")
CHUNKED = b"%x\r\n%b\r\n0\r\n\r\n" % (len(ASKS), ASKS)
BAD_FRAMING: dict[str, bytes] = {
    "a length and chunks": request(b"Transfer-Encoding: chunked", body=CHUNKED),
    "chunks and a length behind it": request(
        b"Transfer-Encoding: chunked", b"Content-Length: 4", body=CHUNKED, length=False
    ),
    "a length of the end of chunks": request(
        b"Transfer-Encoding: chunked", b"Content-Length: 5", body=b"0\r\n\r\n" + SECOND, length=False
    ),
    "two lengths": request(b"Content-Length: 3"),
    "one length twice": request(b"Content-Length: %d" % len(ASKS)),
    "a list of lengths": request(b"Content-Length: %d, %d" % (len(ASKS), len(ASKS)), length=False),
    "a length with a sign": request(b"Content-Length: +%d" % len(ASKS), length=False),
    "a length below nothing": request(b"Content-Length: -1", length=False),
    "a length in hexadecimal": request(b"Content-Length: 0x1b", length=False),
    "a length with a blank inside": request(b"Content-Length: 2 7", length=False),
    "a length beyond all numbers": request(b"Content-Length: 99999999999999999999999", length=False),
    "an empty length": request(b"Content-Length: ", length=False),
    "an unknown coding": request(b"Transfer-Encoding: gzip", length=False),
    "chunked before another coding": request(b"Transfer-Encoding: chunked, gzip", body=CHUNKED, length=False),
    "chunked twice": request(b"Transfer-Encoding: chunked, chunked", body=CHUNKED, length=False),
    "chunked in two headers": request(
        b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", body=CHUNKED, length=False
    ),
    "xchunked": request(b"Transfer-Encoding: xchunked", body=CHUNKED, length=False),
    "a blank before the colon": request(b"Transfer-Encoding : chunked", body=CHUNKED),
    "a blank before the colon of the length": request(b"Content-Length : 3", length=False),
    "a tab in the name": request(b"Content\tLength: 3"),
    "a vertical tab before chunked": request(b"Transfer-Encoding: \x0bchunked", body=CHUNKED),
    "a folded line": request(b"X-Purpose: a\r\n b"),
    "a folded coding": request(b"Transfer-Encoding:\r\n chunked", body=CHUNKED),
    "a line that begins with a blank": request(b" Transfer-Encoding: chunked", body=CHUNKED),
    "a header without a name": request(b": chunked"),
    "a header without a colon": request(b"Transfer-Encoding chunked"),
    "a NUL in a value": request(b"X-Purpose: a\0b"),
    "a bare CR in a value": request(b"X-Purpose: a\rTransfer-Encoding: chunked"),
    "a NUL in a name": request(b"X-Purp\0ose: a"),
    "an unknown version": request(start=b"POST /graphql HTTP/9.9"),
    "lines that end in LF alone": request().replace(b"\r\n", b"\n"),
    "one line that ends in LF alone": request(b"X-A: b\nTransfer-Encoding: chunked", body=CHUNKED),
    "an end of the header in LF alone": request().replace(b"\r\n\r\n", b"\n\n"),
    "chunks that end in LF alone": request(
        b"Transfer-Encoding: chunked", body=CHUNKED.replace(b"\r\n", b"\n"), length=False
    ),
    "a method with a small letter": request(start=b"PoST /graphql HTTP/1.1"),
    "blanks before the method": b"  " + request(),
    "a target with a blank": request(start=b"POST /graphql ? HTTP/1.1"),
    "two versions": request(start=b"POST /graphql HTTP/1.1 HTTP/1.1"),
    "a method with a control character": request(start=b"PO\x01ST /graphql HTTP/1.1"),
    "a chunk of no size": request(b"Transfer-Encoding: chunked", body=b"\r\n" + ASKS, length=False),
    "a chunk's size with a sign": request(b"Transfer-Encoding: chunked", body=b"+1b\r\n" + ASKS, length=False),
    "a chunk's size as in C": request(b"Transfer-Encoding: chunked", body=b"0x1b\r\n" + ASKS, length=False),
    "a chunk's size beyond all numbers": request(
        b"Transfer-Encoding: chunked", body=b"fffffffffffffffff\r\n" + ASKS, length=False
    ),
    "a chunk longer than its size": request(
        b"Transfer-Encoding: chunked", body=b"3\r\n" + ASKS + b"\r\n0\r\n\r\n", length=False
    ),
}


@pytest.mark.parametrize("name", BAD_FRAMING)
async def test_an_ambiguous_request_is_refused_and_ends_the_connection(
    wired: HubClient, city: RunningCity, name: str
) -> None:
    city.reset_calls()
    answers = await exchange(wired, BAD_FRAMING[name] + SECOND, count=2)
    assert [each.status for each in answers] == [400]
    assert "x-request-id" not in answers[0].headers  # it never reached the hub's own code
    assert city.calls() == {}


@pytest.mark.parametrize(
    "coding",
    [
        b"gzip, chunked",
        b"identity,chunked",
        b" deflate ,\tCHUNKED",
        b"x, y, chunked",
        b"gzip\r\nTransfer-Encoding: chunked",
        b"identity\r\nX: y\r\ntransfer-encoding: Chunked",
    ],
)
@pytest.mark.parametrize("start", [b"POST /graphql HTTP/1.1", b"GET /health/live HTTP/1.1", b"POST /nothing HTTP/1.1"])
async def test_an_unknown_transfer_coding_is_reported(
    wired: HubClient, city: RunningCity, coding: bytes, start: bytes
) -> None:
    city.reset_calls()
    sent = request(b"Transfer-Encoding: %b" % coding, body=CHUNKED, length=False, start=start)
    answers = await exchange(wired, sent + SECOND, count=2)
    assert [(each.status, each.headers["connection"]) for each in answers] == [(501, "close")]
    assert b"'chunked'" in answers[0].body
    assert city.calls() == {}


async def test_an_http09_request_gets_no_second_answer(wired: HubClient) -> None:
    (answer,) = await exchange(wired, b"GET /graphql\r\n\r\n" + SECOND, count=2)
    assert (answer.status, codes(answer)) == (400, ["BAD_REQUEST"])


def codes(answer: WireAnswer) -> list[str]:
    return [each["extensions"]["code"] for each in json.loads(answer.body).get("errors", ())]


REFUSED: dict[str, tuple[bytes, int, str]] = {
    "two hosts": (request(b"Host: 127.0.0.1"), 400, "BAD_REQUEST"),
    "two hosts that differ": (request(b"Host: evil.example"), 400, "BAD_REQUEST"),
    "no host": (request(host=False), 400, "BAD_REQUEST"),
    "a list of hosts": (request(b"Host: 127.0.0.1, evil.example", host=False), 421, "MISDIRECTED_REQUEST"),
    "a host with a path": (request(b"Host: 127.0.0.1/graphql", host=False), 421, "MISDIRECTED_REQUEST"),
    "a host with a user": (request(b"Host: evil@127.0.0.1", host=False), 421, "MISDIRECTED_REQUEST"),
    "a host that ends in ours": (request(b"Host: evil.127.0.0.1", host=False), 421, "MISDIRECTED_REQUEST"),
    "a host with two ports": (request(b"Host: 127.0.0.1:80:80", host=False), 421, "MISDIRECTED_REQUEST"),
    "another token beside one": (
        request(b"Authorization: Bearer a", b"Authorization: Bearer b"),
        401,
        "UNAUTHENTICATED",
    ),
    "two media types": (request(b"Content-Type: text/plain"), 415, "UNSUPPORTED_MEDIA_TYPE"),
    "two timeouts": (request(b"X-Request-Timeout: 1", b"X-Request-Timeout: 2"), 400, "BAD_REQUEST"),
    "an encoding": (request(b"Content-Encoding: gzip"), 415, "UNSUPPORTED_MEDIA_TYPE"),
    "the method of another header": (
        request(b"X-HTTP-Method-Override: POST", start=b"DELETE /graphql HTTP/1.1"),
        405,
        "METHOD_NOT_ALLOWED",
    ),
    "CONNECT": (request(start=b"TRACE /graphql HTTP/1.1"), 405, "METHOD_NOT_ALLOWED"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_the_next_request_after_a_refused_one_is_parsed_separately(
    wired: HubClient, city: RunningCity, name: str
) -> None:
    """The connection may stay open or close. If it stays open, the next request is parsed from its first byte."""
    first, status, code = REFUSED[name]
    city.reset_calls()
    answers = await exchange(wired, first + SECOND, count=2)
    assert (answers[0].status, codes(answers[0])) == (status, [code])
    assert b"data" not in answers[0].body
    assert city.calls() == {}
    if len(answers) > 1:
        assert [(each.status, each.body) for each in answers[1:]] == [(200, b'{"data":{"__typename":"Query"}}')]
        assert answers[1].headers["x-request-id"] == "smuggled-request"
    else:
        assert answers[0].headers["connection"] == "close"


async def test_each_request_of_a_connection_has_its_own_caller(wired: HubClient) -> None:
    siti, dewi = request(bearer(wired), body=PERSONAL), request(bearer(wired, "dewi"), body=PERSONAL)
    nobody, forged = request(body=PERSONAL), request(b"Authorization: Bearer x", body=PERSONAL)
    answers = await exchange(wired, siti + nobody + dewi + siti + forged + siti, count=6)
    outcomes = [json.loads(each.body).get("data") or codes(each) for each in answers]
    own = {"me": {"nik": SITI}}
    dewis = {"me": {"nik": "3174055203559003"}}
    # The body after an invalid token is not read, so nothing after it is.
    assert outcomes == [own, ["FORBIDDEN"], dewis, own, ["UNAUTHENTICATED"]]
    assert answers[-1].headers["connection"] == "close"


async def test_text_after_or_between_chunks_is_no_header(wired: HubClient) -> None:
    chunks = b"%x;Authorization=Bearer\r\n%b\r\n0\r\n%b\r\n\r\n" % (len(PERSONAL), PERSONAL, bearer(wired))
    answers = await exchange(wired, request(b"Transfer-Encoding: chunked", body=chunks, length=False) + SECOND, count=2)
    assert [codes(each) for each in answers] == [["FORBIDDEN"], []]


FORWARDED: Sequence[bytes] = (
    b"X-Forwarded-For: 127.0.0.1",
    b"X-Forwarded-Host: evil.example",
    b"X-Forwarded-Proto: https",
    b"X-Forwarded-Prefix: /evil",
    b"X-Forwarded-User: siti",
    b"X-Remote-User: siti",
    b"X-User-Id: 3171014506909001",
    b"X-Real-IP: 127.0.0.1",
    b"Forwarded: for=127.0.0.1;host=evil.example;proto=https",
    b"X-Original-URL: /v2/findUsage",
    b"X-Rewrite-URL: /v2/findUsage",
    b"X-HTTP-Method-Override: GET",
    b"X-Client-Thumbprint: " + b"m" * 43,
    b"X-Road-Client: ID/GOV/1/portal",
    b"X-Road-UserId: ID3171014506909001",
    b"X-Purpose: SUBJECT_REQUEST",
    b"X-Case: SUBJEK/1",
    b"Cookie: session=siti; Authorization=Bearer x",
    b"Connection: Authorization, Host",
    b"Expect: 100-continue",
    b"Proxy-Authorization: Basic c2l0aTpzaXRp",
)


@pytest.mark.parametrize("line", FORWARDED, ids=[line.partition(b":")[0].decode() for line in FORWARDED])
async def test_headers_that_a_proxy_might_set_change_nothing(wired: HubClient, city: RunningCity, line: bytes) -> None:
    city.reset_calls()
    head, end, body = request(line, body=PERSONAL).partition(b"\r\n\r\n")
    sent = (head + end, body) if line.startswith(b"Expect") else (head + end + body,)
    answers = await exchange(wired, *sent, count=len(sent))
    assert [each.status for each in answers[:-1]] == [100] * (len(sent) - 1)
    outcomes = [(each.status, json.loads(each.body).get("data"), codes(each)) for each in answers[-1:]]
    assert outcomes == [(200, None, ["FORBIDDEN"])]
    assert city.calls() == {}


ODD: dict[str, bytes] = {
    "bytes above ASCII": b"\xff\xfe",
    "Latin-1": "pajak-\u00e9".encode("latin-1"),
    "UTF-8": "pajak-é".encode(),
    "a delete": b"a\x7fb",
    "an escape of terminals": b"a\x1b[31mb",
    "a tab": b"a\tb",
    "a quote and markup": b'"><script>alert(1)</script>',
    "SQL": b"x'); DROP TABLE access_entries; --",
    "a format": b"%s%n{0}${jndi:ldap://127.0.0.1:9/a}",
    "very long": b"C" * 5_000,
    "nothing but blanks": b"   ",
}


@pytest.mark.parametrize("header", [b"X-Case", b"X-Purpose"])
@pytest.mark.parametrize("name", ODD)
async def test_a_purpose_or_case_with_odd_bytes_is_refused_and_not_repeated(
    wired: HubClient, name: str, header: bytes
) -> None:
    (answer,) = await exchange(
        wired, request(bearer(wired, "rina"), b"%b: %b" % (header, ODD[name]), body=b'{"query": "{ __typename }"}')
    )
    assert answer.status == 400
    assert ODD[name].strip() not in answer.body or not ODD[name].strip()


TARGETS = (
    b"//graphql", b"/graphql/../graphql", b"/./graphql", b"/GRAPHQL", b"/graphql%00", b"/graphql;x=1",
    b"/graphql%2f", b"/graphql\\", b"/graphql/%2e%2e/health/live", b"/graphql.json", b"*", b"graphql",
    b"/graphql/", b"/graphql//", b"/consents/", b"/me/export/", b"/v2/findUsage/", b"//evil.example/", b"/%2f/",
)  # fmt: skip


@pytest.mark.parametrize("target", TARGETS)
async def test_paths_that_resemble_graphql_serve_no_graph(wired: HubClient, target: bytes) -> None:
    (answer,) = await exchange(wired, request(start=b"POST %b HTTP/1.1" % target))
    assert answer.status in {400, 404}
    assert b"data" not in answer.body
    assert "location" not in answer.headers


async def test_a_target_and_a_host_header_that_name_two_hosts_are_refused(wired: HubClient) -> None:
    for start in (b"http://evil.example/graphql", b"http://evil.example", b"https://evil.example:443/graphql?x"):
        (answer,) = await exchange(wired, request(start=b"POST %b HTTP/1.1" % start) + SECOND, count=2)
        assert answer.status == 400
    (own,) = await exchange(wired, request(start=b"POST http://127.0.0.1/graphql HTTP/1.1"))
    assert own.status == 200


UPGRADES = {
    "h2c": b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
    "websocket": b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==",
    "anything": b"Connection: keep-alive, upgrade\r\nUpgrade: foo/1",
}


@pytest.mark.parametrize("name", UPGRADES)
async def test_the_body_of_a_protocol_upgrade_is_no_request(wired: HubClient, name: str) -> None:
    """The parser does not read such a body, which must not become the next request of the connection."""
    asks = request(UPGRADES[name], body=SECOND)
    head, body = asks[: -len(SECOND)], SECOND
    chunked = request(UPGRADES[name], b"Transfer-Encoding: chunked", body=b"", length=False)
    for sent in ([asks], [head, body], [asks, body], [chunked, body], [chunked + body]):
        (answer,) = await exchange(wired, *sent, count=2)
        assert answer.status == 400
        assert b"without 'Upgrade'" in answer.body
    (other,) = await exchange(wired, request(UPGRADES[name], length=False, body=b"", start=b"GET /graphql HTTP/1.1"))
    assert (other.status, codes(other)) == (400, ["BAD_REQUEST"])  # without a query, for any protocol
    assert (b"WebSockets are not supported. Subscriptions are not supported." in other.body) is (name == "websocket")
    (plain,) = await exchange(
        wired, request(UPGRADES[name], length=False, body=b"", start=b"GET /health/live HTTP/1.1")
    )
    assert plain.status == 200
