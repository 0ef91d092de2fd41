"""The reader of a field: from the raw values of an agency to one typed value.

It follows from the annotation of the record's field; `read` in the manifest names another, `values` translates words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from enum import Enum
from functools import partial
from types import NoneType, UnionType
from typing import Any, Final, Union, get_args, get_origin

from connectors.declared.tables import FieldTable
from connectors.readers.coordinates import coordinates
from connectors.readers.dates import day, moment
from connectors.readers.family_cards import family_card_number
from connectors.readers.money import rupiah
from connectors.readers.names import person_name, to_ordinary_case
from connectors.readers.numbers import whole_number
from connectors.readers.phones import phone
from connectors.readers.regions import region_code, region_from_numbers
from connectors.readers.texts import text
from connectors.readers.unreadable import UnreadableError
from records.identifiers import FamilyCardNumber, Nib, Nik, Nop, RegionCode, Rupiah
from records.regions import Coordinates

FieldReader = Callable[..., object]
"""From the raw values of the field's columns to the value; None if the agency has none. Raises `UnreadableError`."""

_NIK_DIGITS: Final = 16
_NIB_DIGITS: Final = 13
_NOP_DIGITS: Final = 18


class NotDeclarableError(ValueError):
    """A declaration that cannot be compiled. The text names the place in the manifest, the problem and the fix."""

    def __init__(self, place: str, problem: str) -> None:
        """`place` is the path of a key: `records.Msme.owner`."""
        super().__init__(f"{place}: {problem}")
        self.place = place
        self.problem = problem


def read_digits(raw: object, *, width: int, kind: str) -> str | None:
    """A code of `width` digits, with the leading zeros that a numeric column lost; None for zeros only."""
    written = text(raw, kind)
    if written is None or not written.strip("0"):
        return None
    if not (written.isascii() and written.isdigit() and len(written) <= width):
        raise UnreadableError(kind)
    return written.zfill(width)


def _read_ordinary_case(raw: object) -> str | None:
    written = text(raw)
    return written and to_ordinary_case(written)


def _read_person_name(raw: object) -> str | None:
    written = text(raw)
    return written and person_name(written)


_NAMED_READERS: Final[Mapping[str, tuple[FieldReader, object]]] = {
    "text": (text, str),
    "ordinary_case": (_read_ordinary_case, str),
    "person_name": (_read_person_name, str),
    "phone": (phone, str),
    "rupiah": (rupiah, Rupiah),
    "day": (day, date),
    "moment": (moment, datetime),
    "whole_number": (whole_number, int),
    "region_code": (region_code, RegionCode),
    "region_from_numbers": (region_from_numbers, RegionCode),
    "coordinates": (coordinates, Coordinates),
}
"""Readers by the name that a manifest gives them, and the type that each returns."""

_TYPE_READERS: Final[Mapping[object, tuple[FieldReader, str]]] = {
    str: (text, "a text"),
    int: (whole_number, "a whole number"),
    date: (day, "a day"),
    datetime: (moment, "a moment"),
    Rupiah: (rupiah, "an amount of money"),
    RegionCode: (region_code, "a Kemendagri region code"),
    Coordinates: (coordinates, "a point on the map"),
    FamilyCardNumber: (family_card_number, "the number of a family card"),
    Nik: (partial(text, kind="a NIK"), "a NIK"),
    Nib: (partial(read_digits, width=_NIB_DIGITS, kind="a NIB"), "a NIB"),
    Nop: (partial(read_digits, width=_NOP_DIGITS, kind="a NOP"), "a NOP"),
}
"""The reader of each type, and what an unreadable value is called."""

_COLUMNS_TAKEN: Final[Mapping[FieldReader, range]] = {coordinates: range(2, 3), region_from_numbers: range(1, 5)}
"""How many columns a reader takes, if not one."""


