"""Texts of the hub's own pages in each language: `id.toml` and `en.toml` in `web/pages/words`, with equal keys.

Write short sentences in plain words, without terms of lawyers or programmers.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from records.captions.catalogue import load_captions
from records.clocks import CITY_TIME_ZONE
from records.languages import Language

AgencyNames = Mapping[str, Mapping[str, str]]
"""By language: the names of agencies by their code."""
LANGUAGES: Final = tuple(each.value for each in Language)
_FOLDER: Final = Path(__file__).parent / "words"


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language, by section and name."""

    language: str
    sections: Mapping[str, Any]
    agency_names: Mapping[str, str] = field(default_factory=dict)
    """The names of agencies, by code."""

    def __getitem__(self, section: str) -> Any:  # noqa: ANN401 - texts, or texts by name
        """A section."""
        return self.sections[section]

    def named(self, section: str, name: str, otherwise: str) -> str:
        """The text of these pages for a name of the graph, such as `TaxObject.nop`; `otherwise` if there is none."""
        found: Any = self.sections[section]
        for part in name.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        return found if isinstance(found, str) else otherwise

    def caption(self, coordinate: str, otherwise: str) -> str:
        """The caption of an enum value or a field, such as `TaxBill.year`; `otherwise` if there is none."""
        return load_captions(Language(self.language)).find(coordinate) or otherwise

    def name_agency(self, code: str | None) -> str:
        """The name of an agency in a sentence."""
        name, texts = self.agency_names.get(code or ""), self.sections["agencies"]
        return str(texts["other"] if name is None else texts["named"].format(name=name))

    def moment(self, text: str) -> str:
        """A `DateTime` of GraphQL as text: `25 November 2026 pukul 15.30 WIB`."""
        moment = datetime.fromisoformat(text).astimezone(CITY_TIME_ZONE)
        dates = self.sections["dates"]
        return str(dates["moment"]).format(
            day=self._format_day(moment), hour=moment.hour, minute=moment.minute, zone="WIB"
        )

    def time(self, seconds: float) -> str:
        """The time of day, from seconds since 1970: `09.05 WIB`."""
        moment = datetime.fromtimestamp(seconds, CITY_TIME_ZONE)
        return str(self.sections["dates"]["time"]).format(hour=moment.hour, minute=moment.minute, zone="WIB")

    def day(self, text: str) -> str:
        """The day of a date or time: `25 November 2026`."""
        moment = datetime.fromisoformat(text)
        return self._format_day(moment if moment.tzinfo is None else moment.astimezone(CITY_TIME_ZONE))

    def number(self, value: float) -> str:
        """A number with the thousands separator of the language."""
        text = f"{value:,}"
        return text.translate(_SWAP_SEPARATORS) if self.sections["dates"]["thousands"] == "." else text

    def _format_day(self, moment: datetime) -> str:
        return f"{moment.day} {self.sections['dates']['months'][moment.month - 1]} {moment.year}"


_SWAP_SEPARATORS: Final = str.maketrans(",.", ".,")


def load_words(agency_names: AgencyNames = MappingProxyType({})) -> Mapping[str, Words]:
    """The words of every language, read from their files."""
    return {
        language: Words(
            language,
            _read_sections(language),
            agency_names.get(language, {}),
        )
        for language in LANGUAGES
    }


@cache
def _read_sections(language: str) -> Mapping[str, Any]:
    """The sections of all files of a language. Subsections of one section may be in several files."""
    sections: dict[str, Any] = {}
    for path in sorted(_FOLDER.rglob(f"{language}.toml")):
        for name, section in tomllib.loads(path.read_text(encoding="utf-8")).items():
            sections.setdefault(name, {}).update(section)
    return sections
