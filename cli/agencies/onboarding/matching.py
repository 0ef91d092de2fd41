"""Proposes the column of each field of a record by name and type."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from datetime import date, datetime
from itertools import product
from typing import Any, Final, get_args, get_type_hints

from rapidfuzz import fuzz

from cli.agencies.onboarding.shapes import RowShape
from cli.agencies.onboarding.synonyms import ABBREVIATIONS, LATITUDE, LONGITUDE, NOISE, SYNONYMS, TYPE_WORDS
from connectors.declared.python_functions import split_optional
from records.identifiers import Rupiah
from records.regions import Coordinates

_LEAST_SCORE: Final = 65
SURE_SCORE: Final = 90
"""From here on, a proposal needs no comment."""
_WORD: Final = 0.8
"""How much two words must resemble each other to be one."""
_SAME_WORD: Final = 75
"""How much two words of enumerations must resemble each other, of 100."""
_SHORT: Final = 4
"""Letters of a word that must be the same."""
_STRANGE: Final = 18
"""Points that each word of a column costs that the field does not have."""
_COMMON: Final = frozenset(
    {"id", "on", "code", "name", "at", "price", "value", "area", "date", "number", "building", "land", "short", "city"}
    | {"amount", "birth", "level", "tax"}
)
"""Words that several fields of a record have: one of them alone says nothing."""
_MISMATCH: Final = 45
"""Points that another kind of column costs."""
_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_KINDS: Final[Mapping[object, frozenset[str]]] = {
    int: frozenset({"number", "text"}),
    Rupiah: frozenset({"number", "text"}),
    date: frozenset({"day", "moment", "text"}),
    datetime: frozenset({"moment", "day", "text"}),
    bool: frozenset({"flag", "text", "number"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldMatch:
    """The proposal for one field."""

    field: str
    columns: Sequence[str]
    """None if no column resembles the field."""
    score: int
    """From 0 to 100."""
    wanted: Any
    is_optional: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordMatch:
    """The proposal for one record."""

    record: type[Any]
    shape: RowShape
    fields: Sequence[FieldMatch]

    @property
    def score(self) -> float:
        """How well the rows resemble the record: the mean of its fields."""
        return sum(each.score for each in self.fields) / max(1, len(self.fields))

    def find_column(self, field: str) -> str | None:
        """The proposed column of a field."""
        return next((each.columns[0] for each in self.fields if each.field == field and each.columns), None)

    @property
    def columns(self) -> Sequence[str]:
        """All proposed columns, each once."""
        return list(dict.fromkeys(column for each in self.fields for column in each.columns))


def match_record(record: type[Any], shape: RowShape) -> RecordMatch:
    """Match each field with the column that resembles it most; no column is proposed twice."""
    hints = {name: each for name, each in get_type_hints(record).items() if not _is_nested(each)}
    subject = _list_subject(record, shape)
    place = {each for each in (_find_like(shape, LATITUDE), _find_like(shape, LONGITUDE)) if each}
    has_place = any(split_optional(each)[0] is Coordinates for each in hints.values()) and len(place) > 1
    scores = sorted(
        (
            (rate_column(name, split_optional(each)[0], column, kind, subject), name, column)
            for name, each in hints.items()
            if split_optional(each)[0] is not Coordinates
            for column, kind in shape.columns.items()
            if not (has_place and column in place)
        ),
        reverse=True,
    )
    chosen: dict[str, tuple[int, str]] = {}
    for score, name, column in scores:
        if score >= _LEAST_SCORE and name not in chosen and column not in {each for _, each in chosen.values()}:
            chosen[name] = score, column
    return RecordMatch(
        record=record, shape=shape, fields=[_build_match(name, hints[name], chosen, shape) for name in hints]
    )


def _list_subject(record: type[Any], shape: RowShape) -> frozenset[str]:
    """The words for what the rows are about, which columns repeat: `kode_pasar` of a market."""
    name = to_words(record.__name__)
    own = [*to_words(shape.name.rpartition("/")[2]).split(), *name.split()]
    own += [part for word in name.split() for each in SYNONYMS.get(word, ()) for part in each.split()]
    return frozenset(own) | NOISE


def find_best(record: type[Any], shapes: Sequence[RowShape]) -> RecordMatch:
    """The rows that resemble a record most."""
    return max((match_record(record, each) for each in shapes), key=lambda each: each.score + rate_name(each))


def rate_name(match: RecordMatch) -> float:
    """How much the name of the rows resembles that of the record, up to 25."""
    parts = [each for each in match.shape.name.split("/") if each and "{" not in each]
    found = [each for each in expand_words(parts[-1] if parts else match.shape.name) if each not in NOISE]
    words = to_words(match.record.__name__)
    phrases = [words, *(SYNONYMS.get(words, ())), *(part for each in words.split() for part in SYNONYMS.get(each, ()))]
    return max(fuzz.token_set_ratio(" ".join(found), form) for each in phrases for form in (each, f"{each}s")) * 0.25


def to_words(name: str) -> str:
    """A name in small words: `NAMA_LGKP`, `namaLengkap` and `market.name` become `nama lgkp`, ..."""
    return " ".join(_WORDS.findall(name)).lower()


def _build_match(name: str, wanted: object, chosen: Mapping[str, tuple[int, str]], shape: RowShape) -> FieldMatch:
    wanted, is_optional = split_optional(wanted)
    columns: Sequence[str] = ()
    score = 0
    if wanted is Coordinates:
        pair = [_find_like(shape, each) for each in (LATITUDE, LONGITUDE)]
        columns, score = ([each for each in pair if each], 90) if all(pair) else ((), 0)
    elif name in chosen:
        score, column = chosen[name]
        columns = (column,)
    return FieldMatch(field=name, columns=columns, score=score, wanted=wanted, is_optional=is_optional)


def _find_like(shape: RowShape, names: Sequence[str]) -> str | None:
    words = {column: to_words(column).split() for column in shape.columns}
    return next((column for each in names for column, found in words.items() if each in found), None)


def rate_column(field: str, wanted: object, column: str, kind: str, subject: Collection[str]) -> int:
    """How much a column resembles a field, up to 100.

    Words of the column that are not those of the field cost, unless they are the rows' subject: `kode_pasar` of a
    market is like `kode`.
    """
    outer, _, last = column.rpartition(".")
    words = expand_words(last)
    around = {*subject, *expand_words(outer)}
    fits = kind in _KINDS.get(wanted, frozenset({"text", "number"}))
    score = max(_compare(each.split(), words, around) for each in _list_phrases(field, wanted))
    return round(score) - (0 if fits else _MISMATCH)


def _compare(phrase: Sequence[str], words: Sequence[str], around: Collection[str]) -> float:
    """How much the words of a column resemble a phrase; words of its subject and of what is around it are free."""
    found = sum(max((_resemble(each, word) for word in words), default=0.0) for each in phrase)
    strange = [
        word
        for word in words
        if word not in around and max((_resemble(each, word) for each in phrase), default=0.0) < _WORD
    ]
    return 100 * found / len(phrase) - _STRANGE * len(strange)


def _resemble(phrase: str, word: str) -> float:
    whole = ABBREVIATIONS.get(phrase, phrase)
    if min(len(whole), len(word)) <= _SHORT:  # `nop` is not `njop`
        return float(whole == word)
    score = fuzz.ratio(whole, word) / 100
    return score if score >= _WORD else 0.0


def find_nearest(word: str, words: Sequence[str]) -> str | None:
    """The word that resembles another most; None if none does."""
    near = max(words, key=lambda each: fuzz.ratio(each, word))
    return near if fuzz.ratio(near, word) >= _SAME_WORD else None


def expand_words(name: str) -> list[str]:
    """The words of a name, abbreviations written out."""
    return [ABBREVIATIONS.get(each, each) for each in to_words(name).split()]


def _list_phrases(field: str, wanted: object) -> Iterator[str]:
    """The field's name, its translations word by word, and the words for its type."""
    words = [each for each in field.split("_") if each not in {"in", "has", "is"}] or field.split("_")
    for each in product(*((word, *SYNONYMS.get(word, ())) for word in words)):
        yield " ".join(each)
    for word in words:  # one word says enough if it is not a word of many fields
        if word not in _COMMON and len(words) > 1:
            yield from SYNONYMS.get(word, ())
    yield from TYPE_WORDS.get(getattr(wanted, "__name__", ""), ())


def _is_nested(annotation: object) -> bool:
    """Whether a field is a record, or a list of records, which has its own proposal."""
    parts = [annotation, *get_args(annotation)]
    return any(is_dataclass(each) and each is not Coordinates for each in parts)
