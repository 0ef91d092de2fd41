"""Checks for leaks: constant memory once the caches are full, and everything else released when idle."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import linear_regression

from benchmarks.soak.figures import HALF_CLOSED, Figures

MAX_GROWTH = 0.03
"""The maximum growth of resident memory over the second half, by the slope."""
MAX_OBJECTS = 0.10
"""The same for objects, whose number depends on requests that wait for slow agencies."""
LEAST = 50
"""Minimum measurements for a line."""


@dataclass(frozen=True, slots=True)
class SoakCheck:
    """One check and its result."""

    subject: str
    has_passed: bool
    message: str


def build_verdict(
    under_load: Sequence[Figures], before: Figures, after: Figures, *, bounds: Mapping[str, int]
) -> Sequence[SoakCheck]:
    """Build all checks.

    `before` is the idle process after a first short load, `after` the idle process at the end. `bounds` is the maximum
    of open connections to each peer.
    """
    half = [each for each in under_load if each.seconds >= under_load[-1].seconds / 2]
    return [
        _check_flat("resident memory", half, lambda each: each.rss, MAX_GROWTH),
        _check_flat("objects", half, lambda each: each.objects, MAX_OBJECTS),
        _check_given_back("tasks", before.tasks, after.tasks, _describe_growth(before.named, after.named)),
        _check_given_back("connections of clients", 0, after.connections.get("clients", 0)),
        *(
            _check_within(f"connections to {name}", bound, after.connections.get(name, 0))
            for name, bound in sorted(bounds.items())
        ),
        _check_given_back(
            "connections closed by the peer",
            0,
            after.connections.get(HALF_CLOSED, 0),
            _describe_growth({}, after.half_closed),
        ),
        _check_given_back("connections to others", 0, after.connections.get("others", 0)),
        _check_given_back("other file handles", _count_other_handles(before), _count_other_handles(after)),
    ]


def fit_growth(figures: Sequence[Figures], value: Callable[[Figures], float]) -> float:
    """The relative growth of a value, by the best-fitting line."""
    if len(figures) < LEAST:
        raise ValueError(f"{len(figures)} measurements are too few; {LEAST} are needed. Let the soak run longer.")
    slope, start = linear_regression([each.seconds for each in figures], [value(each) for each in figures])
    first, last = (start + slope * figures[place].seconds for place in (0, -1))
    return (last - first) / first


def _check_flat(what: str, figures: Sequence[Figures], value: Callable[[Figures], float], limit: float) -> SoakCheck:
    part = fit_growth(figures, value)
    message = f"{part:+.2%} over the second half, by its slope; at most {limit:+.0%}"
    return SoakCheck(what, part <= limit, message)


def _check_given_back(what: str, before: int, after: int, more: str = "") -> SoakCheck:
    return SoakCheck(what, after <= before, f"{after} at rest, {before} before{more}")


def _check_within(what: str, bound: int, after: int) -> SoakCheck:
    return SoakCheck(what, after <= bound, f"{after} at rest, at most {bound} are kept open")


def _describe_growth(before: Mapping[str, int], after: Mapping[str, int]) -> str:
    grown: Iterable[str] = (
        f"{name} {count - before.get(name, 0):+}" for name, count in after.items() if count > before.get(name, 0)
    )
    text = ", ".join(grown)
    return f" ({text})" if text else ""


def _count_other_handles(figures: Figures) -> int:
    """Count the handles that are not counted as connections."""
    return figures.handles - sum(figures.connections.values())
