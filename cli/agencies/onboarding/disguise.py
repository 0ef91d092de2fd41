"""Replaces the values of an agency's reply by invented ones of the same form: type, length, alphabet, null or not.

Equal values become equal, so keys still lead from row to row. Words that a manifest translates are taken from it, in
turn, so that all of them occur. Names of elements and columns stay; no value does, except empty ones, signs and zeros.
"""

from __future__ import annotations

import re
import string
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, is_dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random, SystemRandom
from typing import Any, Final, get_args, get_type_hints

from connectors.declared.domain_reads import DomainRead
from connectors.declared.python_functions import split_optional
from connectors.declared.tables import FieldTable, OutcomeTable, RecordTable, TroubleTable
from records.identifiers import FamilyCardNumber, Nib, Nik, Nop, RegionCode, Rupiah
from records.regions import Coordinates

_NUMBERS: Final[Mapping[Any, str]] = {
    Nik: "317101450690{serial}",
    FamilyCardNumber: "317101010120{serial}",
    Nib: "912000123{serial}",
    Nop: "31710100010001{serial}",
}
"""Numbers of people and things that nobody has: they end in 9000 to 9999."""
_FIRST_SERIAL: Final = 9000
_DATES: Final = ("%Y-%m-%d", "%d-%m-%Y", "%d/%m/%Y", "%Y/%m/%d", "%Y%m%d", "%d%m%Y")
_MONTHS: Final = (
    *("Januari", "Februari", "Maret", "April", "Mei", "Juni"),
    *("Juli", "Agustus", "September", "Oktober", "November", "Desember"),
)
_NAMED_MONTH: Final = re.compile(rf"\d{{1,2}}([ -])({'|'.join(_MONTHS)})([ -])\d{{4}}", re.ASCII | re.IGNORECASE)
_TIME: Final = re.compile(r"(?<=[T ])\d\d:\d\d(:\d\d)?")
_REGION: Final = re.compile(r"\d\d(\.?\d\d){0,2}(\.?\d{4})?", re.ASCII)
_DECIMAL: Final = re.compile(r"-?\d+[.,]\d+", re.ASCII)
_FIRST_DAY: Final = date(1960, 1, 1)
_NO_YEAR: Final = 1900
"""Up to this year, a date stands for an unknown one."""
_DAYS: Final = 18_000
_TELLING_LENGTH: Final = 4
"""Shorter texts can be equal by chance."""
_TRIES: Final = 50
_LATITUDE: Final = -6.1
_LONGITUDE: Final = 106.8
Path = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnForm:
    """What the manifest says of a column."""

    wanted: Any = None
    """The type of its field."""
    reader: str | None = None
    words: Sequence[str] = ()
    """The agency's words that the manifest translates."""
    none: Collection[str] = ()
    """What the agency writes for no value, by the manifest."""


def list_column_forms(reads: Sequence[DomainRead], records: Mapping[str, RecordTable]) -> Mapping[str, ColumnForm]:
    """The columns of all records by the end of their path: `nik` of `pemilik.nik`, `point.0`."""
    found: dict[str, ColumnForm] = {}
    for record in _list_records(reads):
        hints = get_type_hints(record)
        for name, table in records.get(record.__name__, {}).items():
            for column in table.columns:
                found.setdefault(_name_end(column.split(".")), _describe(table, hints.get(name)))
    return found


def _list_records(reads: Sequence[DomainRead]) -> Iterator[type[Any]]:
    found: list[Any] = [record for each in reads for record in (each.facets or (each.record,))]
    for record in found:
        yield record
        for annotation in get_type_hints(record).values():
            inner = (annotation, *get_args(annotation))
            found += [each for each in inner if is_dataclass(each) and each is not Coordinates and each not in found]


def _describe(table: FieldTable, annotation: object) -> ColumnForm:
    wanted = split_optional(annotation)[0]
    return ColumnForm(
        wanted=wanted if len(table.columns) == 1 or wanted is Coordinates else None,  # else each column is a part
        reader=table.read,
        words=[str(each) for each in table.values or ()],
        none=[str(each) for each in table.none],
    )


def _name_end(names: Sequence[str]) -> str:
    names = [each.partition("[")[0] for each in names]
    return ".".join(names[-2:] if names[-1].isdecimal() else names[-1:])


