"""Optional programs are installed once before the tests, and a missing one has a correct reason."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import cast

import pytest

from scripts import optional_programs
from scripts.optional_programs import why_missing
from tests.plugins.optional_programs import program_or_skip, pytest_runtest_makereport
from tests.sandbox_agencies import ROOT

SCRIPT = ROOT / "scripts" / "optional_programs.py"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root on Debian: a PATH with nothing but an apt-get that installs what it is asked for, and writes it down."""
    folder = tmp_path / "bin"
    folder.mkdir()
    write_program(
        folder,
        "apt-get",
        f"""here="{tmp_path}"
echo "$@" >> "$here/asked"
for package; do :; done
[ "$1" = update ] && exit 0
[ -e "$here/broken" ] && {{ echo "E: no such package" >&2; exit 100; }}
echo "#!/bin/sh" > "$here/bin/$package"; /bin/chmod 755 "$here/bin/$package"
""",
    )
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("SIMPUL_WITHOUT", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr("sandbox.programs._SERVER_FOLDERS", ())
    monkeypatch.setattr(optional_programs, "_RECORD", tmp_path / "state" / "record.json")
    monkeypatch.setattr(optional_programs, "_LOCK", tmp_path / "lock")
    return tmp_path


def write_program(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def read_apt_calls(machine: Path) -> list[str]:
    path = machine / "asked"
    return path.read_text().splitlines() if path.exists() else []


def test_missing_programs_are_installed_after_one_update_of_the_lists(
    machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    optional_programs.install(("promtool", "wrk"))
    optional_programs.install(("promtool", "wrk"))
    assert read_apt_calls(machine) == [
        "update -qq",
        "install -y -qq --no-install-recommends promtool",
        "install -y -qq --no-install-recommends wrk",
    ]
    assert (why_missing("promtool"), why_missing("wrk")) == (None, None)
    output = capsys.readouterr().out
    assert "apt-get install -y -qq --no-install-recommends wrk ...\n" in output
    assert output.endswith("wrk: installed.\n")


def test_excluded_programs_are_not_installed_and_that_is_the_reason(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMPUL_WITHOUT", "all")
    optional_programs.install(("promtool", "wrk"))
    assert read_apt_calls(machine) == []
    assert why_missing("wrk") == "wrk is left out by SIMPUL_WITHOUT"


def test_the_failure_of_apt_is_the_reason(machine: Path) -> None:
    (machine / "broken").touch()
    assert why_missing("wrk") == "wrk is not installed: `make programs` does it (apt-get install wrk)"
    optional_programs.install(("wrk",))
    assert why_missing("wrk") == (
        "wrk is not installed: apt-get install -y -qq --no-install-recommends wrk failed: E: no such package"
    )
    (machine / "broken").unlink()
    optional_programs.install(("wrk",))
    assert why_missing("wrk") is None


def test_only_root_installs_programs(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    optional_programs.install(("wrk",))
    assert read_apt_calls(machine) == []
    assert why_missing("wrk") == "wrk is not installed, and only root may install it (apt-get install wrk)"


def test_without_debian_nothing_is_installed(machine: Path) -> None:
    (machine / "bin" / "apt-get").unlink()
    optional_programs.install(("wrk",))
    assert why_missing("wrk") == (
        "wrk is not installed, and there is no apt-get to install it with: this is not Debian"
    )
    assert why_missing("npm") == (
        "npm is not installed, and there is no apt-get to install it with: this is not Debian"
    )


def test_an_apt_that_hangs_is_stopped_and_named(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_program(machine / "bin", "apt-get", "exec /bin/sleep 60")
    monkeypatch.setattr(optional_programs, "_TIMEOUT_S", 0.0)
    optional_programs.install(("wrk",))
    assert why_missing("wrk") == (
        "wrk is not installed: apt-get update -qq was stopped: everything together took longer than 0 s"
    )


def test_the_script_refuses_an_unknown_name_in_one_line() -> None:
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-I", str(SCRIPT)],
        env={"PATH": os.defpath, "SIMPUL_WITHOUT": "mysql"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("SIMPUL_WITHOUT names 'mysql', which is not an optional program: choose among ")
    assert done.stderr.count("\n") == 1


class MarkedItem:
    """The part of a test that the hook reads."""

    def __init__(self, *markers: str) -> None:
        self._markers = markers

    def get_closest_marker(self, name: str) -> str | None:
        return name if name in self._markers else None


@pytest.mark.parametrize(("markers", "outcome"), [((), "failed"), (("optional_programs",), "skipped")])
def test_a_test_that_needs_an_optional_program_and_is_not_marked_fails(
    markers: tuple[str, ...], outcome: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMPUL_WITHOUT", "wrk")

    def miss() -> None:
        program_or_skip("wrk")

    call = pytest.CallInfo[None].from_call(miss, when="call")
    report = pytest.TestReport("a test", ("a file", 1, "a test"), {}, "skipped", ("a file", 1, "why"), "call")
    item = cast("pytest.Item", MarkedItem(*markers))
    hook = pytest_runtest_makereport(item, call)
    next(hook)
    with pytest.raises(StopIteration) as ended:
        hook.send(report)
    assert ended.value.value.outcome == outcome
