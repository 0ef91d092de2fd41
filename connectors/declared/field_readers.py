"""The reader of a field: from the raw values of an agency to one typed value.

It follows from the annotation of the record's field. In the manifest, `read` names another, `values` translates words,
and `python` names a function.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from enum import Enum
from functools import partial
from typing import Final, NamedTuple

from connectors.declared.python_functions import find_function, split_optional
from connectors.declared.tables import FieldTable, NotDeclarableError
from connectors.readers.coordinates import coordinates
from connectors.readers.dates import day, moment, partial_date, utc_moment
from connectors.readers.family_cards import family_card_number
from connectors.readers.money import rupiah
from connectors.readers.names import person_name, to_ordinary_case
from connectors.readers.niks import nik
from connectors.readers.numbers import rounded_number, whole_number
from connectors.readers.phones import phone
from connectors.readers.qris import qris
from connectors.readers.regions import region_code, region_from_numbers
from connectors.readers.texts import comma_list, text, web_address
from connectors.readers.unreadable import UnreadableError
from records.identifiers import FamilyCardNumber, Nib, Nik, Nop, PartialDate, RegionCode, Rupiah
from records.regions import Coordinates

FieldReader = Callable[..., object]
"""From the raw values of the field's columns to the value; None if the agency has none. Raises `UnreadableError`."""

_MAX_LONG_TEXT: Final = 20_000
"""Characters of a text that people write; reading takes up to 20 ns for each."""
_NIB_DIGITS: Final = 13
_NOP_DIGITS: Final = 18
_FLAGS: Final = {"TRUE": True, "FALSE": False}
_DOTTED_REGION: Final = re.compile(r"\d{2}(\.\d{2}(\.\d{2}(\.\d{4})?)?)?", re.ASCII)


class ReadField(NamedTuple):
    """How a field is read."""

    read: FieldReader
    kind: str
    """What an unreadable value is called, with its article."""
    is_required: bool
    """Whether a missing value makes the row unreadable."""
    none: frozenset[object] = frozenset()
    """Values that mean no value."""
    missing: object = None
    """The value in place of a missing one."""


def read_digits(raw: object, *, width: int, kind: str) -> str | None:
    """A code of `width` digits, with the leading zeros that a numeric column lost; None for zeros only."""
    written = text(raw, kind)
    if written is None or not written.strip("0"):
        return None
    if not (written.isascii() and written.isdigit() and len(written) <= width):
        raise UnreadableError(kind)
    return written.zfill(width)


def read_joined_digits(*raw: object, widths: Sequence[int], kind: str) -> str | None:
    """A code in several columns, each with its number of digits; None without any digit."""
    digits = ""
    for part, width in zip(raw, widths, strict=True):
        written = "" if part is None else str(part).strip()
        if not (written.isascii() and written.isdigit() and len(written) <= width):
            if all(text(each, kind) is None for each in raw):
                return None
            raise UnreadableError(kind)
        digits += written.zfill(width)
    return digits


def _read_ordinary_case(raw: object) -> str | None:
    written = text(raw)
    return written and to_ordinary_case(written)


def _read_first_text(*raw: object) -> str | None:
    for each in raw:
        if (written := text(each)) is not None:
            return written
    return None


def _read_person_name(raw: object) -> str | None:
    written = text(raw)
    return written and person_name(written)


def _read_flag(raw: object) -> bool | None:
    if raw is None or isinstance(raw, bool):
        return raw
    written = text(raw, "true or false")
    if written is None:
        return None
    if written.upper() not in _FLAGS:
        raise UnreadableError("true or false")
    return _FLAGS[written.upper()]


NAMED_READERS: Final[Mapping[str, tuple[FieldReader, object]]] = {
    "text": (text, str),
    "long_text": (partial(text, max_length=_MAX_LONG_TEXT), str),
    "first_text": (_read_first_text, str),
    "web_address": (web_address, str),
    "ordinary_case": (_read_ordinary_case, str),
    "person_name": (_read_person_name, str),
    "phone": (phone, str),
    "rupiah": (rupiah, Rupiah),
    "day": (day, date),
    "moment": (moment, datetime),
    "utc_moment": (utc_moment, datetime),
    "whole_number": (whole_number, int),
    "rounded_number": (rounded_number, int),
    "region_code": (region_code, RegionCode),
    "region_from_numbers": (region_from_numbers, RegionCode),
    "coordinates": (coordinates, Coordinates),
    "qris": (qris, str),
}
"""Readers by the name that a manifest gives them, and the type that each returns."""

