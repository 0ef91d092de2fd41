"""What the hub's own pages say, in each language: `web/pages/words/id.toml` and `en.toml`, of the same names.

Plain words: short sentences, nothing that only lawyers or programmers say.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from records.clocks import CITY_TIME_ZONE

DEFAULT_LANGUAGE: Final = "id"
"""The language of whoever says nothing."""
LANGUAGES: Final = (DEFAULT_LANGUAGE, "en")
_FOLDER: Final = Path(__file__).parent / "words"
_MAX_ACCEPT_LENGTH: Final = 200
"""Characters of an `Accept-Language` that are looked at."""


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language, by section and name."""

    language: str
    sections: Mapping[str, Any]

    def __getitem__(self, section: str) -> Any:  # noqa: ANN401 - texts, or texts by name
        """A section."""
        return self.sections[section]

    def named(self, section: str, name: str, otherwise: str) -> str:
        """The word for a name that comes from elsewhere, such as `TAX` or `TaxObject.nop`; `otherwise` without one."""
        found: Any = self.sections[section]
        for part in name.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        return found if isinstance(found, str) else otherwise

    def moment(self, text: str) -> str:
        """A moment as GraphQL writes it, as people do: `25 November 2026 pukul 15.30 WIB`."""
        moment = datetime.fromisoformat(text).astimezone(CITY_TIME_ZONE)
        dates = self.sections["dates"]
        return str(dates["moment"]).format(
            day=self._format_day(moment), hour=moment.hour, minute=moment.minute, zone="WIB"
        )

    def time(self, seconds: float) -> str:
        """The time of day of a moment in seconds since 1970: `09.05 WIB`."""
        moment = datetime.fromtimestamp(seconds, CITY_TIME_ZONE)
        return str(self.sections["dates"]["time"]).format(hour=moment.hour, minute=moment.minute, zone="WIB")

    def day(self, text: str) -> str:
        """The day of a moment: `25 November 2026`."""
        moment = datetime.fromisoformat(text)
        return self._format_day(moment if moment.tzinfo is None else moment.astimezone(CITY_TIME_ZONE))

    def number(self, value: float) -> str:
        """A number, with the thousands apart as the language does it."""
        text = f"{value:,}"
        return text.translate(_SWAP_SEPARATORS) if self.sections["dates"]["thousands"] == "." else text

    def _format_day(self, moment: datetime) -> str:
        return f"{moment.day} {self.sections['dates']['months'][moment.month - 1]} {moment.year}"


_SWAP_SEPARATORS: Final = str.maketrans(",.", ".,")


def load_words() -> Mapping[str, Words]:
    """The words of every language, read from their files."""
    return {
        language: Words(language, tomllib.loads((_FOLDER / f"{language}.toml").read_text(encoding="utf-8")))
        for language in LANGUAGES
    }


def choose_language(chosen: str | None, accepted: str | None) -> str:
    """The language that was chosen (`?lang=`), else the one a browser likes best (`Accept-Language`), else the first.

    RFC 9110, section 12.5.4; a tag counts by its language alone. Malay is taken for Indonesian, which its speakers
    read.
    """
    if chosen in LANGUAGES:
        return chosen
    accepted_languages: list[tuple[float, int, str]] = []
    for place, part in enumerate((accepted or "")[:_MAX_ACCEPT_LENGTH].split(",")):
        tag, _, quality = part.partition(";")
        language = tag.strip().lower().partition("-")[0].replace("ms", DEFAULT_LANGUAGE).replace("*", DEFAULT_LANGUAGE)
        if language in LANGUAGES:
            accepted_languages.append((-_parse_quality(quality), place, language))
    return min(accepted_languages)[2] if accepted_languages and min(accepted_languages)[0] < 0 else DEFAULT_LANGUAGE


def _parse_quality(text: str) -> float:
    name, _, value = text.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
