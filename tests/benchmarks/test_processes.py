"""Processes of the benchmarks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.processes import keep_awake
from tests.fakes.waiting import wait_until

pytestmark = pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="the system has no SCHED_IDLE")


def list_children() -> set[int]:
    return {int(each) for each in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()}


async def test_a_core_is_kept_awake_by_a_process_that_runs_only_if_nothing_else_does() -> None:
    core = min(os.sched_getaffinity(0))
    before = list_children()
    with keep_awake(core):
        (spinning,) = list_children() - before
        await wait_until(lambda: os.sched_getscheduler(spinning) == os.SCHED_IDLE)
        assert os.sched_getaffinity(spinning) == {core}
    assert list_children() == before


def test_a_core_that_does_not_exist_is_not_kept_awake() -> None:
    before = list_children()
    with keep_awake(max(os.sched_getaffinity(0)) + 1):
        assert list_children() == before