_TYPE_READERS: Final[Mapping[object, tuple[FieldReader, str]]] = {
    str: (text, "a text"),
    bool: (_read_flag, "true or false"),
    int: (whole_number, "a whole number"),
    date: (day, "a day"),
    datetime: (moment, "a moment"),
    PartialDate: (partial_date, "a year, a month or a day"),
    Rupiah: (rupiah, "an amount of money"),
    RegionCode: (region_code, "a Kemendagri region code"),
    Coordinates: (coordinates, "a point on the map"),
    FamilyCardNumber: (family_card_number, "the number of a family card"),
    Nik: (nik, "a NIK"),
    tuple[str, ...]: (comma_list, "words with commas"),
    Nib: (partial(read_digits, width=_NIB_DIGITS, kind="a NIB"), "a NIB"),
    Nop: (partial(read_digits, width=_NOP_DIGITS, kind="a NOP"), "a NOP"),
}
"""The reader of each type, and what an unreadable value is called."""

_READ_KINDS: Final[Mapping[FieldReader, str]] = {_read_person_name: "a name"}
"""What an unreadable value is called, if not after its type."""

_COLUMNS_TAKEN: Final[Mapping[FieldReader, range]] = {
    coordinates: range(2, 3),
    region_from_numbers: range(1, 5),
    _read_first_text: range(2, 9),
}
"""How many columns a reader takes, if not one."""

_DIGIT_TYPES: Final = (str, Nib, Nop)
_MAY_BE_UNREADABLE: Final = (str, int, Rupiah, Coordinates)
"""Types of fields that no rule reads. Owners, regions, days of birth and words for visibility must be readable."""


def check_access_field(place: str, table: FieldTable) -> None:
    """Check that a field that decides about access fails closed. Raises `NotDeclarableError`."""
    lenient = {"unknown": table.unknown == "null", "unreadable": table.unreadable, "missing": table.missing is not None}
    if found := [key for key, is_given in lenient.items() if is_given]:
        raise NotDeclarableError(
            place, f"it decides who may see the record, so its value must be readable; remove `{found[0]}`"
        )


def build_field_reader(place: str, annotation: object, table: FieldTable) -> ReadField:
    """Build the reader of a field; `place` names it in errors, such as `records.Msme.owner`.

    Raises:
        NotDeclarableError: The type has no reader, the reader gives another type, or a value means nothing.

    """
    wanted, is_optional = split_optional(annotation)
    if not table.columns:
        if not is_optional:
            raise NotDeclarableError(place, "the field always has a value; name its column")
        return ReadField(lambda: None, "a value", is_required=False)
    if table.values is not None:
        reader, kind = _build_word_reader(place, wanted, table, is_optional=is_optional), "one of the known words"
    elif table.python is not None:
        reader, kind = find_function(f"{place}.python", table.python, len(table.columns), wanted), "a value"
    else:
        reader, kind = _choose_reader(place, wanted, table)
        columns = len(table.columns)
        taken = range(columns, columns + 1) if table.width else _COLUMNS_TAKEN.get(reader, range(1, 2))
        if len(table.columns) not in taken:
            count = f"{taken[0]}" if len(taken) == 1 else f"{taken[0]} to {taken[-1]}"
            raise NotDeclarableError(place, f"from names {len(table.columns)} columns; its reader takes {count}")
    if table.missing is not None:
        _check_missing(place, wanted, table)
    elif (table.none or table.unreadable) and not is_optional:
        raise NotDeclarableError(place, "none and unreadable give no value, but the field always has one")
    if table.unreadable is not None:
        if wanted not in _MAY_BE_UNREADABLE:
            raise NotDeclarableError(place, "a rule may read this field, so it must be readable; remove `unreadable`")
        reader = partial(_read_or_ignore, reader=reader)
    is_required = not is_optional and table.missing is None
    return ReadField(reader, kind, is_required, frozenset(table.none), table.missing)


def _check_missing(place: str, wanted: object, table: FieldTable) -> None:
    plain = {str: str, int: int, Rupiah: int}
    if wanted not in plain:
        raise NotDeclarableError(place, "only a text, a number or money may be missing; remove `missing`")
    if type(table.missing) is not plain[wanted]:
        raise NotDeclarableError(place, "`missing` has another type than the field")
    if table.unreadable is not None:
        raise NotDeclarableError(place, "what cannot be read would become the value of `missing`; choose one of them")


