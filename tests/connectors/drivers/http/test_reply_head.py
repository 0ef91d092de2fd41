"""The head of a reply: which ones are plain, and that a plain one is read as any other."""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random
from time import monotonic
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from connectors.drivers.http.connection import ReadConnection
from connectors.drivers.http.reply import HttpReply
from connectors.drivers.http.reply_head import (
    MAX_FIELD_LENGTH,
    MAX_FIELDS,
    HeaderFields,
    RawFields,
    find_plain_head,
    list_fields,
)
from records.calls.failures import AgencyFailure, AgencyMalformed, AgencyUnavailable
from tests.connectors.drivers.fed_line import Line

RAW = [
    (b"X-Total", b"7"),
    (b"Set-Cookie", b"a=1"),
    (b"set-cookie", b"b=2 \t"),
    (b"X-City", "Köln\xff".encode("latin-1")),
]
READ = CIMultiDict(
    [("X-Total", "7"), ("Set-Cookie", "a=1"), ("set-cookie", "b=2"), ("X-City", "K\udcf6ln\udcff")]
)  # fmt: skip
HEAD = b"HTTP/1.1 200 OK\r\n" + b"".join(name + b": " + value + b"\r\n" for name, value in RAW) + b"\r\n"

_START = b"HTTP/1.1 200 OK\r\n"
_LONG = b"HTTP/1.1 200 \r\nX: \r\n\r\n"


@pytest.mark.parametrize("raw", [RAW, HEAD], ids=["fields", "head"])
class TestFields:
    def test_they_are_read_by_name_in_any_case_and_the_first_counts(self, raw: RawFields) -> None:
        fields = HeaderFields(raw)
        for name in ("x-total", "X-TOTAL", "Set-Cookie", "SET-COOKIE", "x-city"):
            assert fields[name] == READ[name]
            assert name in fields
        assert fields.get("x-none") is None
        assert "x-none" not in fields

    def test_they_are_listed_once_per_name(self, raw: RawFields) -> None:
        fields = HeaderFields(raw)
        assert list(fields.items()) == [("X-Total", "7"), ("Set-Cookie", "a=1"), ("X-City", "K\udcf6ln\udcff")]
        assert len(fields) == 3

    def test_showing_them_shows_nothing_personal(self, raw: RawFields) -> None:
        assert "7" not in repr(HeaderFields(raw)).partition(" object at ")[0]


