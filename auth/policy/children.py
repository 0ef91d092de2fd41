"""Who is a child, and for what a child's data may be read.

A child is who is under 18 (UU 35/2014, article 1); children's data is specific personal data (UU PDP 27/2022, article
4) and processed in a special way (article 25). Whose data it is says the identity number, and the number says the day
of birth: nobody has to be asked.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from typing import Final

from records.purposes import Purpose

AGE_OF_MAJORITY: Final = 18
CHILD_PURPOSES: Final = frozenset(
    {
        Purpose.CIVIL_REGISTRATION,
        Purpose.SOCIAL_ASSISTANCE,
        Purpose.HEALTHCARE,
        Purpose.EDUCATION,
        Purpose.SUBJECT_REQUEST,
    }
)
"""For which purposes a child's data is read where a field does not name its own."""

_JAKARTA: Final = timezone(timedelta(hours=7), "WIB")
_NIK: Final = re.compile(r"\d{6}(\d\d)(\d\d)(\d\d)\d{4}", re.ASCII)
_WOMAN_DAY_OFFSET: Final = 40
_CENTURY: Final = 100


def get_city_date() -> date:
    """The day by which somebody is a child or of age, in the city's own time."""
    return datetime.now(_JAKARTA).date()


def is_child(nik: str, today: date) -> bool:
    """Whether the owner of an identity number (`PPKKCC DDMMYY SSSS`, the day +40 for women) is under 18.

    The year has two digits: up to this year's it is of this century, so who is over 100 may count as a child, and no
    child as of age. Where day and month are no date, the year alone decides, in favour of the child. What is no
    identity number is nobody.
    """
    parts = _NIK.fullmatch(nik)
    if parts is None:
        return False
    day, month, year = map(int, parts.groups())
    this_century = today.year - today.year % _CENTURY
    year += this_century if year <= today.year % _CENTURY else this_century - _CENTURY
    try:
        born = date(year, month, day - _WOMAN_DAY_OFFSET if day > _WOMAN_DAY_OFFSET else day)
    except ValueError:
        return today.year - year <= AGE_OF_MAJORITY
    return is_under_age(born, today)


def is_under_age(born: date, today: date) -> bool:
    """Whether somebody who was born that day is under 18; of age on the birthday itself."""
    return (today.year - born.year) - ((today.month, today.day) < (born.month, born.day)) < AGE_OF_MAJORITY
