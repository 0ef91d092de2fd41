"""Generates identity and family card numbers as Dukcapil does: `PPKKCC DDMMYY SSSS`, with test serials only."""

from datetime import date

FIRST_SERIAL = 9000
LAST_SERIAL = 9999
FEMALE_DAY_OFFSET = 40
"""Added to the day of birth in a woman's number."""


def build_stem(district: str, day: date, *, woman: bool) -> str:
    """The twelve digits before the serial: district of issue (dotted code) and day, +40 for women."""
    return f"{district.replace('.', '')}{day.day + FEMALE_DAY_OFFSET * woman:02d}{day:%m%y}"


class NikIssuer:
    """Issues each number once; `taken` are reserved numbers. Raises `OverflowError` if a stem is used up."""

    def __init__(self, taken: frozenset[str]) -> None:
        self._taken = taken
        self._last: dict[str, int] = {}

    def issue(self, stem: str) -> str:
        """The next free number of a stem."""
        for serial in range(self._last.get(stem, FIRST_SERIAL - 1) + 1, LAST_SERIAL + 1):
            self._last[stem] = serial
            if (number := f"{stem}{serial}") not in self._taken:
                return number
        raise OverflowError(f"no serial left for numbers that begin with {stem}")
