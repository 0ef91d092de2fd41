from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.sandbox_agencies import ROOT

TEST = """
def test_says_where_it_runs(tmp_path_factory):
    print(f"in {{tmp_path_factory.getbasetemp()}} it ran")
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
    line = re.search("^in (.+) it ran$", ran.stdout, re.MULTILINE)
    assert line is not None
    return Path(line[1])


def test_runs_share_no_folder_and_leave_one_only_where_a_test_failed(tmp_path: Path) -> None:
    first, second = run_in(tmp_path, passes=True), run_in(tmp_path, passes=False)
    assert first != second
    assert "pytest-of-" not in f"{first} {second}"
    assert (first.exists(), second.exists()) == (False, True)
    shutil.rmtree(second)
