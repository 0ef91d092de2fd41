"""Remembers heads of requests, so that the parser need not read the same bytes again.

An app sends the same head with each request for public data. The parser calls eight Python functions for such a head;
to find its bytes takes one. Equal bytes at the start of a message are an equal request: the parser's state there is
always the same, and the length of the body is part of the head.

The application chooses the heads, and what it knows of each. It must never choose one with a token or with personal
data, because the bytes are kept.
"""

from __future__ import annotations

from typing import Final

from uvicorn._types import HTTPScope

_MAX_HEADS: Final = 256
_MAX_BYTES: Final = 2048
"""Bounds of the memory; a longer head is parsed each time."""
_END: Final = b"\r\n\r\n"
_OF_CONNECTION: Final = frozenset({"client", "extensions", "scheme", "server", "state"})
"""What of a scope is not that of its head."""


class KnownHead:
    """One head, and what the application knows of it."""

    __slots__ = ("body_length", "data", "knowledge", "scope", "size")

    def __init__(self, data: bytes, scope: HTTPScope, body_length: int, knowledge: object) -> None:
        """`data` are its bytes, with the empty line; `scope` is that of the first request with this head."""
        self.data = data
        self.size = len(data) + body_length
        """Of a whole request."""
        self.scope = {name: value for name, value in scope.items() if name not in _OF_CONNECTION}
        """The part of the scope that is equal for all requests with this head."""
        self.body_length = body_length
        self.knowledge = knowledge


class KnownHeads:
    """The heads of one server."""

    def __init__(self) -> None:
        """Starts empty."""
        self._heads: dict[bytes, KnownHead] = {}

    def find(self, data: bytes) -> KnownHead | None:
        """The head of exactly one whole request, which is all of `data`; None if it is not known."""
        end = data.find(_END, 0, _MAX_BYTES) + 4
        head = self._heads.get(data[:end])
        return head if head is not None and len(data) - end == head.body_length else None

    def remember(self, data: bytes, scope: HTTPScope, knowledge: object) -> None:
        """Remember the head of a request that began with `data`, if that is the whole request and nothing else.

        The parser read `data` from the start of a message to the end of one.
        """
        lengths = [value for name, value in scope["headers"] if name == b"content-length"]
        is_plain = not any(name in {b"transfer-encoding", b"expect", b"upgrade"} for name, _ in scope["headers"])
        end = data.find(_END, 0, _MAX_BYTES) + 4
        # The first empty line ends the head only if the announced body follows it: not after leading line ends, and not
        # with several requests.
        if end < len(_END) or not is_plain or len(lengths) != 1 or len(data) - end != int(lengths[0]):
            return
        if len(self._heads) >= _MAX_HEADS:
            self._heads.clear()
        head = data[:end]
        self._heads[head] = KnownHead(head, scope, len(data) - end, knowledge)

    def __len__(self) -> int:
        """The number of heads."""
        return len(self._heads)
