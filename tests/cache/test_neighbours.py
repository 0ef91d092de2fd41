"""Processes that keep answers each by itself hear that something has to go; the folder they share is a real one."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from cache.neighbours import Neighbours
from cache.slots import Slot
from tests.cache.test_read_through import ONE, TWO, agency, told, values
from tests.cache.world import kind, process
from tests.city import ROOT


def in_folder(folder: Path) -> Neighbours:
    made = Neighbours(folder)
    made.open()
    return made


def test_each_hears_of_another_once_and_nothing_where_nothing_was_said(tmp_path: Path) -> None:
    one, other = in_folder(tmp_path), in_folder(tmp_path)
    assert not one.invalidated()
    other.tell()
    assert one.invalidated()
    assert not one.invalidated()


def test_what_was_said_before_a_process_began_is_none_of_its_affair(tmp_path: Path) -> None:
    in_folder(tmp_path).tell()
    assert not in_folder(tmp_path).invalidated()


def test_what_another_says_at_the_same_moment_is_not_missed(tmp_path: Path) -> None:
    one, other = in_folder(tmp_path), in_folder(tmp_path)
    other.tell()
    one.tell()
    assert one.invalidated()
    assert other.invalidated()


def test_another_process_is_heard(tmp_path: Path) -> None:
    here = in_folder(tmp_path)
    program = (
        "import pathlib, sys; from cache.neighbours import Neighbours;"
        " there = Neighbours(pathlib.Path(sys.argv[1])); there.open(); there.tell()"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, check=True)  # noqa: S603 - our own program
    assert here.invalidated()


def test_what_is_invalidated_at_one_is_asked_for_anew_at_the_other(tmp_path: Path) -> None:
    async def story() -> None:
        here, there = (process(neighbours=in_folder(tmp_path)) for _ in range(2))
        by = agency()
        for each in (here, there):
            await values(each, by, ONE)
        assert len(by.asked) == 2
        by.versions[1] = 7
        assert await there.invalidate(["whatever"])
        assert await values(here, by, ONE, TWO) == [7, 0]
        assert await values(here, by, ONE, TWO) == [7, 0]
        assert len(by.asked) == 3

    told(story)


def test_an_answer_on_its_way_while_another_process_invalidates_is_not_kept(tmp_path: Path) -> None:
    async def story() -> None:
        here, there = process(neighbours=in_folder(tmp_path)), in_folder(tmp_path)
        by, slot = agency(), Slot(kind(), 1)
        asking = asyncio.create_task(values(here, by, slot))
        await asyncio.sleep(0)
        there.tell()
        await asking
        before = len(by.asked)
        await values(here, by, slot)
        assert len(by.asked) == before + 1

    told(story)


def test_where_others_cannot_be_heard_nothing_is_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").touch()
    with caplog.at_level(logging.WARNING, "simpul.kept"):
        deaf = in_folder(tmp_path / "file")
    assert [deaf.invalidated(), deaf.invalidated()] == [True, True]
    assert "The run folder cannot be used (" in caplog.text
