"""Whether anything leaks: memory flat once the caches are full, and everything else given back when nobody asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import linear_regression

from benchmarks.soak.figures import HALF_CLOSED, Figures

MOST_GROWTH = 0.03
"""The part by which resident memory may grow over the second half, by the slope."""
MOST_OBJECTS = 0.10
"""The same for objects: under load there are as many as slow agencies hold requests up."""
LEAST = 50
"""Measurements below which no line is drawn."""


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that was looked at."""

    what: str
    is_well: bool
    says: str


def verdict(
    under_load: Sequence[Figures], before: Figures, after: Figures, *, bounds: Mapping[str, int]
) -> Sequence[Found]:
    """What is well and what is not.

    `before` is the process at rest after a first short load, `after` at rest after the last; `bounds` says how many
    connections it may keep open to each of those it asks.
    """
    half = [each for each in under_load if each.seconds >= under_load[-1].seconds / 2]
    return [
        _flat("resident memory", half, lambda each: each.rss, MOST_GROWTH),
        _flat("objects", half, lambda each: each.objects, MOST_OBJECTS),
        _given_back("tasks", before.tasks, after.tasks, _more(before.named, after.named)),
        _given_back("connections of clients", 0, after.connections.get("clients", 0)),
        *(
            _within(f"connections to {name}", bound, after.connections.get(name, 0))
            for name, bound in sorted(bounds.items())
        ),
        _given_back(
            "connections that the other side closed",
            0,
            after.connections.get(HALF_CLOSED, 0),
            _more({}, after.half_closed),
        ),
        _given_back("connections to others", 0, after.connections.get("others", 0)),
        _given_back("other file handles", _others(before), _others(after)),
    ]


def growth(figures: Sequence[Figures], value: Callable[[Figures], float]) -> float:
    """By which part of what it was a value grew, by the line that fits best."""
    if len(figures) < LEAST:
        raise ValueError(f"{len(figures)} measurements are too few; {LEAST} are needed. Let it soak longer.")
    slope, start = linear_regression([each.seconds for each in figures], [value(each) for each in figures])
    first, last = (start + slope * figures[place].seconds for place in (0, -1))
    return (last - first) / first


def _flat(what: str, figures: Sequence[Figures], value: Callable[[Figures], float], most: float) -> Found:
    part = growth(figures, value)
    says = f"{part:+.2%} over the second half, by its slope; at most {most:+.0%}"
    return Found(what, part <= most, says)


def _given_back(what: str, before: int, after: int, more: str = "") -> Found:
    return Found(what, after <= before, f"{after} at rest, {before} before{more}")


def _within(what: str, bound: int, after: int) -> Found:
    return Found(what, after <= bound, f"{after} at rest, at most {bound} are kept open")


def _more(before: Mapping[str, int], after: Mapping[str, int]) -> str:
    grown: Iterable[str] = (
        f"{name} {count - before.get(name, 0):+}" for name, count in after.items() if count > before.get(name, 0)
    )
    told = ", ".join(grown)
    return f" ({told})" if told else ""


def _others(figures: Figures) -> int:
    """Handles that are no connection which is looked at by itself."""
    return figures.handles - sum(figures.connections.values())
