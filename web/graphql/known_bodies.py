"""Remembers parsed bodies of requests without variables, because many clients send the same ones.

A public page of an app sends the same operation from each device, by its text or its id. To parse and check its JSON
again is 6 % of the bytecodes of a request that joins another's run. Bodies with variables differ by caller, and may
hold personal data: they are parsed each time, and never kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from engine.request import GraphQLRequest
from web.graphql.request_parsing import parse_body

_MAX_KNOWN: Final = 256
_MAX_BYTES: Final = 4096
"""Bounds of the memory: a longer body is parsed each time."""


class KnownBodies:
    """The bodies that were parsed, and their requests, which are never changed."""

    def __init__(self) -> None:
        """Starts empty."""
        self._known: dict[bytes, GraphQLRequest] = {}
        self.find: Final[Callable[[bytes], GraphQLRequest | None]] = self._known.get
        """The request of a body that was parsed before. The method of the dictionary itself saves a call."""

    def parse(self, body: bytes) -> GraphQLRequest:
        """The request of a body, as `parse_body`. Raises `HttpError` (BAD_REQUEST)."""
        request = self._known.get(body)
        if request is None:
            request = parse_body(body)
            if len(body) <= _MAX_BYTES and not request.variables and not request.extensions:
                if len(self._known) >= _MAX_KNOWN:
                    self._known.clear()
                self._known[body] = request
        return request

    def __len__(self) -> int:
        """The number of bodies."""
        return len(self._known)
