"""The graph's own scalars, the validation of their values before any agency call, and its enumerations."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any

import strawberry
from strawberry.types.scalar import ScalarDefinition

from engine.document.refused_values import RefusedValue
from records.description import DescribedEnum
from records.identifiers import FamilyCardNumber, Nib, Nik, Nop, PartialDate, RegionCode, Rupiah
from records.uploads import UploadedFile

_DAY_OFFSET_OF_WOMEN = 40
_MAX_SAFE_INTEGER = 2**53 - 1
_REGION_CODE = re.compile(r"\d{2}(\.\d{2}(\.\d{2}(\.\d{4})?)?)?", re.ASCII)
_EARLIEST, _LATEST = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)
"""One day inside the ends of the calendar, because queries to agencies use their own time zone and the next second."""
_PARTIAL = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def parse_nik(value: object) -> Nik:
    """Parses a NIK. An unknown region prefix is valid: numbers keep the codes of former districts."""
    text = _require_digits(value, 16, "NIK")
    day, month, year = int(text[6:8]), int(text[8:10]), int(text[10:12])
    day -= _DAY_OFFSET_OF_WOMEN if day > _DAY_OFFSET_OF_WOMEN else 0
    if not any(_is_day(century + year, month, day) for century in (1900, 2000)):
        raise RefusedValue(
            "Digits 7 to 12 of a NIK are a date of birth (DDMMYY; DD + 40 for women); these are not a date."
        )
    if text.endswith("0000"):
        raise RefusedValue("A NIK ends with a serial number, from 0001.")
    return Nik(text)


def parse_nop(value: object) -> Nop:
    """Parses a NOP, with or without its printed separators."""
    return Nop(_require_digits(re.sub(r"[.\- ]", "", value) if isinstance(value, str) else value, 18, "NOP"))


def parse_nib(value: object) -> Nib:
    """Parses a NIB."""
    return Nib(_require_digits(value, 13, "NIB"))


def parse_family_card_number(value: object) -> FamilyCardNumber:
    """Parses the number of a family card."""
    return FamilyCardNumber(_require_digits(value, 16, "family card number"))


def parse_region_code(value: object) -> RegionCode:
    """Parses a dotted Kemendagri code; refuses codes of other systems, whose digits mean other places."""
    if not isinstance(value, str) or not _REGION_CODE.fullmatch(value):
        raise RefusedValue(
            "A region code is a dotted Kemendagri code, such as 31, 31.71, 31.71.01 or 31.71.01.1001. "
            "For codes of other systems use region(code:, system:)."
        )
    return RegionCode(value)


def parse_upload(value: object) -> UploadedFile:
    """Returns the file that a multipart request put in place of the variable's null."""
    if not isinstance(value, UploadedFile):
        raise RefusedValue(
            "A file is a part of a multipart/form-data request (GraphQL multipart request specification), and a"
            " variable that the part 'map' names."
        )
    return value


def parse_rupiah(value: object) -> Rupiah:
    """Parses an amount in whole Rupiah."""
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _MAX_SAFE_INTEGER:
        raise RefusedValue("An amount is a whole number of Rupiah, without separators or decimals.")
    return Rupiah(value)


def parse_date(value: object) -> date:
    """Parses a date (ISO 8601)."""
    try:
        return date.fromisoformat(value if isinstance(value, str) and _DAY.fullmatch(value) else "")
    except ValueError:
        raise RefusedValue("A date has the form YYYY-MM-DD, such as 2026-11-23.") from None


def parse_partial_date(value: object) -> PartialDate:
    """Parses a year, a month or a day."""
    text = value if isinstance(value, str) else ""
    if not _PARTIAL.fullmatch(text) or not _is_day(*map(int, f"{text}-01-01"[:10].split("-"))):
        raise RefusedValue("A partial date has the form YYYY, YYYY-MM or YYYY-MM-DD, such as 2019-06.")
    return PartialDate(text)


