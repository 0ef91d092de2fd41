"""The growth of an answer's time and memory with objects and levels, and its longest event loop stall."""

from __future__ import annotations

import asyncio
import gc
import math
import time
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from rich.console import Console
from rich.table import Table

from benchmarks.micro.chain import ChainInMemory as Chain
from benchmarks.micro.chain import ChainPeople, build_chain_document, build_chain_schema
from benchmarks.micro.in_memory import InMemoryHub, build_blog_hub, measure_microseconds
from engine.agencies.bindings import Agencies
from engine.response_encoding import encode
from schema.builder import get_graphql_schema

COUNTS = (100, 1_000, 10_000, 100_000)
LEVELS = (1, 2, 4, 8)
_PER_LEVEL = 1_000
_USERS_EACH = 10
_TICK_S = 0.001
_NOTHING = 1e-9
_LINEAR = 1.1
"""Growth with this exponent or a lower one counts as linear."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrowthPoint:
    """One answer of one size."""

    curve: str
    """`objects`: Q3, each post with its user by an edge, ten posts per user. `levels`: 1,000 people per level."""
    size: int
    """Posts, or levels."""
    objects: int
    """Objects of the answer: posts and users, or people."""
    milliseconds: float
    """Processor time, from the request to the bytes of the answer."""
    bytes_an_object: float
    """The peak of memory for the answer, divided by its objects (tracemalloc)."""
    longest_stall_ms: float
    """The longest time in which nothing else ran on the event loop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """A curve's exponents: 1 is linear, 2 quadratic."""

    curve: str
    time: float
    memory: float

    @property
    def is_linear(self) -> bool:
        """Whether neither time nor memory grows faster than the objects."""
        return max(self.time, self.memory) <= _LINEAR


async def measure_curves(*, quick: bool, within: float) -> list[GrowthPoint]:
    """Measure every size; `quick` omits the largest."""
    points = []
    for count in COUNTS[:-1] if quick else COUNTS:
        users = max(count // _USERS_EACH, 1)
        points.append(await _measure_point("objects", build_blog_hub(count, users), count, count + users, within))
    for depth in LEVELS:
        hub = InMemoryHub(
            Agencies({ChainPeople: Chain(_PER_LEVEL)}),
            get_graphql_schema(build_chain_schema()),
            build_chain_document(depth),
        )
        points.append(await _measure_point("levels", hub, depth, depth * _PER_LEVEL, within))
    return points


def fit_exponents(points: Sequence[GrowthPoint]) -> list[Growth]:
    """The slope of each curve on logarithmic scales, by least squares (`fit_slope`)."""
    found = []
    for curve in dict.fromkeys(each.curve for each in points):
        on_it = [each for each in points if each.curve == curve]
        objects = [each.objects for each in on_it]
        time_ = fit_slope(objects, [each.milliseconds for each in on_it])
        memory = fit_slope(objects, [each.bytes_an_object * each.objects for each in on_it])
        found.append(Growth(curve=curve, time=round(time_, 3), memory=round(memory, 3)))
    return found


def fit_slope(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """The exponent of size with which the cost grows between sizes.

    From what each step adds to what that costs: a part that is there at any size (a request), or that the smallest does
    not have (a first level needs no edge), bends a curve of whole costs without being growth.
    """
    across = [math.log(after - before) for before, after in pairwise(sizes)]
    up = [math.log(max(after - before, _NOTHING)) for before, after in pairwise(costs)]
    middle = (sum(across) / len(across), sum(up) / len(up))
    covariance = sum((x - middle[0]) * (y - middle[1]) for x, y in zip(across, up, strict=True))
    return covariance / sum((x - middle[0]) ** 2 for x in across)


async def _measure_point(curve: str, hub: InMemoryHub, size: int, objects: int, within: float) -> GrowthPoint:
    async def run() -> None:
        encode(await hub.answer())

    taken = await measure_microseconds(run, within=within)
    stall = min([await _measure_stall(hub) for _ in range(3)])
    gc.collect()
    tracemalloc.start()
    answered = await hub.answer()
    encode(answered)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return GrowthPoint(
        curve=curve,
        size=size,
        objects=objects,
        milliseconds=round(taken / 1000, 4),
        bytes_an_object=round(peak / objects, 1),
        longest_stall_ms=round(stall * 1000, 2),
    )


async def _measure_stall(hub: InMemoryHub) -> float:
    """Seconds of the longest gap between a ticker's ticks during one answer, including its serialization."""
    longest, ends = 0.0, False

    async def tick() -> None:
        nonlocal longest
        last = time.perf_counter()
        while not ends:
            await asyncio.sleep(_TICK_S)
            now = time.perf_counter()
            longest = max(longest, now - last - _TICK_S)
            last = now

    ticker = asyncio.create_task(tick())
    await asyncio.sleep(2 * _TICK_S)
    encode(await hub.answer())
    ends = True
    await ticker
    return longest


def print_curves(points: Sequence[GrowthPoint], console: Console) -> None:
    """Print the curves with their exponents."""
    for growth in fit_exponents(points):
        table = Table(title=f"Growth with {growth.curve}", title_justify="left")
        for name in (growth.curve, "objects made", "ms", "µs an object", "bytes an object", "longest stall ms"):
            table.add_column(name, justify="right")
        for each in (point for point in points if point.curve == growth.curve):
            table.add_row(
                f"{each.size:,}",
                f"{each.objects:,}",
                f"{each.milliseconds:.2f}",
                f"{each.milliseconds * 1000 / each.objects:.2f}",
                f"{each.bytes_an_object:,.0f}",
                f"{each.longest_stall_ms:.1f}",
            )
        console.print(table)
        verdict = "linear" if growth.is_linear else "NOT linear"
        console.print(
            f"Time grows as objects to the power {growth.time:.2f}, memory as {growth.memory:.2f}: {verdict}."
        )
