from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.plugins.run_folder import find_parent, lock_folder, remove_old_runs
from tests.sandbox_agencies import ROOT

TEST = """
from tests.plugins.run_folder import lock_folder


def test_says_where_it_runs(tmp_path_factory):
    base = tmp_path_factory.getbasetemp()
    print(f"in {{base}} it ran, and is locked: {{lock_folder(base.parent) is None}}")
    assert {passes}
"""


def run_in(folder: Path, *, passes: bool) -> Path:
    """The temporary folder of a run."""
    test = folder / "test_where.py"
    test.write_text(TEST.format(passes=passes))
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-rA",
        "-p",
        "tests.plugins.run_folder",
        "--rootdir",
        str(folder),
        "-c",
        "/dev/null",
    ]
    ran = subprocess.run(  # noqa: S603 - our own tests
        [*command, str(test)], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert ran.returncode == (0 if passes else 1), ran.stdout
    line = re.search("^in (.+) it ran, and is locked: True$", ran.stdout, re.MULTILINE)
    assert line is not None
    return Path(line[1])


def test_runs_share_no_folder_and_leave_one_only_where_a_test_failed(tmp_path: Path) -> None:
    first, second = run_in(tmp_path, passes=True), run_in(tmp_path, passes=False)
    assert first != second
    assert "pytest-of-" not in f"{first} {second}"
    assert (first.exists(), second.exists()) == (False, True)
    shutil.rmtree(second)


def test_a_run_removes_what_earlier_runs_left_but_for_three_and_those_under_way(tmp_path: Path) -> None:
    folders = [tmp_path / f"simpul-tests-{number}" for number in range(6)]
    for age, folder in enumerate(folders):
        (folder / "state").mkdir(parents=True)
        os.utime(folder, (age, age))
    (tmp_path / "other").mkdir()
    in_use = lock_folder(folders[0])
    assert in_use is not None
    os.utime(folders[0], (0, 0))
    remove_old_runs(tmp_path)
    os.close(in_use)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "other",
        "simpul-tests-0",
        "simpul-tests-3",
        "simpul-tests-4",
        "simpul-tests-5",
    ]


def test_a_run_keeps_its_files_in_memory_where_there_is_room_and_no_variable_names_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/usual")
    monkeypatch.setenv("TMPDIR", "/chosen")
    assert find_parent(tmp_path, 1) == "/usual"
    monkeypatch.delenv("TMPDIR")
    assert find_parent(tmp_path, 1) == str(tmp_path)
    assert find_parent(tmp_path, 2**60) == "/usual"
    assert find_parent(tmp_path / "missing", 1) == "/usual"
