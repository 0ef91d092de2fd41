"""Bodies with files: whole parts within bounds, or a refusal that says why."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.types import Message

from records.uploads import MAX_FILE_BYTES
from web.graphql.multipart_request import read_multipart_request
from web.http_errors import HttpError, HttpErrorCode
from web.middleware.request_body import LimitedBody
from web.request_headers import RequestHeaders
from web.uploads.multipart_parts import MAX_CONTENT_BYTES, Part, read_parts
from web.uploads.upload_budget import MAX_BYTES, UploadBudget

TYPE = "multipart/form-data; boundary=cut"
OPERATIONS = b'{"query": "mutation", "variables": {"a": {"photos": [{"file": null}, {"file": null}]}, "text": "x"}}'
MAP = b'{"0": ["variables.a.photos.0.file"], "1": ["variables.a.photos.1.file"]}'


def build_body(*parts: tuple[str, bytes], boundary: bytes = b"cut") -> bytes:
    pieces = [
        b'--%b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (boundary, name.encode(), content)
        for name, content in parts
    ]
    return b"".join(pieces) + b"--%b--\r\n" % boundary


def serve(chunks: Sequence[bytes], *, max_bytes: int = 2**40) -> LimitedBody:
    left = list(chunks)

    async def receive() -> Message:
        piece = left.pop(0) if left else b""
        return {"type": "http.request", "body": piece, "more_body": bool(left)}

    async def send(_message: Message) -> None:
        raise AssertionError("nothing is sent")

    headers = RequestHeaders({"type": "http", "headers": [(b"transfer-encoding", b"chunked")]})
    return LimitedBody(headers, receive, send, max_bytes=max_bytes, timeout=5.0)


async def read_all(chunks: Sequence[bytes]) -> list[Part]:
    return [each async for each in read_parts(TYPE, serve(chunks), lambda segment: segment.name != "text")]


async def refuse(*parts: tuple[str, bytes], content_type: str = TYPE, body: bytes | None = None) -> HttpError:
    with pytest.raises(HttpError) as refusal:
        await read_multipart_request(content_type, serve([build_body(*parts) if body is None else body]))
    return refusal.value


FILES = (("0", b"first"), ("1", b"second"))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1_000])
async def test_files_take_the_places_that_the_map_names_however_the_body_arrives(size: int) -> None:
    body = build_body(("operations", OPERATIONS), ("map", MAP), *FILES)
    chunks = [body[at : at + size] for at in range(0, len(body), size)]
    request = await read_multipart_request(TYPE, serve(chunks))
    assert request.variables is not None
    files = [each["file"] for each in request.variables["a"]["photos"]]
    assert [(bytes(each.content), each.digest) for each in files] == [
        (content, sha256(content).hexdigest()) for _, content in FILES
    ]


BAD_REQUESTS = {
    "no operations": [("map", MAP), *FILES],
    "files before the map": [("operations", OPERATIONS), *FILES, ("map", MAP)],
    "the map first": [("map", MAP), ("operations", OPERATIONS), *FILES],
    "operations twice": [("operations", OPERATIONS), ("map", MAP), ("operations", OPERATIONS), *FILES],
    "no map": [("operations", OPERATIONS)],
    "nothing": [],
    "a file without a place": [("operations", OPERATIONS), ("map", MAP), *FILES, ("2", b"third")],
    "a file twice": [("operations", OPERATIONS), ("map", MAP), *FILES, ("1", b"again")],
    "a missing file": [("operations", OPERATIONS), ("map", MAP), FILES[0]],
    "a batch": [("operations", b"[" + OPERATIONS + b"]"), ("map", MAP), *FILES],
    "operations that are no JSON": [("operations", b"{"), ("map", MAP)],
    "a map that is no JSON": [("operations", OPERATIONS), ("map", b"[")],
    "a map that names the map": [("operations", OPERATIONS), ("map", b'{"map": ["variables.text"]}')],
    "a map to no list": [("operations", OPERATIONS), ("map", b'{"0": "variables.a.photos.0.file"}')],
    "a map to two places": [
        ("operations", OPERATIONS),
        ("map", b'{"0": ["variables.a.photos.0.file", "variables.a.photos.1.file"]}'),
    ],
    "a map to no place": [("operations", OPERATIONS), ("map", b'{"0": []}')],
    "a map to one place twice": [
        ("operations", OPERATIONS),
        ("map", b'{"0": ["variables.a.photos.0.file"], "1": ["variables.a.photos.0.file"]}'),
    ],
    "a map of eleven files": [
        ("operations", OPERATIONS),
        ("map", b"{" + b", ".join(b'"%d": ["variables.a"]' % number for number in range(11)) + b"}"),
    ],
}


@pytest.mark.parametrize("name", BAD_REQUESTS)
async def test_a_wrong_request_is_refused(name: str) -> None:
    refusal = await refuse(*BAD_REQUESTS[name])
    assert refusal.code is HttpErrorCode.BAD_REQUEST


@pytest.mark.parametrize(
    "path",
    [
        "variables.text",
        "variables.a",
        "variables.a.photos.2.file",
        "variables.a.photos.-1.file",
        "variables.a.photos.²",
        "variables.a.photos.00000.file",
        "variables.none",
        "variables",
        "query",
        "extensions.x",
        "0.variables.a",
        "",
        "variables." * 200,
    ],
)
async def test_a_path_to_anything_but_a_null_is_refused(path: str) -> None:
    refusal = await refuse(("operations", OPERATIONS), ("map", b'{"0": ["%b"]}' % path.encode()), ("0", b"x"))
    assert refusal.code is HttpErrorCode.BAD_REQUEST
    assert "no null" in refusal.message


WHOLE = build_body(("operations", OPERATIONS), ("map", MAP), *FILES)
BAD_BODIES = {
    "another boundary": WHOLE.replace(b"cut", b"CUT"),
    "cut": WHOLE[:-30],
    "without an end": WHOLE.removesuffix(b"--cut--\r\n"),
    "without a name": WHOLE.replace(b'; name="map"', b""),
    "of another disposition": WHOLE.replace(b"form-data; name", b"attachment; name"),
    "with bare line feeds": WHOLE.replace(b"\r\n", b"\n"),
    "with a long header": WHOLE.replace(b"Content-Disp", b"X: " + b"x" * 9_000 + b"\r\nContent-Disp", 1),
    "with a header that is no text": WHOLE.replace(b'name="map"', b'name="\xff"'),
}


@pytest.mark.parametrize("name", BAD_BODIES)
async def test_a_malformed_body_is_refused(name: str) -> None:
    assert (await refuse(body=BAD_BODIES[name])).code is HttpErrorCode.BAD_REQUEST


async def test_what_follows_the_last_boundary_is_ignored() -> None:
    assert [each.name for each in await read_all([WHOLE, b"\r\nmore"])] == ["operations", "map", "0", "1"]


@pytest.mark.parametrize(
    "content_type",
    ["multipart/form-data", "multipart/form-data; boundary=", f"multipart/form-data; boundary={'x' * 300}"],
)
async def test_a_body_without_a_boundary_is_refused(content_type: str) -> None:
    assert (await refuse(content_type=content_type)).code is HttpErrorCode.BAD_REQUEST


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=300), at=st.integers(0, len(WHOLE)), cut=st.integers(0, 40))
def test_any_change_of_a_body_is_read_or_refused(data: bytes, at: int, cut: int) -> None:
    changed = WHOLE[:at] + data + WHOLE[at + cut :]

    async def read() -> HttpErrorCode:
        try:
            await read_multipart_request(TYPE, serve([changed[:50], changed[50:]]))
        except HttpError as refusal:
            return refusal.code
        return HttpErrorCode.BAD_REQUEST

    assert asyncio.run(read()) is HttpErrorCode.BAD_REQUEST


async def test_a_file_over_the_limit_is_read_to_its_end_and_not_kept() -> None:
    large = bytes(MAX_FILE_BYTES + 1)
    first, second = await read_all([build_body(("0", large), ("1", b"small"))])
    assert first.file is not None
    assert second.file is not None
    assert (first.file.content, first.file.digest) == (None, sha256(large).hexdigest())
    assert second.file.content == bytearray(b"small")


async def test_files_beyond_the_limit_of_all_are_not_kept() -> None:
    each = bytes(MAX_FILE_BYTES)
    parts = await read_all([build_body(*((str(number), each) for number in range(5)))])
    kept = [len(part.file.content) for part in parts if part.file is not None and part.file.content is not None]
    assert (len(parts), sum(kept)) == (5, 3 * MAX_FILE_BYTES)
    assert sum(kept) <= MAX_CONTENT_BYTES


async def test_a_body_has_at_most_forty_parts_ten_files_and_a_megabyte_of_text() -> None:
    for parts, code in (
        ([("text", b"x")] * 41, HttpErrorCode.BAD_REQUEST),
        ([("file", b"x")] * 11, HttpErrorCode.BAD_REQUEST),
        ([("text", bytes(600_000))] * 2, HttpErrorCode.PAYLOAD_TOO_LARGE),
    ):
        with pytest.raises(HttpError) as refusal:
            await read_all([build_body(*parts)])
        assert refusal.value.code is code


async def test_a_body_over_the_limit_is_refused_while_it_arrives() -> None:
    body = serve([build_body(("0", bytes(5_000)))], max_bytes=4_000)
    with pytest.raises(HttpError) as refusal:
        [each async for each in read_parts(TYPE, body, lambda _: True)]
    assert refusal.value.code is HttpErrorCode.PAYLOAD_TOO_LARGE


def test_the_budget_bounds_the_files_of_all_requests_together() -> None:
    budget = UploadBudget()
    with budget.reserve(None), budget.reserve(None), budget.reserve(10**9), budget.reserve(MAX_CONTENT_BYTES - 10):
        with budget.reserve(10):
            pass
        with pytest.raises(HttpError) as refusal, budget.reserve(11):
            pass
    assert (refusal.value.code, refusal.value.headers) == (HttpErrorCode.OVERLOADED, {"Retry-After": "5"})
    with budget.reserve(MAX_BYTES):
        pass
