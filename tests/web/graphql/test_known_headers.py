"""Headers that passed the checks of `/graphql` before."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest

from records.languages import Language
from web.graphql.endpoint import check_method
from web.graphql.known_headers import READ_HEADERS, KnownHeader, KnownHeaders
from web.graphql.media_types import MediaType, check_content_encoding, check_content_type, negotiate
from web.languages import choose_language
from web.middleware.csrf import check_forgery
from web.middleware.hosts import check_hosts
from web.middleware.max_age import parse_max_age
from web.middleware.request_identity import parse_timeout
from web.request_headers import RequestHeaders

LINES = [(b"host", b"hub"), (b"content-type", b"application/json"), (b"authorization", b"Bearer a")]


class NotingHeaders(RequestHeaders):
    """Notes the names that are looked up."""

    def __init__(self, scope: dict[str, Any]) -> None:
        super().__init__(scope)
        self.read: set[str] = set()

    def get(self, key: str, default: Any = None, /) -> Any:  # noqa: ANN401 - as the class above
        self.read.add(key.lower())
        return super().get(key, default)

    def getlist(self, key: str) -> list[str]:
        self.read.add(key.lower())
        return super().getlist(key)

    def __contains__(self, key: object) -> bool:
        self.read.add(str(key).lower())
        return super().__contains__(key)


def build_scope(*lines: tuple[bytes, bytes], method: str = "POST") -> dict[str, Any]:
    return {"method": method, "headers": [*LINES, *lines]}


def store(known: KnownHeaders, scope: dict[str, Any]) -> None:
    known.store(scope, RequestHeaders(scope))


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_every_header_that_the_checks_read_is_compared(method: str) -> None:
    headers = NotingHeaders(build_scope(method=method))
    check_hosts(headers, ["hub"])
    negotiate(headers.getlist("accept"))
    check_method(method, headers)
    check_forgery(method, headers, ())
    check_forgery("GET", headers, ())
    parse_timeout(headers, 10.0)
    parse_max_age(NotingHeaders(build_scope((b"cache-control", b"no-cache"))))
    parse_max_age(headers)
    choose_language(headers.get("accept-language"))
    check_content_encoding(headers.getlist("content-encoding"))
    check_content_type(headers.getlist("content-type"))
    assert headers.read <= READ_HEADERS
    assert len(headers.read) > 8


def test_equal_lines_are_known_whatever_the_other_headers_are() -> None:
    known = KnownHeaders(10.0)
    scope = build_scope((b"accept-language", b"en"), (b"x-request-timeout", b"2"), (b"cache-control", b"no-cache"))
    assert known.find(scope) is None
    store(known, scope)
    scope["headers"][2] = (b"authorization", b"Bearer b")
    scope["headers"].append((b"content-length", b"7"))
    assert known.find(scope) == KnownHeader(MediaType.JSON, 2.0, 0.0, Language.ENGLISH)


@pytest.mark.parametrize("name", sorted(READ_HEADERS))
def test_another_line_or_a_repeated_one_is_not_known(name: str) -> None:
    known = KnownHeaders(10.0)
    store(known, build_scope())
    assert known.find(build_scope()) == KnownHeader(MediaType.JSON, 10.0, inf, Language.INDONESIAN)
    assert known.find(build_scope((name.encode(), b"x"))) is None
    assert known.find(build_scope(*LINES)) is None
    assert known.find(build_scope(method="GET")) is None


@pytest.mark.parametrize(
    "line",
    [(b"content-encoding", b"gzip"), (b"content-type", b"application/json"), (b"accept-language", b"x" * 2048)],
    ids=["compressed", "two types", "long"],
)
def test_bodies_that_are_not_plain_json_and_long_lines_are_not_remembered(line: tuple[bytes, bytes]) -> None:
    known = KnownHeaders(10.0)
    store(known, build_scope(line))
    assert known.find(build_scope(line)) is None


def test_a_flood_of_different_headers_is_bounded() -> None:
    known = KnownHeaders(10.0)
    for number in range(1000):
        store(known, build_scope((b"accept-language", str(number).encode())))
    assert len(known._known) <= 256