def _choose_reader(place: str, wanted: object, table: FieldTable) -> tuple[FieldReader, str]:
    name = table.read
    if name == "digits":
        if wanted not in _DIGIT_TYPES:
            raise NotDeclarableError(place, "digits reads texts and numbers of objects; take the line `read` out")
        return _build_digit_reader(wanted, table.width)
    if name is not None:
        if name not in NAMED_READERS:
            raise NotDeclarableError(place, f"'{name}' is no reader; choose of {', '.join(sorted(NAMED_READERS))}")
        reader, given = NAMED_READERS[name]
        if given != wanted:
            raise NotDeclarableError(place, f"the reader '{name}' gives another type than the field has")
        return reader, _READ_KINDS.get(reader) or _TYPE_READERS[wanted][1]
    if isinstance(wanted, type) and issubclass(wanted, Enum):
        words = {str(each.value).upper(): each for each in wanted}
        return _translate(words, "one of the known words"), "one of the known words"
    if wanted not in _TYPE_READERS:
        raise NotDeclarableError(place, "this type has no reader; give `values`, or read it in Python")
    return _TYPE_READERS[wanted]


def _build_digit_reader(wanted: object, widths: Sequence[int]) -> tuple[FieldReader, str]:
    kind = f"a code of {sum(widths)} digits" if wanted is str else _TYPE_READERS[wanted][1]
    if len(widths) == 1:
        return partial(read_digits, width=widths[0], kind=kind), kind
    return partial(read_joined_digits, widths=widths, kind=kind), kind


def _build_word_reader(place: str, wanted: object, table: FieldTable, *, is_optional: bool) -> FieldReader:
    given = table.values or {}
    words = {word.upper(): _find_value(place, wanted, value) for word, value in given.items()}
    if len(words) < len(given):
        raise NotDeclarableError(place, "values has a word twice; case does not matter")
    reader = _choose_word_reader(place, wanted, table, words, is_optional=is_optional)
    if len(table.columns) == 1:
        return reader
    known = _translate_or(words, None)

    def read_first_known(*raw: object) -> object:
        for each in raw[:-1]:
            if (found := known(each)) is not None:
                return found
        return reader(raw[-1])

    return read_first_known


def _choose_word_reader(
    place: str, wanted: object, table: FieldTable, words: Mapping[str, object], *, is_optional: bool
) -> FieldReader:
    if table.unknown is None:
        return _translate(words, "one of the known words")
    if table.unknown == "null":
        if not is_optional:
            raise NotDeclarableError(place, "unknown is null, but the field always has a value; name one")
        return _translate_or(words, None)
    otherwise = _find_value(place, wanted, table.unknown)
    if otherwise is True:
        raise NotDeclarableError(place, "unknown is true; only a word that is known may mean yes")
    if wanted is RegionCode:
        raise NotDeclarableError(place, 'only a word that is known may name a region; write unknown = "null"')
    return _translate_or(words, otherwise)


def _find_value(place: str, wanted: object, value: object) -> object:
    if wanted is bool and isinstance(value, bool):
        return value
    if wanted in {str, int} and type(value) is wanted:
        return value
    if wanted is RegionCode and isinstance(value, str):
        if _DOTTED_REGION.fullmatch(value):
            return value
        raise NotDeclarableError(place, f"'{value}' is not a dotted Kemendagri code, such as 31.71.01.1001")
    if isinstance(wanted, type) and issubclass(wanted, Enum) and isinstance(value, str):
        if value in wanted.__members__:
            return wanted[value]
        raise NotDeclarableError(place, f"'{value}' is no value; choose of {', '.join(wanted.__members__)}")
    raise NotDeclarableError(place, "a value has another type than the field")


def _translate(words: Mapping[str, object], kind: str) -> FieldReader:
    as_written = _list_plain_words(words)

    def read_word(raw: object) -> object:
        if isinstance(raw, str) and raw in as_written:
            return as_written[raw]
        written = str(raw) if isinstance(raw, bool) else text(raw, kind)
        if written is None:
            return None
        try:
            return words[written.upper()]
        except KeyError:
            raise UnreadableError(kind) from None

    return read_word


def _translate_or(words: Mapping[str, object], otherwise: object) -> FieldReader:
    as_written = _list_plain_words(words)

    def read_word(raw: object) -> object:
        if isinstance(raw, str) and raw in as_written:
            return as_written[raw]
        written = str(raw) if isinstance(raw, bool) else text(raw)
        return otherwise if written is None else words.get(written.upper(), otherwise)

    return read_word


def _list_plain_words(words: Mapping[str, object]) -> Mapping[str, object]:
    """The words that need no reading: values come without a blank too many, and mostly in one of these cases."""
    return {
        form: value
        for word, value in words.items()
        for form in (word, word.lower(), word.title())
        if text(form) == form and form.upper() == word
    }


def _read_or_ignore(*raw: object, reader: FieldReader) -> object:
    try:
        return reader(*raw)
    except UnreadableError:
        return None
