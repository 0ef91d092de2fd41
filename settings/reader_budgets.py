"""Parses the operator's budgets of different people per reader."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from auth.caller import CallerKind
from cache.limits.people_counts import PeopleBudget

OFF = "off"
DEFAULT_READER_BUDGETS = (
    "official:300/1500",
    "agency-system:10000/100000",
    "partner:5000/50000",
    "supervisor:2000/10000",
    "auditor:5000/20000",
    "protection-officer:5000/20000",
)
"""An official at a counter serves about twenty people an hour, each with a family card of four; lists of complaints and
requests add others. Systems and partners serve their own customers. Overseers page through the reads of others."""
_READERS = tuple(line.partition(":")[0] for line in DEFAULT_READER_BUDGETS)
_LINE = re.compile(r"([a-z-]+):(?:([1-9][0-9]{0,7})/([1-9][0-9]{0,7})|off)")
_SYNTAX_HELP = f"Write kind:hour/day or kind:off; or 'off' alone. Kinds: {', '.join(_READERS)}."


def parse_reader_budgets(lines: Sequence[str]) -> Mapping[CallerKind, PeopleBudget]:
    """Parse lines of `kind:hour/day`, by kind of caller; kinds without a line keep the default.

    `kind:off` removes the budget of a kind, `off` alone removes all. Raises `ValueError` for any other line.
    """
    if tuple(lines) == (OFF,):
        return {}
    budgets: dict[CallerKind, PeopleBudget] = {}
    for line in (*DEFAULT_READER_BUDGETS, *lines):
        found = _LINE.fullmatch(line)
        if found is None or found.group(1) not in _READERS:
            raise ValueError(f"'{line}' is not a reader budget. {_SYNTAX_HELP}")
        kind, hour, day = found.groups()
        if hour is None:
            budgets.pop(CallerKind(kind), None)
            continue
        if int(day) < int(hour):
            raise ValueError(f"'{line}' allows fewer people a day than an hour. {_SYNTAX_HELP}")
        budgets[CallerKind(kind)] = PeopleBudget(int(hour), int(day))
    named = [line.partition(":")[0] for line in lines]
    duplicate = next((each for each in named if named.count(each) > 1), None)
    if duplicate is not None:
        raise ValueError(f"'{duplicate}' is listed more than once. Write one line for each kind.")
    return budgets
