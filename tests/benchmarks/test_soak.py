"""What the soak says of a process that leaks, and of one that does not."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from benchmarks.soak.figures import Figures, Watcher
from benchmarks.soak.verdict import growth, verdict

MIB = 2**20


def figures(seconds: float = 0, **given: Any) -> Figures:  # noqa: ANN401 - members of Figures
    plain: dict[str, Any] = {
        "seconds": seconds,
        "rss": 200 * MIB,
        "tasks": 10,
        "objects": 50_000,
        "kept": 0,
        "handles": 20,
        "connections": {"pbb": 3, "redis": 2},
    }
    return Figures(**(plain | given))


def leaks(under_load: Sequence[Figures], before: Figures, after: Figures) -> list[str]:
    found = verdict(under_load, before, after, bounds={"pbb": 8, "redis": 4})
    return [each.what for each in found if not each.is_well]


def steady(**given: Any) -> list[Figures]:  # noqa: ANN401 - see above
    return [figures(second, **given) for second in range(100)]


def test_a_process_that_gives_everything_back_is_well() -> None:
    after = figures(connections={"pbb": 8, "redis": 1}, handles=24)
    assert leaks(steady(), figures(), after) == []


def test_what_grows_while_the_caches_fill_is_no_leak_and_what_grows_from_then_on_is() -> None:
    filling = [figures(second, rss=(100 + 2 * min(second, 50)) * MIB) for second in range(100)]
    leaking = [figures(second, rss=(200 + second / 5) * MIB) for second in range(100)]
    assert leaks(filling, figures(), figures()) == []
    assert leaks(leaking, figures(), figures()) == ["resident memory"]
    assert growth(leaking[50:], lambda each: each.rss) == pytest.approx(9.8 / 210)
    assert leaks([figures(second, objects=50_000 + 300 * second) for second in range(100)], figures(), figures()) == [
        "objects"
    ]


@pytest.mark.parametrize(
    ("after", "what"),
    [
        (figures(tasks=11), ["tasks"]),
        (figures(connections={"clients": 1}, handles=16), ["connections of clients"]),
        (figures(connections={"pbb": 9}, handles=24), ["connections to pbb"]),
        (figures(connections={"others": 1}, handles=16), ["connections to others"]),
        (figures(connections={"half closed": 2}, handles=17), ["connections that the other side closed"]),
        (figures(handles=21), ["other file handles"]),
    ],
)
def test_what_is_not_given_back_is_named(after: Figures, what: list[str]) -> None:
    assert leaks(steady(), figures(), after) == what


def test_the_tasks_that_were_left_are_told_by_what_they_run() -> None:
    found = verdict(steady(), figures(named={"main": 1}), figures(tasks=12, named={"main": 1, "lost": 2}), bounds={})
    (tasks,) = [each for each in found if each.what == "tasks"]
    assert tasks.says == "12 at rest, 10 before (lost +2)"


def test_connections_that_the_other_side_closed_are_told_by_whom_they_were_with() -> None:
    after = figures(connections={"half closed": 1}, half_closed={"redis": 1}, handles=16)
    found = verdict(steady(), figures(), after, bounds={})
    (closed,) = [each for each in found if not each.is_well]
    assert closed.says == "1 at rest, 0 before (redis +1)"


def test_no_line_is_drawn_through_a_few_points() -> None:
    with pytest.raises(ValueError, match=r"^5 measurements are too few; 50 are needed\. Let it soak longer\.$"):
        growth([figures(second) for second in range(5)], lambda each: each.rss)


async def test_a_process_is_seen_with_its_connections_by_whom_they_are_with(tmp_path: Path) -> None:
    async def tell(reads: asyncio.StreamReader, writes: asyncio.StreamWriter) -> None:
        while await reads.readline():
            inside = {"pid": os.getpid(), "tasks": 1, "named": {}, "objects": 2, "kept": 3}
            writes.write(orjson.dumps(inside) + b"\n")
        writes.close()

    async def hold(reads: asyncio.StreamReader, writes: asyncio.StreamWriter) -> None:
        await reads.read()
        writes.close()

    def port(server: asyncio.Server) -> int:
        number: int = server.sockets[0].getsockname()[1]
        return number

    async with (
        await asyncio.start_unix_server(tell, tmp_path / "told"),
        await asyncio.start_server(hold, "127.0.0.1", 0) as own,
    ):
        watcher = Watcher(tmp_path / "told", {port(own): "pbb"}, own=1)
        before = await watcher.look(0)
        _, writes = await asyncio.open_connection("127.0.0.1", port(own))
        after = await watcher.look(1)
        assert (after.tasks, after.objects, after.kept) == (1, 2, 3)
        assert after.rss > 10 * MIB
        assert after.connections["pbb"] == before.connections.get("pbb", 0) + 1
        assert after.handles == before.handles + 2  # both ends are here
        writes.close()
        await writes.wait_closed()
        assert watcher._streams is not None
        watcher._streams[1].close()
