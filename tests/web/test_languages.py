"""The language of texts for people follows the request, and is Indonesian without a preference."""

from __future__ import annotations

import pytest

from records.languages import Language
from web.languages import choose_language


@pytest.mark.parametrize(
    ("chosen", "accepted", "language"),
    [
        (None, None, "id"),
        (None, "", "id"),
        (None, "en", "en"),
        (None, "en-US,en;q=0.9", "en"),
        (None, "fr, de;q=0.8", "id"),
        (None, "id;q=0.3, en;q=0.7", "en"),
        (None, "en;q=0.3, id;q=0.7", "id"),
        (None, "ms, en;q=0.9", "id"),
        (None, "*", "id"),
        (None, "en;q=0", "id"),
        (None, "en;q=x", "id"),
        (None, "fr" * 200 + ",en", "id"),
        ("en", "id", "en"),
        ("id", "en", "id"),
        ("fr", "en", "en"),
        ("<b>", None, "id"),
    ],
)
def test_the_language_is_the_chosen_one_or_the_browsers(
    chosen: str | None, accepted: str | None, language: str
) -> None:
    assert choose_language(accepted, chosen) is Language(language)
