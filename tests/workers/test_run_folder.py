"""The folder that the workers of a hub share: temporary by default, and emptied of an earlier hub's files."""

from pathlib import Path

import pytest

from workers.run_folder import RunFolderError, open_run_folder


def test_without_a_setting_a_temporary_folder_is_created_and_removed() -> None:
    with open_run_folder({}) as made:
        assert made.is_dir()
        assert made.stat().st_mode & 0o077 == 0
        (made / "left").touch()
    assert not made.exists()


@pytest.mark.parametrize("variable", ["SIMPUL_RUN_FOLDER", "RUNTIME_DIRECTORY"])
def test_a_named_folder_is_created_and_stays(tmp_path: Path, variable: str) -> None:
    with open_run_folder({variable: str(tmp_path / "run" / "simpul")}) as named:
        assert named == tmp_path / "run" / "simpul"
        assert named.is_dir()
    assert named.is_dir()


def test_files_of_an_earlier_hub_are_removed(tmp_path: Path) -> None:
    environment = {"SIMPUL_RUN_FOLDER": str(tmp_path / "run")}
    with open_run_folder(environment) as folder:
        (folder / "counters").mkdir()
        (folder / "counters" / "7.db").touch()
        (folder / "7.json").touch()
    with open_run_folder(environment) as folder:
        assert [each.name for each in folder.iterdir()] == [".simpul-run"]


def test_a_folder_with_other_files_is_refused_and_unchanged(tmp_path: Path) -> None:
    (tmp_path / "thesis.odt").touch()
    with (
        pytest.raises(RunFolderError, match=r"holds a file that is not the hub's \(thesis.odt\)"),
        open_run_folder({"SIMPUL_RUN_FOLDER": str(tmp_path)}),
    ):
        pass
    assert [each.name for each in tmp_path.iterdir()] == ["thesis.odt"]


def test_a_folder_that_cannot_be_created_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(RunFolderError, match=f"SIMPUL_RUN_FOLDER={tmp_path}/file/run cannot be used: Not a directory"),
        open_run_folder({"SIMPUL_RUN_FOLDER": str(tmp_path / "file" / "run")}),
    ):
        pass


def test_a_second_hub_is_refused_and_removes_nothing_of_the_first(tmp_path: Path) -> None:
    environment = {"SIMPUL_RUN_FOLDER": str(tmp_path / "run")}
    with open_run_folder(environment) as folder:
        (folder / "7.json").touch()
        with pytest.raises(RunFolderError, match="is used by another running hub"), open_run_folder(environment):
            pass
        assert (folder / "7.json").exists()
    with open_run_folder(environment) as folder:
        assert not (folder / "7.json").exists()


def test_a_folder_writable_by_other_users_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run").chmod(0o777)
    with (
        pytest.raises(RunFolderError, match="can be written by other users"),
        open_run_folder({"SIMPUL_RUN_FOLDER": str(tmp_path / "run")}),
    ):
        pass


def test_a_sticky_folder_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run").chmod(0o1777)
    with open_run_folder({"SIMPUL_RUN_FOLDER": str(tmp_path / "run")}) as folder:
        assert (folder / ".simpul-run").stat().st_mode & 0o077 == 0


def test_a_lock_file_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".simpul-run").symlink_to(tmp_path / "elsewhere")
    with (
        pytest.raises(RunFolderError, match="cannot be used"),
        open_run_folder({"SIMPUL_RUN_FOLDER": str(tmp_path / "run")}),
    ):
        pass
    assert not (tmp_path / "elsewhere").exists()
