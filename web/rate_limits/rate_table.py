"""The rates of each kind of caller, as the operator sets them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from auth.caller import CallerKind
from cache.limits.rate_limiter import Rate

OFF = "off"
DEFAULT_RATES = (
    "anonymous:3000/600000/60",
    "citizen:600/200000/60",
    "business:600/200000/60",
    "official:1200/600000/120",
    "supervisor:600/200000/60",
    "steward:600/200000/60",
    "auditor:600/200000/60",
    "protection-officer:600/200000/60",
    "partner:6000/1200000/600",
    "agency-system:12000/2400000/600",
    "operator:600/200000/60",
)
"""Far more than people need. Anonymous callers get more together than one signed-in person, because many people share
an address of their mobile operator."""
_LINE = re.compile(r"([a-z-]+):(?:([1-9][0-9]{0,9})/([1-9][0-9]{0,11})(?:/([1-9][0-9]{0,9}))?|off)")
_SYNTAX_HELP = (
    "Write kind:requests/points or kind:requests/points/fresh, each per minute, or kind:off; or 'off' alone. Kinds: "
    + ", ".join(each.value for each in CallerKind)
    + "."
)


class CallerRates(NamedTuple):
    """The rates of each caller of one kind, per minute."""

    requests: Rate
    points: Rate
    """Points of the expected cost of operations."""
    fresh: Rate
    """Requests that set a maximum age of data."""


def parse_rates(lines: Sequence[str]) -> Mapping[CallerKind, CallerRates]:
    """Parse lines `kind:requests/points/fresh`. Kinds without a line, and lines without `/fresh`, keep the defaults.

    `kind:off` removes the limits of a kind, and `off` alone those of all kinds. Raises `ValueError` for other lines.
    """
    if tuple(lines) == (OFF,):
        return {}
    rates: dict[CallerKind, CallerRates] = {}
    for line in (*DEFAULT_RATES, *lines):
        found = _LINE.fullmatch(line)
        if found is None:
            raise ValueError(f"'{line}' is not a rate. {_SYNTAX_HELP}")
        kind, requests, points, fresh = found.groups()
        if kind not in {each.value for each in CallerKind}:
            raise ValueError(f"'{kind}' is not a kind of caller. {_SYNTAX_HELP}")
        if requests is None:
            rates.pop(CallerKind(kind), None)
        else:
            fresh_rate = rates[CallerKind(kind)].fresh if fresh is None else Rate(int(fresh))
            rates[CallerKind(kind)] = CallerRates(Rate(int(requests)), Rate(int(points)), fresh_rate)
    named = [line.partition(":")[0] for line in lines]
    duplicate = next((each for each in named if named.count(each) > 1), None)
    if duplicate is not None:
        raise ValueError(f"'{duplicate}' is listed more than once. Write one line for each kind.")
    return rates
