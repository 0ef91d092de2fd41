"""Content negotiation: media types of requests and responses (GraphQL over HTTP, sections 4 and 5; RFC 9110, 12.5.1).

No input or output: header values in, a decision or an `HttpError` out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from web.http_errors import HttpError, HttpErrorCode
from web.request_headers import TOKEN

_MEDIA_RANGE = re.compile(rf"({TOKEN})/({TOKEN})((?:\s*;(?:\s*{TOKEN}=(?:{TOKEN}|\"[^\"\\]*\"))?)*)\s*\Z")
"""Each space matches in one way only; a second way would double the time with each space."""
_PARAMETER = re.compile(rf";\s*({TOKEN})=(?:({TOKEN})|\"([^\"\\]*)\")")
_MAX_RANGES = 32
"""Browsers send fewer than ten media ranges; a longer list is cut."""


class MediaType(Enum):
    """The media types of responses, the preferred one first."""

    GRAPHQL_RESPONSE = "application/graphql-response+json"
    JSON = "application/json"

    __hash__ = object.__hash__
    """By identity: `Enum` hashes the name in Python, for the look-up of each response's head."""

    @property
    def content_type(self) -> str:
        """The `Content-Type` of a response."""
        return f"{self.value}; charset=utf-8"


@dataclass(frozen=True, slots=True)
class _MediaRange:
    """One media range of an `Accept` header."""

    kind: str
    subtype: str
    charset: str | None
    q: float
    order: int

    def match_specificity(self, media_type: MediaType) -> int:
        """How specifically the range matches the type: 0 not at all, 1 `*/*`, 2 `application/*`, 3 by name."""
        kind, subtype = media_type.value.split("/")
        if self.charset not in {None, "utf-8", "utf8"}:
            return 0
        if (self.kind, self.subtype) == ("*", "*"):
            return 1
        if self.kind != kind:
            return 0
        if self.subtype == "*":
            return 2
        return 3 if self.subtype == subtype else 0


def accepts_html(accept: Sequence[str]) -> bool:
    """Whether `Accept` headers name `text/html`, as browsers do when they open a page."""
    return any((each.kind, each.subtype) == ("text", "html") and each.q > 0 for each in _parse_media_ranges(accept))


_CACHEABLE_ACCEPT_LENGTH = 300
"""Maximum characters of `Accept` headers whose result is cached."""


def negotiate(accept: Sequence[str]) -> MediaType:
    """The media type of the response, from all `Accept` headers of the request.

    The highest `q` wins, then the more specific range, then the first one. With a wildcard or without `Accept`, the
    response is `application/json`: a client that does not name the newer type may not know it (GraphQL over HTTP,
    section 6.3 "Legacy watershed").

    Raises:
        HttpError: NOT_ACCEPTABLE, if the client accepts neither type.

    """
    values = tuple(accept)
    # Clients send the same few short headers with every request; only these are cached.
    short = sum(map(len, values)) <= _CACHEABLE_ACCEPT_LENGTH
    return _negotiate_cached(values) if short else _negotiate_cached.__wrapped__(values)


@lru_cache(maxsize=256)
def _negotiate_cached(accept: tuple[str, ...]) -> MediaType:
    if not any(value.strip() for value in accept):
        return MediaType.JSON
    ranges = _parse_media_ranges(accept)
    best: tuple[float, int, int, int] | None = None
    chosen: MediaType | None = None
    for preference, media_type in enumerate((MediaType.JSON, MediaType.GRAPHQL_RESPONSE)):
        # The most specific range decides about a type, whatever its q (RFC 9110, section 12.5.1).
        exactness, media_range = max(
            ((each.match_specificity(media_type), each) for each in ranges), key=lambda pair: pair[0], default=(0, None)
        )
        if media_range is None or exactness == 0 or media_range.q == 0:
            continue
        rank = (media_range.q, exactness, -media_range.order, -preference)
        if best is None or rank > best:
            best, chosen = rank, media_type
    if chosen is None:
        raise HttpError(
            HttpErrorCode.NOT_ACCEPTABLE,
            f"The Accept header names no media type that this endpoint supports. "
            f"Accept {MediaType.GRAPHQL_RESPONSE.value} or {MediaType.JSON.value}.",
        )
    return chosen