def build_field_reader(place: str, annotation: object, table: FieldTable) -> FieldReader:
    """Build the reader of a field; `place` names it in errors, such as `records.Msme.owner`.

    Raises:
        NotDeclarableError: The type has no reader, the reader gives another type, or a value means nothing.

    """
    wanted, is_optional = _split_optional(annotation)
    if table.values is not None:
        return _build_word_reader(place, wanted, table, is_optional=is_optional)
    reader, kind = _choose_reader(place, wanted, table)
    taken = _COLUMNS_TAKEN.get(reader, range(1, 2))
    if len(table.columns) not in taken:
        count = f"{taken[0]}" if len(taken) == 1 else f"{taken[0]} to {taken[-1]}"
        raise NotDeclarableError(place, f"from names {len(table.columns)} columns; its reader takes {count}")
    return reader if is_optional else _require(reader, kind)


def _choose_reader(place: str, wanted: object, table: FieldTable) -> tuple[FieldReader, str]:
    name = table.read
    if name == "digits":
        if wanted is not str:
            raise NotDeclarableError(place, "digits reads texts; take the line `read` out")
        kind = f"a code of {table.width} digits"
        return partial(read_digits, width=table.width or 1, kind=kind), kind
    if name is not None:
        if name not in _NAMED_READERS:
            raise NotDeclarableError(place, f"'{name}' is no reader; choose of {', '.join(sorted(_NAMED_READERS))}")
        reader, given = _NAMED_READERS[name]
        if given != wanted:
            raise NotDeclarableError(place, f"the reader '{name}' gives another type than the field has")
        return reader, _TYPE_READERS[wanted][1]
    if isinstance(wanted, type) and issubclass(wanted, Enum):
        words = {str(each.value).upper(): each for each in wanted}
        return partial(_translate, words=words, kind="one of the known words"), "one of the known words"
    if wanted not in _TYPE_READERS:
        raise NotDeclarableError(place, "this type has no reader; give `values`, or read it in Python")
    return _TYPE_READERS[wanted]


def _build_word_reader(place: str, wanted: object, table: FieldTable, *, is_optional: bool) -> FieldReader:
    given = table.values or {}
    words = {word.upper(): _find_value(place, wanted, value) for word, value in given.items()}
    if len(words) < len(given):
        raise NotDeclarableError(place, "values has a word twice; case does not matter")
    kind = "one of the known words"
    if table.unknown is None:
        reader: FieldReader = partial(_translate, words=words, kind=kind)
        return reader if is_optional else _require(reader, kind)
    if table.unknown == "null":
        if not is_optional:
            raise NotDeclarableError(place, "unknown is null, but the field always has a value; name one")
        return partial(_translate_or, words=words, otherwise=None)
    otherwise = _find_value(place, wanted, table.unknown)
    if otherwise is True:
        raise NotDeclarableError(place, "unknown is true; only a word that is known may mean yes")
    return partial(_translate_or, words=words, otherwise=otherwise)


def _find_value(place: str, wanted: object, value: object) -> object:
    if wanted is bool and isinstance(value, bool):
        return value
    if wanted in {str, int} and type(value) is wanted:
        return value
    if isinstance(wanted, type) and issubclass(wanted, Enum) and isinstance(value, str):
        if value in wanted.__members__:
            return wanted[value]
        raise NotDeclarableError(place, f"'{value}' is no value; choose of {', '.join(wanted.__members__)}")
    raise NotDeclarableError(place, "a value has another type than the field")


def _translate(raw: object, *, words: Mapping[str, object], kind: str) -> object:
    written = text(raw, kind)
    if written is None:
        return None
    try:
        return words[written.upper()]
    except KeyError:
        raise UnreadableError(kind) from None


def _translate_or(raw: object, *, words: Mapping[str, object], otherwise: object) -> object:
    written = text(raw)
    return otherwise if written is None else words.get(written.upper(), otherwise)


def _require(reader: FieldReader, kind: str) -> FieldReader:
    def read(*raw: object) -> object:
        value = reader(*raw)
        if value is None:
            raise UnreadableError(kind)
        return value

    return read


def _split_optional(annotation: object) -> tuple[Any, bool]:
    """The type of a field without None, and whether None was in it."""
    if get_origin(annotation) in {Union, UnionType}:
        parts = [each for each in get_args(annotation) if each is not NoneType]
        if len(parts) == 1:
            return parts[0], True
    return annotation, False
