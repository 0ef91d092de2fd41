"""Captions of cases, in each language of the hub."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from records.languages import Language

MAX_EXCERPT: Final = 80
"""Characters of a person's own text in a title."""


@dataclass(frozen=True, slots=True)
class Caption:
    """A text for people, with places for values as in `str.format`."""

    english: str
    indonesian: str

    def in_language(self, language: Language, **values: str) -> str:
        """The text in a language."""
        text = self.indonesian if language is Language.INDONESIAN else self.english
        return text.format(**values) if values else text


YOU: Final = Caption("You", "Anda")
CITY_STAFF: Final = Caption("A person of the city", "Petugas kota")
PROTECTION_OFFICER: Final = Caption("The data-protection officer of the city", "Pejabat pelindungan data kota")
ONLY_THE_PERSON: Final = Caption(
    "Only the person whose case it is can do this.", "Hanya orang yang bersangkutan yang dapat melakukannya."
)


def build_excerpt(text: str) -> str:
    """The beginning of a text in one line, cut between words."""
    words = " ".join(text.split())
    if len(words) <= MAX_EXCERPT:
        return words
    cut = words[: MAX_EXCERPT - 1]
    return f"{cut.rpartition(' ')[0] or cut}…"