def _parse_media_ranges(accept: Sequence[str]) -> list[_MediaRange]:
    """The well-formed media ranges of the headers, in order. Ignores others."""
    ranges: list[_MediaRange] = []
    for order, text in enumerate(",".join(accept).split(",")[:_MAX_RANGES]):
        match = _MEDIA_RANGE.match(text.strip())
        if match is None:
            continue
        parameters = _parse_parameters(match[3])
        q = _parse_quality(parameters.pop("q", "1"))
        if q is None:
            continue
        charset = parameters.get("charset")
        ranges.append(_MediaRange(match[1].lower(), match[2].lower(), charset and charset.lower(), q, order))
    return ranges


def _parse_parameters(text: str) -> dict[str, str]:
    """The parameters of a media type, names in lower case."""
    return {name.lower(): token or quoted for name, token, quoted in _PARAMETER.findall(text)}


def _parse_quality(text: str) -> float | None:
    """A `q` of RFC 9110, section 12.4.2: 0 to 1 with up to three decimals; None for other text."""
    return float(text) if re.fullmatch(r"0(\.\d{0,3})?|1(\.0{0,3})?", text, re.ASCII) else None


def check_content_type(content_type: Sequence[str]) -> None:
    """Check that the body is `application/json` in UTF-8.

    This is also one half of the CSRF prevention (`web/middleware/csrf.py`): browsers send this type across origins only
    after a preflight.

    Raises:
        HttpError: UNSUPPORTED_MEDIA_TYPE.

    """
    if list(content_type) == [MediaType.JSON.value]:  # nearly every client sends this
        return
    fix = "Send the operation as JSON with the header 'Content-Type: application/json'."
    if len(content_type) != 1 or not content_type[0].strip():
        count_text = "has no" if not content_type or not content_type[0].strip() else "has more than one"
        raise HttpError(HttpErrorCode.UNSUPPORTED_MEDIA_TYPE, f"The request {count_text} Content-Type header. {fix}")
    match = _MEDIA_RANGE.match(content_type[0].strip())
    if match is None:
        raise HttpError(HttpErrorCode.UNSUPPORTED_MEDIA_TYPE, f"The Content-Type header is not a media type. {fix}")
    essence = f"{match[1]}/{match[2]}".lower()
    if essence != MediaType.JSON.value:
        raise HttpError(HttpErrorCode.UNSUPPORTED_MEDIA_TYPE, f"Bodies of type '{essence}' are not supported. {fix}")
    charset = _parse_parameters(match[3]).get("charset", "utf-8").lower()
    if charset not in {"utf-8", "utf8"}:
        raise HttpError(
            HttpErrorCode.UNSUPPORTED_MEDIA_TYPE,
            f"The charset '{charset}' is not supported. Send JSON in UTF-8 (RFC 8259).",
        )


def is_multipart(content_type: str | None) -> bool:
    """Whether a `Content-Type` is that of a form with files."""
    return content_type is not None and content_type.partition(";")[0].strip().lower() == "multipart/form-data"


def check_multipart_type(content_type: Sequence[str]) -> str:
    """Check the `Content-Type` headers of a body with files, and return the only one.

    Raises:
        HttpError: UNSUPPORTED_MEDIA_TYPE.

    """
    if len(content_type) != 1:
        message = "The request has more than one Content-Type header. Send one."
        raise HttpError(HttpErrorCode.UNSUPPORTED_MEDIA_TYPE, message)
    return content_type[0]


def check_content_encoding(content_encoding: Sequence[str]) -> None:
    """Check that the body is not compressed: a small compressed body may expand to a very large one.

    Raises:
        HttpError: UNSUPPORTED_MEDIA_TYPE, with the supported `Accept-Encoding` (RFC 9110, section 15.5.16).

    """
    if any(value.strip().lower() not in {"", "identity"} for value in content_encoding):
        raise HttpError(
            HttpErrorCode.UNSUPPORTED_MEDIA_TYPE,
            "The request body is compressed (Content-Encoding). Send it uncompressed.",
            headers={"Accept-Encoding": "identity"},
        )
