"""Names of the city's agencies in each language, from the city folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from engine.agencies.agency_codes import HUB
from records.languages import Language

_HUB: Final = {Language.ENGLISH: "The city's hub", Language.INDONESIAN: "Hub kota"}


class CityAgencyNames:
    """The names of the agencies, as they begin a line."""

    def __init__(self, names: Mapping[str, Mapping[str, str]]) -> None:
        """Takes the name of each agency by its code, by the code of the language."""
        self._names = names

    def get_name(self, code: str, language: Language) -> str:
        """The name of an agency, or of the hub; the code itself if it has none."""
        if code == HUB:
            return _HUB[language]
        name = self._names.get(language.value, {}).get(code, code)
        return name[:1].upper() + name[1:]
