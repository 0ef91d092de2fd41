"""Processes with separate caches receive invalidations, through a real shared folder."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from cache.answers.process_invalidation import ProcessInvalidation
from cache.answers.slots import Slot
from tests.cache.answers.cache_world import ONE, TWO, build_agency, build_cache, build_kind, read_values, run_scenario
from tests.sandbox_agencies import ROOT


def build_in_folder(folder: Path) -> ProcessInvalidation:
    made = ProcessInvalidation(folder)
    made.open()
    return made


def test_each_process_receives_an_invalidation_once(tmp_path: Path) -> None:
    one, other = build_in_folder(tmp_path), build_in_folder(tmp_path)
    assert not one.poll()
    other.publish()
    assert one.poll()
    assert not one.poll()


def test_invalidations_before_a_process_began_are_ignored(tmp_path: Path) -> None:
    build_in_folder(tmp_path).publish()
    assert not build_in_folder(tmp_path).poll()


def test_a_concurrent_invalidation_of_another_process_is_not_missed(tmp_path: Path) -> None:
    one, other = build_in_folder(tmp_path), build_in_folder(tmp_path)
    other.publish()
    one.publish()
    assert one.poll()
    assert other.poll()


def test_an_invalidation_of_a_real_process_is_received(tmp_path: Path) -> None:
    here = build_in_folder(tmp_path)
    program = (
        "import pathlib, sys; from cache.answers.process_invalidation import ProcessInvalidation;"
        " there = ProcessInvalidation(pathlib.Path(sys.argv[1])); there.open(); there.publish()"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, check=True)  # noqa: S603 - our own program
    assert here.poll()


def test_an_answer_invalidated_in_one_process_is_fetched_again_in_the_other(tmp_path: Path) -> None:
    async def scenario() -> None:
        here, there = (build_cache(process_invalidation=build_in_folder(tmp_path)) for _ in range(2))
        by = build_agency()
        for each in (here, there):
            await read_values(each, by, ONE)
        assert len(by.asked) == 2
        by.versions[1] = 7
        assert await there.invalidate(["whatever"])
        assert await read_values(here, by, ONE, TWO) == [7, 0]
        assert await read_values(here, by, ONE, TWO) == [7, 0]
        assert len(by.asked) == 3

    run_scenario(scenario)


def test_an_answer_in_flight_during_an_invalidation_of_another_process_is_not_cached(tmp_path: Path) -> None:
    async def scenario() -> None:
        here, there = build_cache(process_invalidation=build_in_folder(tmp_path)), build_in_folder(tmp_path)
        by, slot = build_agency(), Slot(build_kind(), 1)
        asking = asyncio.create_task(read_values(here, by, slot))
        await asyncio.sleep(0)
        there.publish()
        await asking
        before = len(by.asked)
        await read_values(here, by, slot)
        assert len(by.asked) == before + 1

    run_scenario(scenario)


def test_without_a_usable_folder_nothing_is_cached(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").touch()
    with caplog.at_level(logging.WARNING, "simpul.cache"):
        closed = build_in_folder(tmp_path / "file")
    assert [closed.poll(), closed.poll()] == [True, True]
    assert "The run folder cannot be used (" in caplog.text