@dataclass(slots=True, kw_only=True)
class Disguise:
    """The invented values of one recording."""

    columns: Mapping[str, ColumnForm]
    live: frozenset[str]
    """All live texts, none of which an invented value equals."""
    kept: frozenset[str] = frozenset()
    """Paths to result codes, which stay if the manifest names them, and to counts of rows."""
    same: frozenset[str] = frozenset()
    """Live texts that are the same in all copies: the keys."""
    codes: TroubleTable | None = None
    random: Random = field(default_factory=SystemRandom)
    _known: dict[tuple[str, str, int], Any] = field(default_factory=dict)
    _used: set[str] = field(default_factory=set)
    _turns: dict[str, int] = field(default_factory=dict)
    _serial: int = _FIRST_SERIAL

    def replace(self, value: Any, path: Path = (), copy: int = 0) -> Any:  # noqa: ANN401 - any JSON
        """The value with all values in it replaced. Each `copy` has other ones, except in `same`."""
        if isinstance(value, Mapping):
            return {
                self._rename(str(name)): self.replace(each, (*path, str(name)), copy) for name, each in value.items()
            }
        if isinstance(value, list | tuple):
            is_list_of_values = not any(isinstance(each, Mapping) for each in value)
            return [
                self.replace(each, (*path, str(number)) if is_list_of_values else path, copy)
                for number, each in enumerate(value)
            ]
        if _is_no_value(value) or (".".join(path) in self.kept and self._is_declared(path, value)):
            return value
        return self._replace_value(value, path, copy)

    def _rename(self, name: str) -> str:
        """The name of a member; one that is a key or a long number is data, too."""
        is_data = name in self.same or (name.isdecimal() and len(name) >= _TELLING_LENGTH)
        return str(self.replace_key(name, None)) if is_data else name

    def replace_key(self, key: str, wanted: Any) -> Any:  # noqa: ANN401 - any type of a key
        """The invented key for a live one, which equals that in the rows."""
        found = self._known.get((str(wanted), key, 0))
        by_value = (each for (_, text, copy), each in self._known.items() if (text, copy) == (key, 0))
        if found is None and (found := next(by_value, None)) is None:
            found = self._known[str(wanted), key, 0] = self._invent(key, ColumnForm(wanted=wanted))
        return found

    def find_survivor(self, content: Any) -> str | None:  # noqa: ANN401 - any JSON
        """The path of a live text in invented content, other than words, codes and texts that say nothing."""
        for path, value in list_leaves(content):
            form = self.columns.get(_name_end(path)) or ColumnForm()
            is_allowed = _is_no_value(value) or str(value) in {*form.words, *form.none} or ".".join(path) in self.kept
            if len(str(value)) >= _TELLING_LENGTH and str(value) in self.live and not is_allowed:
                return ".".join(path)
        return None

    def _is_declared(self, path: Path, value: object) -> bool:
        """Whether a kept value is a count, or a code that the manifest explains."""
        if self.codes is None or ".".join(path) not in self.codes.code:
            return isinstance(value, int)
        rules = [getattr(self.codes, name) for name in ("success", *OutcomeTable.model_fields)]
        return any(rule is not None and re.fullmatch(rule, str(value), re.ASCII) for rule in rules)

    def _replace_value(self, value: Any, path: Path, copy: int) -> Any:  # noqa: ANN401 - any JSON
        form = self.columns.get(_name_end(path)) or ColumnForm()
        if str(value) in form.none:
            return value
        if form.words:
            return self._take_word(_name_end(path), form, value)
        if isinstance(value, bool):
            return self.random.choice([True, False])
        place = str(form.wanted), str(value), 0 if str(value) in self.same else copy
        known = self._known.get(place)
        if known is None:
            known = self._known[place] = self._invent(value, form)
        if isinstance(value, int) != isinstance(known, int) and isinstance(value, int | str):
            return type(value)(known)
        return known

    def _take_word(self, name: str, form: ColumnForm, value: object) -> object:
        turn = self._turns[name] = self._turns.get(name, -1) + 1
        word = form.words[turn % len(form.words)]
        if isinstance(value, bool):
            return word.lower() == "true"
        return int(word) if isinstance(value, int) and word.isdecimal() else word

    def _invent(self, value: Any, form: ColumnForm) -> Any:  # noqa: ANN401 - any JSON
        found = self._draw(value, form)
        for _ in range(_TRIES):
            if str(found) not in self.live and str(found) not in self._used:
                break
            found = self._draw(value, form)
        else:
            if form.wanted not in {RegionCode, Coordinates, date, datetime} and isinstance(value, int | str):
                found = self._draw(type(value)(f"1{value}"), form)  # too few signs for another value
        self._used.add(str(found))
        return found

    def _draw(self, value: Any, form: ColumnForm) -> Any:  # noqa: ANN401 - any JSON
        if isinstance(value, datetime):
            return datetime.combine(self._draw_day(), value.time().replace(8, 0, 0, 0), value.tzinfo)
        if isinstance(value, date):
            return self._draw_day()
        if isinstance(value, int) and form.wanted in {*_NUMBERS, RegionCode}:
            return int(self._draw_text(str(value), form))
        if isinstance(value, int | float | Decimal):
            return self._draw_number(value, form)
        return self._draw_text(str(value), form)

    def _draw_text(self, text: str, form: ColumnForm) -> str:
        return self._draw_known_form(text, form) or self._draw_date(text) or self._draw_signs(text)

    def _draw_known_form(self, text: str, form: ColumnForm) -> str | None:
        """A text whose form follows from its field; None for any other."""
        found: str | None = None
        if form.wanted in _NUMBERS:
            self._serial += 1
            found = _NUMBERS[form.wanted].format(serial=self._serial)
        elif form.wanted is RegionCode and _REGION.fullmatch(text):
            draw = self.random.randint
            code = f"31.7{draw(1, 5)}.0{draw(1, 8)}.100{draw(1, 9)}"
            found = (code if "." in text else code.replace(".", ""))[: len(text)]
        elif form.reader == "phone":
            found = _fill_digits(text, "0812", f"{self.random.randrange(1000):03}")
        elif form.wanted is Coordinates and _DECIMAL.fullmatch(text):
            number = str(self._draw_number(float(text.replace(",", ".")), form))
            found = number.replace(".", ",") if "," in text else number
        elif form.reader == "web_address" or "://" in text:
            found = f"https://contoh.example/{self._draw_signs('x' * max(4, len(text) - 23))}"
        elif form.wanted in {Rupiah, int, float} and any(sign.isdecimal() for sign in text):
            signs = (self._draw_sign(sign, text, at) if sign.isdecimal() else sign for at, sign in enumerate(text))
            found = "".join(signs)
        return found

    def _draw_number(self, value: Any, form: ColumnForm) -> Any:  # noqa: ANN401 - a number
        if not value:
            return value
        if form.wanted is Coordinates and not isinstance(value, int):
            start = _LONGITUDE if abs(value) > 90 else _LATITUDE  # noqa: PLR2004 - latitudes end at 90 degrees
            decimals = len(str(value).partition(".")[2])
            return type(value)(str(round(start + self.random.random() / 20, max(3, decimals))))
        written = f"{value:.{len(str(value).partition('.')[2])}f}" if isinstance(value, float) else f"{value:f}"
        return type(value)(self._draw_signs(str(value) if isinstance(value, int) else written))

    def _draw_date(self, text: str) -> str | None:
        """Another date in the format of a text that begins with one; None for any other text."""
        if (named := _NAMED_MONTH.fullmatch(text)) is not None:
            day = self._draw_day()
            return f"{day.day}{named[1]}{_MONTHS[day.month - 1]}{named[3]}{day.year}"
        for form in _DATES:
            length = len(_FIRST_DAY.strftime(form))
            try:
                datetime.strptime(text[:length], form)  # noqa: DTZ007 - a day
            except ValueError:
                continue
            if len(text) == length or text[length] in "T ":
                return self._draw_day().strftime(form) + _TIME.sub(
                    lambda found: "08:00:00"[: len(found[0])], text[length:]
                )
        return None

    def _draw_day(self) -> date:
        return _FIRST_DAY + timedelta(days=self.random.randrange(_DAYS))

    def _draw_signs(self, text: str) -> str:
        """Other letters for letters and other digits for digits; the first digit of a number is not 0."""
        return "".join(self._draw_sign(sign, text, at) for at, sign in enumerate(text))

    def _draw_sign(self, sign: str, text: str, at: int) -> str:
        if sign.isdecimal():
            is_first = not any(each.isdecimal() for each in text[:at])
            return self.random.choice("123456789" if is_first and sign != "0" else "0" if is_first else string.digits)
        if sign.isalpha():
            return self.random.choice(string.ascii_uppercase if sign.isupper() else string.ascii_lowercase)
        return sign


def list_leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:  # noqa: ANN401 - any JSON
    """The values in a reply, with the names that lead to them."""
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from list_leaves(each, (*path, str(name)))
    elif isinstance(value, list | tuple):
        for each in value:
            yield from list_leaves(each, path)
    else:
        yield path, value


def _is_no_value(value: object) -> bool:
    """Whether a value says nothing: null, zero, signs only, or a date of 1900 or before."""
    text = "" if value is None else str(value)
    if not any(sign.isalnum() and sign != "0" for sign in text):
        return True
    for form in _DATES[:4]:
        with suppress(ValueError):
            return datetime.strptime(text[:10], form).year <= _NO_YEAR  # noqa: DTZ007 - a day
    return False


def _fill_digits(text: str, first: str, last: str) -> str:
    """A telephone number of the same form whose subscriber is all zeros, a 9 and three digits."""
    count = sum(sign.isdecimal() for sign in text)
    start = "62" + first[1:] if text.lstrip("+ ").startswith("62") else first
    digits = iter(f"{start[:count]}{'0' * max(0, count - len(start) - 4)}9{last}"[:count].ljust(count, "0"))
    return "".join(next(digits) if sign.isdecimal() else "x" if sign.isalpha() else sign for sign in text)
