"""Remembers header lines that passed the checks of `/graphql`, because clients repeat them with every request.

The checks of Host, media types, forgery, timeout and age depend on a few header lines alone. Equal lines pass them
again, so a look-up replaces about a hundred calls: 8 of the 45 µs of a request that joins another's run.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from starlette.types import Scope

from records.languages import Language
from web.graphql.media_types import MediaType, check_content_encoding, check_content_type, negotiate
from web.http_errors import HttpError
from web.languages import choose_language
from web.middleware.csrf import PREFLIGHT_HEADERS
from web.middleware.max_age import parse_max_age
from web.middleware.request_identity import parse_timeout
from web.request_headers import RequestHeaders

READ_HEADERS: Final = frozenset(
    {"accept", "accept-language", "cache-control", "content-encoding", "content-type", "host", "origin"}
    | {"sec-fetch-site", "upgrade", "x-request-timeout", *PREFLIGHT_HEADERS}
)
"""Every header that decides about a `KnownHeader`, and about the checks that it replaces."""
_READ_NAMES: Final = frozenset(name.encode("ascii") for name in READ_HEADERS)
_MAX_KNOWN: Final = 256
_MAX_BYTES: Final = 2048
"""Bounds of the memory: lines that are longer together are checked each time."""

_Lines = tuple[tuple[bytes, bytes], ...]


class KnownHeader(NamedTuple):
    """What the lines of a header say that passed all checks of a POST with JSON."""

    media_type: MediaType
    """Of the response."""
    timeout: float
    """The caller's, in seconds."""
    max_age: float
    """Of cached answers, in seconds."""
    language: Language


class KnownHeaders:
    """The lines that passed the checks, for one set of settings."""

    def __init__(self, max_timeout: float) -> None:
        """Starts empty. `max_timeout` is the hub's, in seconds."""
        self._max_timeout = max_timeout
        self._known: dict[_Lines, KnownHeader] = {}

    def find(self, scope: Scope) -> KnownHeader | None:
        """What is known of the header; None if it has to be checked."""
        return self._known.get(_select_lines(scope)) if scope["method"] == "POST" else None

    def store(self, scope: Scope, headers: RequestHeaders) -> None:
        """Remember a header that passed the checks of Host, media types, forgery and timeout."""
        lines = _select_lines(scope)
        if scope["method"] != "POST" or sum(len(name) + len(value) for name, value in lines) > _MAX_BYTES:
            return
        try:
            check_content_encoding(headers.getlist("content-encoding"))
            check_content_type(headers.getlist("content-type"))
        except HttpError:  # refused, or sent with files
            return
        if len(self._known) >= _MAX_KNOWN:
            self._known.clear()
        self._known[lines] = KnownHeader(
            negotiate(headers.getlist("accept")),
            parse_timeout(headers, self._max_timeout),
            parse_max_age(headers),
            choose_language(headers.get("accept-language")),
        )


def _select_lines(scope: Scope) -> _Lines:
    return tuple([line for line in scope["headers"] if line[0] in _READ_NAMES])
