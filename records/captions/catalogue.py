"""Captions of the graph for people: short names of enum values and fields in each language, and plain-language texts.

The files `id.toml` and `en.toml` beside this module are the only source: the graph's `labels` and the hub's own pages
read them. The texts of enumerations with translated members are their plain language.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from records.languages import Language, TranslatedEnum

_FOLDER: Final = Path(__file__).parent
_PLAIN: Final = "plain"


@dataclass(frozen=True, slots=True)
class Captions:
    """The captions of one language, by coordinate, such as `ComplaintStatus.WAITING` or `TaxBill.year`."""

    short: Mapping[str, str]
    plain: Mapping[str, str]

    def find(self, coordinate: str, *, plain: bool = False) -> str | None:
        """The caption; in plain language where there is one and it is wanted."""
        return (self.plain.get(coordinate) if plain else None) or self.short.get(coordinate)


@cache
def load_captions(language: Language) -> Captions:
    """The captions of a language, read from its file once."""
    found = tomllib.loads((_FOLDER / f"{language.value}.toml").read_text(encoding="utf-8"))
    plain = found.pop(_PLAIN)
    translated = {
        f"{enum.__name__}.{member.name}": member.get_text(language)
        for enum in TranslatedEnum.__subclasses__()
        for member in enum
    }
    return Captions(_flatten(found), translated | _flatten(plain))


def _flatten(sections: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    return {f"{type_}.{name}": text for type_, section in sections.items() for name, text in section.items()}
