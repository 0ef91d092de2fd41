"""The maximum age of data that a request sets in `Cache-Control` (RFC 9111, section 5.2.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import inf
from typing import Final

from web.request_headers import TOKEN, RequestHeaders

HEADER: Final = "Cache-Control"
_DIRECTIVE = re.compile(rf'[ \t]*({TOKEN})(=(?:({TOKEN})|"((?:[^"\\]|\\.)*)"))?[ \t]*(?:,|\Z)')
_SECONDS = re.compile(r"[0-9]{1,9}")
"""Up to nine digits: thirty years, as good as no limit."""


def parse_max_age(headers: RequestHeaders) -> float:
    """The maximum age in seconds: 0 for `no-cache` and `max-age=0`, infinity without a directive.

    Ignores malformed directives, and those without a meaning for an origin (`max-stale`, `only-if-cached`, extensions).
    """
    if HEADER not in headers:  # most requests
        return inf
    return min((_to_max_age(*each) for each in _parse_directives(",".join(headers.getlist(HEADER)))), default=inf)


def _to_max_age(name: str, argument: str | None) -> float:
    if name == "no-cache" and argument is None:
        return 0.0
    if name == "max-age" and argument is not None and _SECONDS.fullmatch(argument):
        return float(argument)
    return inf


def _parse_directives(value: str) -> Iterator[tuple[str, str | None]]:
    """The well-formed directives: their names in lower case, and arguments."""
    at = 0
    while at < len(value):
        found = _DIRECTIVE.match(value, at)
        if found is None:
            at = value.find(",", at) + 1 or len(value)
            continue
        name, has_argument, token, quoted = found.groups()
        yield name.lower(), None if has_argument is None else quoted if token is None else token
        at = found.end()
