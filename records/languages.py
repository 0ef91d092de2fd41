"""The languages of the hub's texts for people, and enumerations whose members have a text in each."""

from __future__ import annotations

from typing import Any

from records.description import DescribedEnum


class Language(DescribedEnum):
    """A language of the hub's texts for people."""

    INDONESIAN = "id", "Bahasa Indonesia."
    ENGLISH = "en", "English."


class TranslatedEnum(DescribedEnum):
    """An enumeration for people: `OPEN = "OPEN", "It is open.", "Masih terbuka."`. The English text describes it."""

    indonesian: str

    def __new__(cls, value: str, description: str = "", indonesian: str = "") -> Any:  # noqa: ANN401 - Enum builds members through this hook
        """Stores the value and both texts."""
        member = object.__new__(cls)
        member._value_ = value
        member.description = description
        member.indonesian = indonesian
        return member

    def get_text(self, language: Language) -> str:
        """The text for people who read this language."""
        return self.indonesian if language is Language.INDONESIAN else self.description
