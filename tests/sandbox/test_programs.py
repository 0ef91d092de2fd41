"""Optional programs are found in one place, and `SIMPUL_WITHOUT` excludes some of them."""

import os
import re
from pathlib import Path

import pytest

from sandbox.programs import PROGRAMS, UnknownProgramError, find_program, is_installed, read_left_out
from tests.sandbox_agencies import ROOT

HOME = ROOT / "sandbox" / "programs.py"
COMMANDS = sorted({file for each in PROGRAMS.values() for files in each.commands.values() for file in files})


@pytest.fixture
def on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with all optional programs and nothing else."""
    for command in COMMANDS:
        (tmp_path / command).write_text("#!/bin/sh\n")
        (tmp_path / command).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("SIMPUL_WITHOUT", raising=False)
    return tmp_path


def test_a_command_is_found_on_the_path_and_by_its_other_names(on_the_path: Path) -> None:
    assert find_program("mariadbd") == on_the_path / "mariadbd"
    (on_the_path / "chromium").unlink()
    assert find_program("chromium") == on_the_path / "chromium-browser"
    (on_the_path / "chromium-browser").unlink()
    assert find_program("chromium") == on_the_path / "google-chrome"


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_an_excluded_program_is_not_found(name: str, on_the_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert os.listdir(on_the_path) != []  # noqa: PTH208 - names only
    assert is_installed(name)
    monkeypatch.setenv("SIMPUL_WITHOUT", name)
    assert [find_program(command) for command in PROGRAMS[name].commands] == [None] * len(PROGRAMS[name].commands)
    assert all(is_installed(other) for other in PROGRAMS if other != name)


@pytest.mark.usefixtures("on_the_path")
def test_a_list_excludes_several_programs_and_all_excludes_every_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMPUL_WITHOUT", "mariadb, npm")
    assert read_left_out() == {"mariadb", "npm"}
    monkeypatch.setenv("SIMPUL_WITHOUT", "all")
    assert read_left_out() == set(PROGRAMS)
    monkeypatch.setenv("SIMPUL_WITHOUT", "")
    assert read_left_out() == set()


def test_an_unknown_name_is_refused_with_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMPUL_WITHOUT", "mariadb,mysql")
    message = (
        "SIMPUL_WITHOUT names 'mysql', which is not an optional program: choose among chromium, mariadb, nginx, npm, "
    )
    with pytest.raises(UnknownProgramError, match=re.escape(message)):
        find_program("nginx")


def test_a_command_of_no_optional_program_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="postgres belongs to no optional program"):
        find_program("postgres")


def test_no_other_code_looks_for_an_optional_program() -> None:
    names = "|".join(map(re.escape, COMMANDS))
    looks = re.compile(rf"""which\([^)]*["'](?:{names})["']|["']/usr/s?bin/(?:{names})["']|command -v (?:{names})\b""")
    runs = re.compile(rf"""(?:run|Popen|exec|_exec)\(\s*\[?\*?\(?["'](?:{names})["']""")
    skipped = {".venv", "node_modules", ".simpul", ".git"}
    files = [
        path
        for path in [*ROOT.glob("*.py"), *ROOT.glob("*/**/*.py"), *(ROOT / "scripts").iterdir(), ROOT / "Makefile"]
        if path.is_file() and path != HOME and not skipped.intersection(path.relative_to(ROOT).parts)
    ]
    assert len(files) > 1000
    texts = {path: path.read_text(encoding="utf-8") for path in files if path.suffix != ".pyc"}
    found = [str(path.relative_to(ROOT)) for path, text in texts.items() if looks.search(text) or runs.search(text)]
    assert found == [], "use find_program"
