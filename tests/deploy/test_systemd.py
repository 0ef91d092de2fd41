"""systemd accepts the units and finds their programs, and the services are sandboxed."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox_agencies import ROOT

UNITS = ROOT / "deploy" / "systemd"
SERVICES = sorted(each.name for each in UNITS.glob("*.service"))
_EXPOSED = 20
"""Maximum exposure of `systemd-analyze security`, in tenths: 2.0 of 10."""
_OLDEST = 254
"""The first version of systemd that verifies units under another root."""


def read_unit(name: str) -> str:
    return (UNITS / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A root folder with every program that the units start."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not on this machine")
    version = subprocess.run([analyze, "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S603 - found on the path
    if int(re.findall(r"\d+", version)[0]) < _OLDEST:
        pytest.skip(f"systemd before {_OLDEST} cannot verify units of another root")
    folder = tmp_path_factory.mktemp("root")
    shutil.copytree(UNITS, folder / "etc" / "systemd" / "system")
    shutil.copytree("/usr/lib/systemd/system", folder / "usr" / "lib" / "systemd" / "system", symlinks=True)
    for program in find_programs():
        path = folder / program.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def find_programs() -> set[str]:
    """The programs of the units."""
    return {found for name in SERVICES for found in re.findall(r"^Exec\w+=(\S+)", read_unit(name), re.MULTILINE)}


def test_the_units_start_programs_of_the_project() -> None:
    own = {each for each in find_programs() if each.startswith("/opt/simpul/deploy/")}
    assert own == {"/opt/simpul/deploy/backup/receive-wal", "/opt/simpul/deploy/backup/base-backup"}
    for each in own:
        assert (ROOT / each.removeprefix("/opt/simpul/")).stat().st_mode & 0o111
    assert find_programs() - own == {"/opt/simpul/current/.venv/bin/simpul", "/usr/bin/mkdir"}


@pytest.mark.parametrize("unit", sorted(each.name for each in UNITS.iterdir()))
def test_systemd_accepts_a_unit(unit: str, root: Path) -> None:
    done = subprocess.run(  # noqa: S603 - systemd's own program
        ["/usr/bin/systemd-analyze", "verify", f"--root={root}", "--man=no", "--recursive-errors=no", unit],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("unit", SERVICES)
def test_a_service_has_a_low_exposure(unit: str, root: Path) -> None:
    done = subprocess.run(  # noqa: S603 - systemd's own program
        [
            *("/usr/bin/systemd-analyze", "security", "--offline=true", "--no-pager"),
            *(f"--threshold={_EXPOSED}", f"--root={root}", unit),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout


def test_invalid_settings_stop_the_unit_before_the_hub_starts() -> None:
    unit = read_unit("simpul.service")
    command = "/opt/simpul/current/.venv/bin/simpul"
    assert f"ExecStartPre={command} settings check --settings /etc/simpul/hub.env\n" in unit
    assert f"ExecStart={command} hub --settings /etc/simpul/hub.env " in unit