class TestPlainHeads:
    @pytest.mark.parametrize(
        ("head", "is_chunked"),
        [
            (b"HTTP/1.1 200 \r\n\r\n", False),
            (_START + b"Content-Length: 3\r\nVary: Accept-Encoding\r\nX:\r\n\r\n", False),
            (_START + b"Transfer-Encoding: chunked\r\n\r\n", True),
            (_START + b"A: b\r\ntransfer-encoding: Chunked\r\nC: d\r\n\r\n", True),
            (_START + b"X: y\r\n" * MAX_FIELDS + b"\r\n", False),
            (_LONG.replace(b"X: ", b"X: " + b"y" * (MAX_FIELD_LENGTH - len(_LONG))), False),
        ],
        ids=["no fields", "length", "chunks", "other letters", "most fields", "longest"],
    )
    def test_a_plain_head_ends_before_the_body(self, head: bytes, is_chunked: bool) -> None:  # noqa: FBT001 - a case
        for data in (head, head + b"\r\nX: y\r\n\r\n", head + b"body"):
            assert find_plain_head(data) == (head, is_chunked, False)

    @pytest.mark.parametrize(
        ("fields", "is_whole"),
        [
            (b"Content-Length: 3\r\n", True),
            (b"Server: x\r\ncontent-LENGTH: 3\r\nConnection: Keep-Alive\r\nX:\r\n", True),
            (b"X-Content-Length: 4\r\nContent-Length: 3\r\nUpgrade: h2c\r\n", True),
            (b"", False),
            (b"Content-Length: 2\r\n", False),
            (b"Content-Length: 4\r\n", False),
            (b"Content-Length: 03\r\n", False),
            (b"Content-Length:3\r\n", False),
            (b"Content-Length: 3 \r\n", False),
            (b"X-Content-Length: 3\r\n", False),
            (b"X: Content-Length: 3\r\n", False),
            (b"Content-Length: 3\r\nContent-Length: 3\r\n", False),
            (b"Content-Length: 3\r\nX: y\r\nContent-Length: 4\r\n", False),
            (b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", False),
            (b"Content-Length: 3\r\nConnection: close\r\n", False),
            (b"Content-Length: 3\r\nConnection: keep-alive, close\r\n", False),
            (b"Content-Length: 3\r\nConnection: keep-alive\r\nConnection: close\r\n", False),
            (b"Content-Length: 3\r\nProxy-Connection: close\r\n", False),
        ],
    )
    def test_a_whole_body_is_known_by_one_length_on_a_kept_connection(self, fields: bytes, is_whole: bool) -> None:  # noqa: FBT001 - a case
        found = find_plain_head(_START + fields + b"\r\none")
        assert found is not None
        assert found[2] is is_whole

    def test_an_empty_body_is_left_to_the_parser(self) -> None:
        head = _START + b"Content-Length: 0\r\n\r\n"
        assert find_plain_head(head) == (head, False, False)

    @pytest.mark.parametrize(
        "head",
        [
            _START + b"X: y\r\n",
            _START[1:] + b"\r\n",
            b"\r\n" + _START + b"\r\n",
            b"HTTP/1.0 200 OK\r\n\r\n",
            b"HTTP/1.1 204 No Content\r\n\r\n",
            b"HTTP/1.1 103 Early Hints\r\n\r\n",
            b"HTTP/1.1 2000 OK\r\n\r\n",
            _START + b"X: y\r\n" * (MAX_FIELDS + 1) + b"\r\n",
            _LONG.replace(b"X: ", b"X: " + b"y" * (MAX_FIELD_LENGTH - len(_LONG) + 1)),
            _START + b"X: a\0b\r\n\r\n",
            _START + b"X: caf\xc3\xa9\r\n\r\n",
            _START + b"X: a\nTransfer-Encoding: gzip\r\n\r\n",
            _START + b"X: a\rTransfer-Encoding: gzip\r\n\r\n",
            _START + b"X: a\r\n folded\r\n\r\n",
            _START + b"Transfer-Encoding : chunked\r\n\r\n",
            _START + b"Transfer-Encoding: chunked\r\n x\r\n\r\n",
            _START + b"Transfer-Encoding:chunked\r\n\r\n",
            _START + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
            _START + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            _START + b"Transfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n",
            _START + b"CONTENT-ENCODING: gzip\r\n\r\n",
            _START + b"X(Y): z\r\n\r\n",
            _START + b'"X": z\r\n\r\n',
            _START + b": z\r\n\r\n",
        ],
    )  # fmt: skip
    def test_any_other_head_is_not_plain(self, head: bytes) -> None:
        assert find_plain_head(head) is None

    def test_the_fields_of_a_head_are_listed_as_its_parser_reports_them(self) -> None:
        assert list_fields(HEAD) == RAW
        assert list_fields(_START + b"\r\n") == []


_LINES = st.sampled_from(
    [
        b"Content-Length: 3", b"content-length:5", b"Content-Length: 0", b"Content-Length: -1",
        b"Transfer-Encoding: chunked", b"transfer-encoding: Chunked", b"Transfer-Encoding: gzip",
        b"Transfer-Encoding : chunked", b"Content-Encoding: gzip", b"Connection: close", b"Connection: upgrade",
        b"Upgrade: websocket", b"X-A: b", b"x-a: c ", b"X-Empty:", b"Vary: Accept-Encoding", b" folded", b"no colon",
        b"X: a\0b", b"X: caf\xc3\xa9", b"X: a\rY: b", b"X: a\nY: b", b"X-Long: " + b"y" * MAX_FIELD_LENGTH, b"",
    ]
)  # fmt: skip
_BODIES = st.sampled_from(
    [
        b"", b"abc", b"abcde", b"3\r\nabc\r\n0\r\n\r\n", b"3\r\nabc\r\n0\r\nX-Trailer: y\r\n\r\n", b"3\r\nabc",
        b"abc" + _START + b"\r\n", b"\r\n\r\nabc", b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n\r\n",
    ]
)  # fmt: skip
_STARTS = st.sampled_from(
    [_START, _START, b"HTTP/1.1 200 \r\n", b"HTTP/1.1 200 OK\n", b"HTTP/1.0 200 OK\r\n", b"HTTP/1.1 404 No\r\n"]
)
_REPLIES = st.builds(
    lambda start, lines, body: start + b"\r\n".join([*lines, b"", b""]) + body,
    _STARTS,
    st.lists(_LINES, max_size=5),
    _BODIES,
)


@given(reply=_REPLIES, goes_on=st.booleans())
def test_a_reply_in_one_piece_is_read_as_one_whose_head_comes_in_two(reply: bytes, *, goes_on: bool) -> None:
    """A part of a head is never plain, so the parser reports every field of it."""
    whole = asyncio.run(_read(reply, goes_on=goes_on))
    assert whole == asyncio.run(_read(reply[:1], reply[1:], goes_on=goes_on))


_CHANGED_REPLIES: Final = 5_000
_FIELDS: Final = (
    b"Server: nginx", b"Connection: keep-alive", b"connection: Keep-Alive", b"Connection: close", b"Upgrade: h2c",
    b"Connection: keep-alive, Upgrade", b"Proxy-Connection: close", b"Keep-Alive: timeout=5", b"Vary: Accept-Encoding",
    b"Access-Control-Expose-Headers: Content-Length", b"X-Content-Length: 1", b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: identity", b"Content-Encoding: gzip", b"Content-Length: 3", b'ETag: "65"', b"X(Y): z",
)  # fmt: skip
_TAILS: Final = (b"", b"", b"", b"", b"x", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
_ODD_BYTES: Final = b"\0\t\r\n 019:;(\x7f\xffcC"


def test_a_changed_reply_in_one_read_is_read_as_one_in_several() -> None:
    """A whole reply needs no parser; one whose head comes in two always does."""
    chance = Random(11)  # noqa: S311 - a seeded test
    outcomes: Counter[object] = Counter()

    async def compare() -> None:
        for _ in range(_CHANGED_REPLIES):
            reply, goes_on = _change(chance, _write_reply(chance)), bool(chance.getrandbits(1))
            cut = chance.randrange(1, reply.find(b"\r\n\r\n") + 4) if b"\r\n\r\n" in reply else 1
            whole = await _read(reply, goes_on=goes_on)
            assert whole == await _read(reply[:cut], reply[cut:], goes_on=goes_on), reply
            head = find_plain_head(reply)
            outcomes["whole" if head is not None and head[2] else whole[0]] += 1

    asyncio.run(compare())
    kinds = ("whole", 200, AgencyMalformed, AgencyUnavailable)
    assert min(outcomes[kind] for kind in kinds) > _CHANGED_REPLIES / 100


def _write_reply(chance: Random) -> bytes:
    """A reply that is mostly well formed."""
    body = chance.randbytes(chance.choice((0, 3, 3, 40, 9000)))
    told_length = len(body) + chance.choice((0, 0, 0, 0, 0, 0, 1, -1))
    lengths = [b"%b: %d" % (chance.choice((b"Content-Length", b"content-length")), told_length)]
    fields = lengths * chance.choice((0, 1, 1, 1, 1, 1)) + chance.choices(_FIELDS, k=chance.choice((0, 0, 1, 2)))
    chance.shuffle(fields)
    return _START + b"\r\n".join([*fields, b"", b""]) + body + chance.choice(_TAILS)


def _change(chance: Random, reply: bytes) -> bytes:
    """The reply with up to two bytes of its head removed, doubled or replaced."""
    head_length = reply.find(b"\r\n\r\n") + 4
    for _ in range(chance.choice((0, 0, 1, 2))):
        at = chance.randrange(head_length)
        new = chance.choice((b"", reply[at : at + 1] * 2, bytes([chance.choice(_ODD_BYTES)])))
        reply = reply[:at] + new + reply[at + 1 :]
    return reply


async def _read(*pieces: bytes, goes_on: bool) -> tuple[object, ...]:
    """What becomes of a reply and its connection, which the agency then closes unless it `goes_on`."""
    line, connection = Line(), ReadConnection("crm", 10**6, lambda _: None)
    connection.connection_made(line)
    outcome = connection.send(b"", deadline=monotonic() + 30, bodiless=False)
    for piece in pieces:
        if not line.closed:
            connection.data_received(piece)
    for _ in range(8):
        await asyncio.sleep(0)  # a long head is parsed in several turns
    is_reusable = connection.is_usable and connection.pending_reply is None
    if not goes_on:
        connection.eof_received()
    found = outcome.result() if outcome.done() else None
    connection.connection_lost(None)
    if isinstance(found, HttpReply):
        return found.status, found.body, found.encoding, list(found.headers.items()), is_reusable
    return type(found), found.detail if isinstance(found, AgencyFailure) else "", is_reusable
