"""Which media type a request has and which one its answer gets (GraphQL over HTTP, sections 4 and 5; RFC 9110, 12.5.1).

Sans-IO: header values in, a decision or a `Refusal` out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from web.refusals import Code, Refusal

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - the grammar of RFC 9110, section 5.6.2, no secret
_MEDIA_RANGE = re.compile(rf"({_TOKEN})/({_TOKEN})((?:\s*;(?:\s*{_TOKEN}=(?:{_TOKEN}|\"[^\"\\]*\"))?)*)\s*\Z")
"""Each space can be read in one way only: two would double the time with each."""
_PARAMETER = re.compile(rf";\s*({_TOKEN})=(?:({_TOKEN})|\"([^\"\\]*)\")")
_MAX_RANGES = 32
"""Browsers send fewer than ten media ranges; a longer list is cut, not worked through."""


class MediaType(Enum):
    """The media types that the hub answers in, the one it prefers first."""

    GRAPHQL_RESPONSE = "application/graphql-response+json"
    JSON = "application/json"

    @property
    def content_type(self) -> str:
        """The `Content-Type` of an answer."""
        return f"{self.value}; charset=utf-8"


@dataclass(frozen=True, slots=True)
class _Range:
    """One media range of an `Accept` header."""

    kind: str
    subtype: str
    charset: str | None
    q: float
    order: int

    def covers(self, media_type: MediaType) -> int:
        """How exactly the range names the type: 0 not at all, 1 `*/*`, 2 `application/*`, 3 by name."""
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


_SHORT = 300
"""Characters of `Accept` headers whose reading is kept."""


def negotiate(accept: Sequence[str]) -> MediaType:
    """The media type of the answer, from every `Accept` header of the request.

    The highest `q` wins, among equals the type that is named more exactly, then the one that is named first. Where a
    wildcard leaves the choice to the hub, or there is no `Accept`, the answer is `application/json`: a client that
    does not name the newer type may not know it (GraphQL over HTTP, section 6.3 "Legacy watershed").

    Raises:
        Refusal: NOT_ACCEPTABLE, where neither type will do.

    """
    given = tuple(accept)
    # Clients send one of a few short headers with every request; long ones are read anew and not kept.
    short = sum(map(len, given)) <= _SHORT
    return _negotiated(given) if short else _negotiated.__wrapped__(given)


@lru_cache(maxsize=256)
def _negotiated(accept: tuple[str, ...]) -> MediaType:
    if not any(value.strip() for value in accept):
        return MediaType.JSON
    ranges = _media_ranges(accept)
    best: tuple[float, int, int, int] | None = None
    chosen: MediaType | None = None
    for preference, media_type in enumerate((MediaType.JSON, MediaType.GRAPHQL_RESPONSE)):
        # The most exact range decides about a type, however its q compares (RFC 9110, section 12.5.1).
        exactness, ranged = max(
            ((each.covers(media_type), each) for each in ranges), key=lambda pair: pair[0], default=(0, None)
        )
        if ranged is None or exactness == 0 or ranged.q == 0:
            continue
        rank = (ranged.q, exactness, -ranged.order, -preference)
        if best is None or rank > best:
            best, chosen = rank, media_type
    if chosen is None:
        raise Refusal(
            Code.NOT_ACCEPTABLE,
            f"The Accept header names no media type that this endpoint answers in. "
            f"Accept {MediaType.GRAPHQL_RESPONSE.value} or {MediaType.JSON.value}.",
        )
    return chosen


def _media_ranges(accept: Sequence[str]) -> list[_Range]:
    """The well-formed media ranges of the headers, in order; ill-formed ones are passed over."""
    ranges: list[_Range] = []
    for order, text in enumerate(",".join(accept).split(",")[:_MAX_RANGES]):
        match = _MEDIA_RANGE.match(text.strip())
        if match is None:
            continue
        parameters = _parameters(match[3])
        q = _quality(parameters.pop("q", "1"))
        if q is None:
            continue
        charset = parameters.get("charset")
        ranges.append(_Range(match[1].lower(), match[2].lower(), charset and charset.lower(), q, order))
    return ranges


def _parameters(text: str) -> dict[str, str]:
    """The parameters of a media type, names in lower case."""
    return {name.lower(): token or quoted for name, token, quoted in _PARAMETER.findall(text)}


def _quality(text: str) -> float | None:
    """A `q` of RFC 9110, section 12.4.2: 0 to 1 with up to three decimals; none where it is no such number."""
    return float(text) if re.fullmatch(r"0(\.\d{0,3})?|1(\.0{0,3})?", text, re.ASCII) else None


def check_content_type(content_type: Sequence[str]) -> None:
    """Let pass a body of `application/json` in UTF-8 only.

    Also the first half of the CSRF prevention (`web/csrf.py`): browsers send this type across origins only after a
    preflight.

    Raises:
        Refusal: UNSUPPORTED_MEDIA_TYPE.

    """
    if list(content_type) == [MediaType.JSON.value]:  # what nearly every client sends
        return
    mend = "Send the operation as JSON with the header 'Content-Type: application/json'."
    if len(content_type) != 1 or not content_type[0].strip():
        said = "has no" if not content_type or not content_type[0].strip() else "has more than one"
        raise Refusal(Code.UNSUPPORTED_MEDIA_TYPE, f"The request {said} Content-Type header. {mend}")
    match = _MEDIA_RANGE.match(content_type[0].strip())
    if match is None:
        raise Refusal(Code.UNSUPPORTED_MEDIA_TYPE, f"The Content-Type header is no media type. {mend}")
    essence = f"{match[1]}/{match[2]}".lower()
    if essence != MediaType.JSON.value:
        raise Refusal(Code.UNSUPPORTED_MEDIA_TYPE, f"Bodies of type '{essence}' are not read here. {mend}")
    charset = _parameters(match[3]).get("charset", "utf-8").lower()
    if charset not in {"utf-8", "utf8"}:
        raise Refusal(
            Code.UNSUPPORTED_MEDIA_TYPE, f"The charset '{charset}' is not read here. Send JSON in UTF-8 (RFC 8259)."
        )


def check_content_encoding(content_encoding: Sequence[str]) -> None:
    """Let pass a body that is not compressed: a small compressed body may hide a very large one.

    Raises:
        Refusal: UNSUPPORTED_MEDIA_TYPE, with the `Accept-Encoding` that would do (RFC 9110, section 15.5.16).

    """
    if any(value.strip().lower() not in {"", "identity"} for value in content_encoding):
        raise Refusal(
            Code.UNSUPPORTED_MEDIA_TYPE,
            "The request body is compressed (Content-Encoding). Send it as it is.",
            headers={"Accept-Encoding": "identity"},
        )
