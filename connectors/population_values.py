"""Reads values of the population register for people and for family cards."""

from __future__ import annotations

import re
from typing import Final

from connectors.drivers.sql.driver import Row
from connectors.readers.names import person_name
from connectors.readers.texts import text
from connectors.readers.unreadable import UnreadableError
from records.identifiers import Nik
from records.population import Sex

_NIK: Final = re.compile(r"[0-9]{16}")
_SEXES: Final = {"LAKI-LAKI": Sex.MALE, "L": Sex.MALE, "1": Sex.MALE} | {
    "PEREMPUAN": Sex.FEMALE,
    "P": Sex.FEMALE,
    "2": Sex.FEMALE,
}


def nik_of(row: Row) -> Nik:
    """Reads the NIK of a row. Raises `UnreadableError`."""
    written = str(row["nik"])
    if not _NIK.fullmatch(written):
        raise UnreadableError("a NIK")
    return Nik(written)


def person_name_of(raw: object) -> str:
    """Reads a person's name. Raises `UnreadableError`, also if it is missing: every person in the register has one."""
    name = text(raw, "a name")
    if name is None:
        raise UnreadableError("a name")
    return person_name(name)


def sex_of(raw: object) -> Sex | None:
    """Reads the sex, as a word or a digit; None for other values."""
    return _SEXES.get(word(raw).replace(" ", ""))


def word(raw: object) -> str:
    """Reads a word of one of the register's lists, for a look-up."""
    return (text(raw) or "").upper()
