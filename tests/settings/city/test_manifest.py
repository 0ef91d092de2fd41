"""Manifests as files: every problem names its file, its line and the fix."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.declared.tables import NotDeclarableError, SqlReadTable
from settings.city.folder import DEFAULT_CITY, load_city
from settings.city.manifest import ManifestError, ManifestFile, find_line

MANIFEST = '''\
# An agency.
[reads.permits]
statement = """
    SELECT id, nik
    FROM izin WHERE id IN :keys"""
key = "id"

[records.Permit]
id = "id"
owner = { from = "nik" }

[probe]
read = "permits"
key = "1"
'''


def write(folder: Path, text: str, name: str = "izin") -> Path:
    path = folder / "agencies" / f"{name}.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def problem_of(folder: Path, text: str) -> str:
    with pytest.raises(ManifestError) as refused:
        ManifestFile.load(write(folder, text))
    return str(refused.value).replace(f"{folder}/agencies/", "")


def test_a_manifest_is_read_with_its_reads_and_records(tmp_path: Path) -> None:
    manifest = ManifestFile.load(write(tmp_path, MANIFEST)).manifest
    permits = manifest.reads["permits"]
    assert isinstance(permits, SqlReadTable)
    assert permits.key == "id"
    assert manifest.records["Permit"]["owner"].columns == ("nik",)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('key = "id"\n', 'key = "id"\nkeey = 1\n', "izin.toml:7: reads.permits.keey: Extra inputs are not permitted"),
        (
            '{ from = "nik" }',
            '{ from = "nik", unknown = "x" }',
            "izin.toml:10: records.Permit.owner: unknown: it says what words outside `values` mean; give `values`",
        ),
        ('key = "id"\n', "key = 5\n", "izin.toml:6: reads.permits.key: Input should be a valid string"),
        (
            "[records.Permit]",
            '[reads.open]\npath = "x"\nkeys = "id"\n[records.Permit]',
            "izin.toml:10: reads.open.keys: Extra inputs are not permitted",
        ),
        (
            "[records.Permit]",
            '[reads.open]\nkey = "id"\n[records.Permit]',
            "izin.toml:8: reads.open: give a `statement` (SQL) or a `path` (HTTP)",
        ),
        (
            '{ from = "nik" }',
            '{ from = "nik", python = "os:system" }',
            "izin.toml:10: records.Permit.owner.python: String should match pattern",
        ),
        ('read = "permits"\n', "", "izin.toml:12: probe.read: Field required"),
        ("[probe]", "[probe", "izin.toml: the manifest is no TOML: Expected ']'"),
    ],
)
def test_a_mistake_names_its_file_and_line(tmp_path: Path, old: str, new: str, problem: str) -> None:
    assert old in MANIFEST
    assert problem_of(tmp_path, MANIFEST.replace(old, new)).startswith(problem)


def test_a_mistake_never_shows_the_value(tmp_path: Path) -> None:
    assert "rahasia" not in problem_of(tmp_path, MANIFEST.replace('key = "id"', 'key = ["rahasia"]'))


def test_a_problem_that_the_compiler_finds_gets_its_line(tmp_path: Path) -> None:
    file = ManifestFile.load(write(tmp_path, MANIFEST))
    explained = file.explain(NotDeclarableError("reads.permits.statement", "2 statements; write one"))
    assert str(explained) == f"{file.path}:3: reads.permits.statement: 2 statements; write one"


def test_the_nearest_table_is_named_where_a_key_is_missing() -> None:
    assert find_line(MANIFEST, ["records", "Permit", "name"]) == 8
    assert find_line(MANIFEST, ["nothing"]) == 1


def test_a_city_reports_the_problems_of_every_manifest(tmp_path: Path) -> None:
    write(tmp_path, MANIFEST, "a")
    write(tmp_path, "x = 1", "b")
    write(tmp_path, "[", "c")
    with pytest.raises(ManifestError) as refused:
        load_city(tmp_path)
    assert "b.toml" in str(refused.value)
    assert "c.toml" in str(refused.value)
    assert "a.toml" not in str(refused.value)


def test_a_folder_without_manifests_is_no_city(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"the city folder has no agencies/\*\.toml"):
        load_city(tmp_path)


def test_the_city_of_the_repository_can_be_loaded() -> None:
    assert "jakpreneur" in load_city(DEFAULT_CITY).agencies
