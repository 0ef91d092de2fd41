"""The newest complete file of a folder, or the file behind an HTTP address."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest

from connectors.drivers.files.driver import FilePattern, FilesDriver, FoundFile, find_newest
from connectors.resilience.agency_terms import AgencyTerms
from connectors.resilience.gate import Gate
from records.calls.failures import AgencyMalformed, AgencyUnavailable
from tests.connectors.failures import expect_failure, make_call

DATED = FilePattern(name="wifi_{date}.csv")


def drop(folder: Path, name: str, content: str = "id\n1\n", *, seconds_ago: float = 3_600) -> Path:
    path = folder / name
    path.write_text(content)
    os.utime(path, (time.time() - seconds_ago,) * 2)
    return path


def find_file(folder: Path, pattern: FilePattern) -> FoundFile:
    found = find_newest("wifi", folder, pattern)
    assert found is not None
    return found


def find(folder: Path, pattern: FilePattern) -> str:
    return find_file(folder, pattern).name


def refuse(folder: Path, pattern: FilePattern, kind: type[AgencyMalformed | AgencyUnavailable]) -> str:
    with pytest.raises(kind) as refused:
        find_newest("wifi", folder, pattern)
    return refused.value.detail


def test_the_date_in_the_name_decides_which_file_is_the_newest(tmp_path: Path) -> None:
    for name in (
        "wifi_20261001.csv",
        "wifi_20261101.csv",
        "wifi_20991231.csv",
        "wifi_20261301.csv",
        "wifi_20261102.csv.part",
        "wifi_.csv",
    ):
        drop(tmp_path, name)
    found = find_file(tmp_path, DATED)
    assert found.name == "wifi_20261101.csv"
    assert found.dated.isoformat() == "2026-11-01T00:00:00+07:00"


def test_the_form_of_a_date_is_declared(tmp_path: Path) -> None:
    drop(tmp_path, "31-12-25.txt")
    drop(tmp_path, "01-01-26.txt")
    assert find(tmp_path, FilePattern(name="{date}.txt", date_format="%d-%m-%y")) == "01-01-26.txt"


def test_a_file_without_a_date_is_as_old_as_its_last_change(tmp_path: Path) -> None:
    path = drop(tmp_path, "wifi.csv")
    found = find_file(tmp_path, FilePattern(name="wifi.csv"))
    assert found.dated.timestamp() == pytest.approx(path.stat().st_mtime)


def test_a_file_that_is_still_written_is_left_alone(tmp_path: Path) -> None:
    drop(tmp_path, "wifi_20261101.csv")
    drop(tmp_path, "wifi_20261102.csv", seconds_ago=3)
    assert find(tmp_path, DATED) == "wifi_20261101.csv"


def test_a_file_is_complete_with_its_marker(tmp_path: Path) -> None:
    pattern = FilePattern(name="wifi_{date}.csv", done=".done")
    drop(tmp_path, "wifi_20261101.csv", seconds_ago=0)
    assert refuse(tmp_path, pattern, AgencyUnavailable) == (
        "wifi_20261101.csv: its marker wifi_20261101.csv.done is missing"
    )
    drop(tmp_path, "wifi_20261101.csv.done", seconds_ago=0)
    assert find(tmp_path, pattern) == "wifi_20261101.csv"


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
def test_a_file_is_complete_if_its_checksum_matches(tmp_path: Path, algorithm: str) -> None:
    pattern = FilePattern(name="wifi.csv", checksum=algorithm)
    drop(tmp_path, "wifi.csv", "id\n1\n2\n")
    assert refuse(tmp_path, pattern, AgencyUnavailable) == f"wifi.csv: its checksum wifi.csv.{algorithm} is missing"
    digest = hashlib.new(algorithm, b"id\n1\n2\n", usedforsecurity=False).hexdigest()
    drop(tmp_path, f"wifi.csv.{algorithm}", f"{digest.upper()} *wifi.csv\n")
    assert find(tmp_path, pattern) == "wifi.csv"
    drop(tmp_path, "wifi.csv", "id\n1\n")
    assert refuse(tmp_path, pattern, AgencyMalformed) == (
        f"wifi.csv: the {algorithm} checksum does not match, so the file is damaged or cut"
    )
    drop(tmp_path, f"wifi.csv.{algorithm}", "later")
    assert refuse(tmp_path, pattern, AgencyMalformed) == f"wifi.csv.{algorithm}: it holds no {algorithm} digest"


@pytest.mark.parametrize(("content", "size"), [("", 0), ("i", 1), ("id\n1\n", 5)])
def test_a_file_outside_the_bounds_of_its_size_is_refused(tmp_path: Path, content: str, size: int) -> None:
    drop(tmp_path, "wifi.csv", content)
    problem = refuse(tmp_path, FilePattern(name="wifi.csv", min_bytes=2, max_bytes=4), AgencyMalformed)
    assert problem == f"wifi.csv: {size} bytes; allowed are 2 to 4"


def test_links_are_refused(tmp_path: Path) -> None:
    (tmp_path / "wifi.csv").symlink_to("/etc/passwd")
    assert refuse(tmp_path, FilePattern(name="wifi.csv"), AgencyMalformed) == "wifi.csv: not a regular file"
    (tmp_path / "wifi.csv").unlink()
    drop(tmp_path, "wifi.csv")
    (tmp_path / "wifi.csv.md5").symlink_to("/dev/zero")
    pattern = FilePattern(name="wifi.csv", checksum="md5")
    assert refuse(tmp_path, pattern, AgencyMalformed) == "wifi.csv.md5: it holds no md5 digest"


def test_an_empty_and_a_missing_folder_are_named(tmp_path: Path) -> None:
    assert find_newest("wifi", tmp_path, DATED) is None
    assert refuse(tmp_path / "none", DATED, AgencyUnavailable) == (
        "the folder cannot be read: No such file or directory"
    )


async def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    drop(tmp_path, "wifi.csv")
    driver = FilesDriver(tmp_path, None, gate=Gate("wifi", AgencyTerms(deadline=5, max_concurrency=4)))

    async def read() -> None:
        async with driver.open_newest(FilePattern(name="wifi.csv"), make_call()) as found:
            found.path.write_text("id\n")

    failure = await expect_failure(read(), AgencyMalformed, "wifi")
    assert failure.detail == "wifi.csv: it changed while it was read"
    assert driver.counts.answered == 1