def parse_date_time(value: object) -> datetime:
    """Parses a date and time with an offset (RFC 3339)."""
    try:
        return require_comparable(datetime.fromisoformat(value if isinstance(value, str) else ""))
    except ValueError:
        raise RefusedValue("A date and time needs an offset, such as 2026-11-23T08:00:00+07:00.") from None


def require_comparable(moment: datetime) -> datetime:
    """Returns the moment. Raises `ValueError` without an offset, or if it does not exist in every time zone."""
    if moment.tzinfo is None:
        raise ValueError("The moment has no offset.")
    if not _EARLIEST <= moment <= _LATEST:
        raise ValueError("The moment is outside the years 1 to 9999 in some time zone.")
    return moment


def _require_digits(value: object, count: int, what: str) -> str:
    if not isinstance(value, str) or len(value) != count or not (value.isascii() and value.isdigit()):
        raise RefusedValue(f"A {what} is a string of exactly {count} digits.")
    return value


def _is_day(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _refuse_output(value: object) -> str:
    raise TypeError(f"A {type(value).__name__} is an input only.")


def _build_scalar(
    name: str,
    description: str,
    parse: Callable[[object], Any],
    serialize: Callable[[Any], Any] = str,
    specified_by: str | None = None,
) -> ScalarDefinition:
    return strawberry.scalar(
        name=name,
        description=description,
        serialize=serialize,
        parse_value=parse,
        specified_by_url=specified_by,
    )


def build_scalar_map() -> Mapping[object, ScalarDefinition]:
    """Builds the custom scalars of the graph, by the type that records use."""
    return {
        Nik: _build_scalar("NIK", "Identity number of a person (Nomor Induk Kependudukan): 16 digits.", parse_nik),
        FamilyCardNumber: _build_scalar(
            "FamilyCardNumber", "Number of a family card (Nomor Kartu Keluarga): 16 digits.", parse_family_card_number
        ),
        Nop: _build_scalar(
            "NOP",
            "Number of a taxed object (Nomor Objek Pajak): 18 digits, returned without separators. The first four "
            "digits are a BPS code, the next six the tax office's own numbers of district and kelurahan.",
            parse_nop,
        ),
        Nib: _build_scalar("NIB", "Number of a registered business (Nomor Induk Berusaha): 13 digits.", parse_nib),
        RegionCode: _build_scalar(
            "RegionCode", "Dotted Kemendagri code of a region, such as `31.71.01.1001`.", parse_region_code
        ),
        UploadedFile: _build_scalar(
            "Upload",
            "A file, sent as a part of a multipart/form-data request.",
            parse_upload,
            _refuse_output,
            "https://github.com/jaydenseric/graphql-multipart-request-spec",
        ),
        Rupiah: _build_scalar("Rupiah", "An amount of money in whole Rupiah, as an integer.", parse_rupiah, int),
        date: _build_scalar(
            "Date",
            "A date, `YYYY-MM-DD` (ISO 8601).",
            parse_date,
            date.isoformat,
            "https://scalars.graphql.org/andimarek/local-date.html",
        ),
        PartialDate: _build_scalar(
            "PartialDate",
            "A year, a month or a day, as far as it is known: `2019`, `2019-06` or `2019-06-05` (ISO 8601).",
            parse_partial_date,
            str,
            "https://hl7.org/fhir/R4/datatypes.html#date",
        ),
        datetime: _build_scalar(
            "DateTime",
            "A date and time with its offset, such as `2026-11-23T08:00:00+07:00` (RFC 3339).",
            parse_date_time,
            datetime.isoformat,
            "https://www.rfc-editor.org/rfc/rfc3339",
        ),
    }


def publish_enum(enum: type[DescribedEnum]) -> type[Enum]:
    """Publishes an enumeration, with the descriptions of its members."""
    if "__strawberry_definition__" not in vars(enum):
        strawberry.enum(enum, description=inspect.cleandoc(enum.__doc__ or ""))
        definition = enum.__strawberry_definition__  # type: ignore[attr-defined]  # set by Strawberry
        for value, member in zip(definition.values, enum, strict=True):
            value.description = member.description
    return enum
