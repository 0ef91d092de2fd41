"""The memory of heads: what it finds, what it refuses to remember, and its bounds."""

from __future__ import annotations

from typing import Any, cast

import pytest
from uvicorn._types import HTTPScope

from web.server.known_heads import KnownHeads

KNOWLEDGE = object()
BODY = b'{"query":"{ a }"}'


def build_head(*lines: bytes, length: int | None = len(BODY)) -> bytes:
    """The bytes of a head, with the announced length of its body."""
    announced = () if length is None else (b"Content-Length: %d" % length,)
    return b"\r\n".join([b"POST /graphql HTTP/1.1", b"Host: localhost", *announced, *lines, b"", b""])


def build_scope(head: bytes, **others: Any) -> HTTPScope:  # noqa: ANN401 - values of a scope
    """The scope of a head, as the parser's callbacks build it."""
    lines = [each.split(b":", 1) for each in head.strip().split(b"\r\n")[1:]]
    headers = [(name.lower(), value.strip()) for name, value in lines]
    scope = {
        "type": "http", "method": "POST", "path": "/graphql", "headers": headers, "client": ("192.0.2.1", 1),
        "server": ("127.0.0.1", 80), "scheme": "https", "state": {"a": 1}, "extensions": {"b": 2},
    }  # fmt: skip
    return cast("HTTPScope", {**scope, **others})


def remember(heads: KnownHeads, data: bytes, head: bytes | None = None) -> None:
    heads.remember(data, build_scope(data.partition(b"\r\n\r\n")[0] if head is None else head), KNOWLEDGE)


@pytest.fixture
def heads() -> KnownHeads:
    """A memory with one head."""
    memory = KnownHeads()
    remember(memory, build_head() + BODY)
    assert len(memory) == 1
    return memory


def test_an_equal_head_is_found_with_what_is_known_of_it(heads: KnownHeads) -> None:
    found = heads.find(build_head() + b"x" * len(BODY))
    assert found is not None
    assert found.knowledge is KNOWLEDGE
    assert found.body_length == len(BODY)


def test_nothing_of_the_connection_is_kept(heads: KnownHeads) -> None:
    found = heads.find(build_head() + BODY)
    assert found is not None
    assert set(found.scope) == {"type", "method", "path", "headers"}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n\r\n",
        b"\r\n\r\n" + BODY,
        build_head(),
        build_head()[:-1],
        build_head() + BODY[:-1],
        build_head() + BODY + b" ",
        build_head() + BODY + build_head() + BODY,
        b"\r\n" + build_head() + BODY,
        b"\r\n\r\n" + build_head() + BODY,
        build_head().lower() + BODY,
        build_head(length=len(BODY) + 1) + BODY + b" ",
        build_head(b"Authorization: Bearer x") + BODY,
        build_head()[:-2] + BODY,
        build_head().replace(b"\r\n", b"\n") + BODY,
    ],
)
def test_other_bytes_are_not_found(heads: KnownHeads, data: bytes) -> None:
    assert heads.find(data) is None


@pytest.mark.parametrize(
    "data",
    [
        build_head(b"Transfer-Encoding: chunked") + BODY,
        build_head(b"Expect: 100-continue") + BODY,
        build_head(b"Upgrade: h2c") + BODY,
        build_head(length=None) + BODY,
        build_head(length=None),
        build_head(b"Content-Length: %d" % len(BODY)) + BODY,
        build_head(b"X-Long: " + b"x" * 2048) + BODY,
        build_head() + BODY[:-1],
        build_head() + BODY + build_head() + BODY,
        build_head() + BODY + b"\r\n",
        build_head()[:-2],
        b"",
    ],
)
def test_what_is_no_plain_single_request_is_not_remembered(data: bytes) -> None:
    memory = KnownHeads()
    remember(memory, data, data.partition(b"\r\n\r\n")[0] or build_head())
    assert len(memory) == 0


def test_a_head_behind_empty_lines_is_not_taken_for_the_head_after_them() -> None:
    memory = KnownHeads()
    remember(memory, b"\r\n\r\n" + build_head() + BODY, build_head())
    assert len(memory) == 0
    remember(memory, b"\r\n" + build_head() + BODY, build_head())
    assert memory.find(build_head() + BODY) is None
    found = memory.find(b"\r\n" + build_head() + BODY)
    assert found is not None
    assert found.body_length == len(BODY)


def test_an_announced_length_that_covers_the_head_behind_an_empty_line_needs_more_bytes() -> None:
    # The body of such a request would be incomplete, so the server never offers it.
    memory = KnownHeads()
    head = build_head(length=1000)
    remember(memory, b"\r\n\r\n" + head + b"x" * 1000, head)
    assert len(memory) == 0


@pytest.mark.parametrize(("length", "is_kept"), [(2048, True), (2049, False)])
def test_a_head_of_at_most_2048_bytes_is_remembered(length: int, *, is_kept: bool) -> None:
    memory = KnownHeads()
    head = build_head(b"X-Long: " + b"x" * (length - len(build_head(b"X-Long: "))))
    assert len(head) == length
    remember(memory, head + BODY)
    assert len(memory) == is_kept
    assert (memory.find(head + BODY) is not None) == is_kept


def test_the_257th_head_takes_the_place_of_all_others() -> None:
    memory = KnownHeads()
    for number in range(256):
        remember(memory, build_head(b"X-Number: %d" % number) + BODY)
    assert len(memory) == 256
    remember(memory, build_head() + BODY)
    assert len(memory) == 1
    assert memory.find(build_head() + BODY) is not None
    assert memory.find(build_head(b"X-Number: 0") + BODY) is None


def test_an_empty_body_is_a_body() -> None:
    memory = KnownHeads()
    head = build_head(length=0)
    remember(memory, head)
    found = memory.find(head)
    assert found is not None
    assert found.body_length == 0
