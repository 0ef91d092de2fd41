"""`make fresh` runs the README's commands on the uncommitted work tree, without its caller's settings."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts import fresh

WITHOUT, WITH = fresh.VARIANTS


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The clone of a work tree with a changed, a new, a removed and an ignored file."""
    tree = tmp_path / "tree"
    (tree / "a folder").mkdir(parents=True)
    for name in ("changed", "removed", "a folder/kept"):
        (tree / name).write_text("before")
    (tree / ".gitignore").write_text("ignored\n")
    for command in (["init", "--quiet"], ["add", "--all"]):
        subprocess.run(["git", *command], cwd=tree, check=True)  # noqa: S603, S607 - git from the PATH
    (tree / "changed").write_text("after")
    (tree / "removed").unlink()
    (tree / "new").touch()
    (tree / "ignored").touch()
    monkeypatch.setattr(fresh, "ROOT", tree)
    made = fresh._clone()
    yield made
    shutil.rmtree(made)


def test_the_clone_has_uncommitted_files_and_no_ignored_ones(clone: Path) -> None:
    files = {str(path.relative_to(clone)) for path in clone.rglob("*") if path.is_file()}
    assert {name for name in files if not name.startswith(".git/")} == {
        ".gitignore",
        "a folder/kept",
        "changed",
        "new",
    }
    assert (clone / "changed").read_text() == "after"


def test_the_commands_do_not_inherit_settings_and_options_of_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SIMPUL_STATE", "SIMPUL_WITHOUT", "PORT", "MAKEFLAGS", "PYTEST_ARGS"):
        monkeypatch.setenv(name, "something")
    monkeypatch.setenv("LANG", "C.UTF-8")
    environment = fresh._environment(WITHOUT)
    assert environment["SIMPUL_WITHOUT"] == "all"
    assert environment["LANG"] == "C.UTF-8"
    assert not {"SIMPUL_STATE", "PORT", "MAKEFLAGS", "PYTEST_ARGS"} & set(environment)
    assert fresh._environment(WITH)["SIMPUL_WITHOUT"] == ""


def test_a_failing_command_is_named_with_its_reason_and_the_other_variant_still_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def serve(_: Path, environment: dict[str, str]) -> None:
        if environment["SIMPUL_WITHOUT"] == "all":
            raise fresh.FreshError("it ended with 2 before it served")

    def clone() -> Path:
        folder = tmp_path / "clone"
        folder.mkdir()
        return folder

    monkeypatch.setattr(fresh, "_clone", clone)
    monkeypatch.setattr(fresh, "_serve", serve)
    monkeypatch.setattr(fresh, "_test", lambda _, __: None)
    assert fresh.main() == 1
    assert capsys.readouterr().out.splitlines()[-4:] == [
        "make serve, without optional programs: FAILED (it ended with 2 before it served), 0 s",
        "make test, without optional programs: ok, 0 s",
        "make serve, with all programs: ok, 0 s",
        "make test, with all programs: ok, 0 s",
    ]
    assert list(tmp_path.iterdir()) == []
