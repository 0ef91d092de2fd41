"""The head of a reply: which ones are plain, and that a plain one is read as any other."""

from __future__ import annotations

import asyncio
from time import monotonic

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
from records.calls.failures import AgencyFailure
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
        for data in (head, head + b"\r\nX: y\r\n\r\n", memoryview(head + b"body")):
            assert find_plain_head(data) == (head, is_chunked)

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


async def _read(*pieces: bytes, goes_on: bool) -> object:
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
