import gzip
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.drivers.http.content_encoding import ContentDecoder, NotDecodable, build_decoder
from connectors.drivers.http.service import HttpRequest
from records.calls.failures import AgencyMalformed
from tests.connectors.drivers.byte_server import reply
from tests.connectors.drivers.scripted_driver import both_ways, call, get_failure, run_driver


def raw_deflate(body: bytes) -> bytes:
    packing = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packing.compress(body) + packing.flush()


PACKED: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "members": ("gzip", lambda body: gzip.compress(body[:3]) + gzip.compress(b"") + gzip.compress(body[3:])),
    "deflate": ("deflate", zlib.compress),
    "bare deflate": ("deflate", raw_deflate),
}
packings = pytest.mark.parametrize("packing", list(PACKED))


def whole(encoding: str, packed: bytes, *, pieces: int, most: int = 10_000) -> bytes:
    undoing = ContentDecoder(encoding)
    found = b""
    for start in range(0, len(packed), pieces):
        found += undoing.feed(packed[start : start + pieces], most - len(found))
    assert undoing.is_complete
    return found


class TestContentDecoder:
    @packings
    @given(body=st.binary(max_size=300), pieces=st.integers(1, 50))
    def test_bodies_come_out_as_they_were(self, packing: str, body: bytes, pieces: int) -> None:
        encoding, pack = PACKED[packing]
        assert whole(encoding, pack(body), pieces=pieces) == body

    @packings
    def test_no_more_is_decoded_than_requested(self, packing: str) -> None:
        encoding, pack = PACKED[packing]
        assert len(ContentDecoder(encoding).feed(pack(b"x" * 50_000_000), 1001)) == 1001

    @packings
    def test_a_truncated_body_is_incomplete(self, packing: str) -> None:
        encoding, pack = PACKED[packing]
        undoing = ContentDecoder(encoding)
        undoing.feed(pack(b"a body of some length")[:-1], 1000)
        assert not undoing.is_complete

    def test_an_empty_body_is_incomplete(self) -> None:
        assert ContentDecoder("gzip").is_complete

    def test_thousands_of_members_are_refused(self) -> None:
        with pytest.raises(NotDecodable):
            ContentDecoder("gzip").feed(gzip.compress(b"") * 2000, 1000)

    @pytest.mark.parametrize("encoding", ["br", "zstd", " BR "])
    def test_an_unrequested_encoding_is_refused(self, encoding: str) -> None:
        with pytest.raises(NotDecodable):
            build_decoder(encoding)

    @pytest.mark.parametrize("encoding", ["", "identity", "utf-8"])
    def test_an_unknown_encoding_is_ignored(self, encoding: str) -> None:
        assert build_decoder(encoding) is None


class TestEncodedReplies:
    @both_ways
    @packings
    async def test_are_decoded(self, packing: str, method: str) -> None:
        encoding, pack = PACKED[packing]
        async with run_driver(reply(200, pack(b'{"a": 1}'), Content_Encoding=encoding.upper())) as (driver, server):
            for _ in range(2):
                assert (await driver.send(HttpRequest(method, "/"), call())).body == b'{"a": 1}'
        assert server.connections == 1
        assert server.asked[0].headers["accept-encoding"] == "gzip, deflate"

    @both_ways
    @packings
    async def test_that_decode_beyond_the_limit_are_malformed(self, packing: str, method: str) -> None:
        encoding, pack = PACKED[packing]
        seen = await get_failure(reply(200, pack(b"x" * 5_000_000), Content_Encoding=encoding), method=method)
        assert isinstance(seen, AgencyMalformed)
        assert seen.detail == "the body is longer than 1000 bytes"

    @pytest.mark.parametrize("encoding", ["gzip", "deflate"])
    @pytest.mark.parametrize(
        "body", [b"neither of the two", gzip.compress(b"one", mtime=0)[:-2], gzip.compress(b"one", mtime=0) + b"?"]
    )
    async def test_with_a_wrong_encoding_are_malformed(self, body: bytes, encoding: str) -> None:
        seen = await get_failure(reply(200, body, Content_Encoding=encoding))
        assert isinstance(seen, AgencyMalformed)
        assert seen.detail == "the body cannot be decompressed"

    async def test_an_empty_body_needs_no_decoding(self) -> None:
        async with run_driver(reply(200, b"", Content_Encoding="gzip")) as (driver, _):
            assert (await driver.send(HttpRequest("GET", "/"), call())).body == b""
