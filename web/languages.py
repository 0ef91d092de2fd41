"""The language of texts for the person of a request, on pages and in the graph."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from starlette.requests import Request

from records.languages import Language

_BY_TAG: Final = {**{each.value: each for each in Language}, "ms": Language.INDONESIAN, "*": Language.INDONESIAN}
"""By the first part of a language tag. Malay counts as Indonesian, which its speakers read."""
_MAX_ACCEPT_LENGTH: Final = 200
"""Maximum characters of `Accept-Language` that are parsed."""


@lru_cache(maxsize=256)
def choose_language(accepted: str | None, chosen: str | None = None) -> Language:
    """The chosen language (`?lang=`), else the preferred one (`Accept-Language`), else Indonesian.

    RFC 9110, section 12.5.4. Only the language of a tag counts.
    """
    for each in Language:
        if each.value == chosen:
            return each
    accepted_languages: list[tuple[float, int, Language]] = []
    for place, part in enumerate((accepted or "")[:_MAX_ACCEPT_LENGTH].split(",")):
        tag, _, quality = part.partition(";")
        language = _BY_TAG.get(tag.strip().lower().partition("-")[0])
        if language is not None:
            accepted_languages.append((-_parse_quality(quality), place, language))
    best = min(accepted_languages, key=lambda each: each[:2], default=(0.0, 0, Language.INDONESIAN))
    return best[2] if best[0] < 0 else Language.INDONESIAN


def get_page_language(request: Request) -> Language:
    """The language of a page."""
    return choose_language(request.headers.get("accept-language"), request.query_params.get("lang"))


def _parse_quality(text: str) -> float:
    name, _, value = text.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
