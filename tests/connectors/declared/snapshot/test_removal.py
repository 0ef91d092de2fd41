"""Personal data leaves a copy: when it is too old, and when a person had it erased."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
from collections.abc import Collection, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.declared.snapshot import removal
from connectors.declared.snapshot.file import SnapshotFile
from connectors.declared.snapshot.protection import ErasuresUnknown
from connectors.declared.snapshot.sealed_rows import PERSON
from records.calls.failures import AgencyUnavailable
from records.identifiers import Nik
from tests.connectors.declared.snapshot.enterprises import (
    BUDI,
    SITI,
    TABLES,
    build_enterprises,
    build_protection,
    drop_enterprises,
    today,
)
from tests.connectors.declared.snapshot.points import Loading
from tests.connectors.failures import make_call


class Erasures:
    """Erasures that an agency fulfilled, as the hub's database has them."""

    def __init__(self) -> None:
        self.done: dict[str, datetime] = {}
        self.is_down = False

    async def list_people(self, agency: str, since: datetime) -> Collection[Nik]:
        assert agency == "umkm"
        if self.is_down:
            raise ErasuresUnknown("the hub's database does not say whose data was erased")
        return [Nik(nik) for nik, at in self.done.items() if at > since]


def build(folder: Path, erasures: Erasures | None = None, tables: Mapping[str, Any] = TABLES) -> Loading:
    protection = build_protection(list_erased=(erasures or Erasures()).list_people)
    return build_enterprises(folder, tables, protection=protection)[0]


async def list_ids(loading: Loading) -> Mapping[str, list[str]]:
    found = await loading.connector.msmes_of([SITI.nik, BUDI.nik], make_call())
    return {nik: [each.id for each in records] for nik, records in found.items()}


BOTH = {SITI.nik: ["101", "102"], BUDI.nik: ["201"]}


async def test_the_rows_of_a_person_are_erased_from_the_file_within_one_look(tmp_path: Path) -> None:
    drop_enterprises(tmp_path / "drops")
    erasures = Erasures()
    loading = build(tmp_path, erasures)
    assert await loading.load() == ""
    await loading.loader.protect()
    assert (await list_ids(loading), loading.published) == (BOTH, ["umkm"])
    keys = loading.snapshot.open_current().keys
    digests = [keys.hash_key("id", "101"), keys.hash_key("owner", SITI.nik), keys.hash_key(PERSON, SITI.nik)]
    file = loading.snapshot.place.current
    assert all(each.encode() in file.read_bytes() for each in digests)
    erasures.done[SITI.nik] = datetime.now(UTC)
    await loading.loader.protect()
    assert await list_ids(loading) == {BUDI.nik: ["201"]}
    assert loading.published == ["umkm", "umkm"]  # its cached answers are dropped, too
    assert not any(each.encode() in file.read_bytes() for each in digests)
    assert loading.snapshot.get_status().rows == 1
    assert file.stat().st_mode & 0o077 == 0
    assert not loading.snapshot.place.building.exists()
    await loading.loader.protect()
    assert loading.published == ["umkm", "umkm"]
    loading.snapshot.close()


async def test_a_file_from_before_the_erasure_brings_no_row_back_and_a_later_file_does(tmp_path: Path) -> None:
    drop_enterprises(tmp_path / "drops", day=today(1))
    erasures = Erasures()
    loading = build(tmp_path, erasures)
    assert await loading.load() == ""
    erasures.done[SITI.nik] = loading.snapshot.open_current().facts.as_of + timedelta(hours=1)
    drop_enterprises(tmp_path / "drops", day=today(1))  # once more
    assert await loading.load() == ""
    assert await list_ids(loading) == {BUDI.nik: ["201"]}
    drop_enterprises(tmp_path / "drops")  # the agency has her again
    assert await loading.load() == ""
    await loading.loader.protect()
    assert await list_ids(loading) == BOTH
    loading.snapshot.close()


async def test_while_erasures_are_unknown_nothing_is_published(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    drop_enterprises(tmp_path / "drops")
    erasures = Erasures()
    erasures.is_down = True
    loading = build(tmp_path, erasures)
    assert await loading.load() == "the hub's database does not say whose data was erased"
    with pytest.raises(AgencyUnavailable):
        await list_ids(loading)
    erasures.is_down = False
    assert await loading.load() == ""
    erasures.is_down = True
    caplog.clear()
    await loading.loader.protect()
    [message] = caplog.messages
    assert message == (
        "Erased people may still be in the snapshot 'enterprises' of the agency 'umkm': the hub's database does not say"
        " whose data was erased"
    )
    assert await list_ids(loading) == BOTH
    loading.snapshot.close()


def make_old(file: Path) -> None:
    """Make a file one whose data must be gone by now."""
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("UPDATE facts SET facts = json_set(facts, '$.remove_at', '2026-01-01T00:00:00Z')")


async def test_data_that_is_too_old_is_not_answered_and_its_file_is_removed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    drop_enterprises(tmp_path / "drops")
    loading = build(tmp_path)
    assert await loading.load() == ""
    facts = loading.snapshot.open_current().facts
    assert facts.remove_at == facts.as_of + timedelta(days=7)
    loading.snapshot.close()
    file = loading.snapshot.place.current
    make_old(file)
    with pytest.raises(AgencyUnavailable) as failed:
        await list_ids(loading)
    assert failed.value.detail == "the snapshot 'enterprises' is older than remove_after"
    await loading.loader.protect()
    assert not file.exists()
    assert caplog.messages == [
        "Removed the snapshot 'enterprises' of the agency 'umkm': its data is older than remove_after"
    ]
    with pytest.raises(AgencyUnavailable) as failed:
        await list_ids(loading)
    assert failed.value.detail == "the snapshot 'enterprises' is not loaded yet"


async def test_a_file_in_memory_is_not_answered_once_it_is_removed(tmp_path: Path) -> None:
    drop_enterprises(tmp_path / "drops")
    loading = build(tmp_path)
    assert await loading.load() == ""
    assert await list_ids(loading) == BOTH
    loading.snapshot.place.current.unlink()
    with pytest.raises(AgencyUnavailable):
        await list_ids(loading)


async def test_old_files_of_agencies_that_the_city_left_out_are_removed_too(tmp_path: Path) -> None:
    drop_enterprises(tmp_path / "drops")
    loading = build(tmp_path)
    assert await loading.load() == ""
    loading.snapshot.close()
    own = loading.snapshot.place.current
    left, held = (tmp_path / "snapshots" / agency / own.name for agency in ("lama", "dipakai"))
    for each in (left, held):
        each.parent.mkdir()
        shutil.copy(own, each)
        make_old(each)
    other = type(loading.snapshot.place).find(held)
    with other.try_lock() as is_free:
        assert is_free
        await loading.loader.protect()
    assert [each.exists() for each in (own, left, held)] == [True, False, True]
    await loading.loader.protect()
    assert [each.exists() for each in (own, left, held)] == [True, False, False]
    loading.snapshot.close()


async def test_a_file_is_opened_once_to_see_when_it_must_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drop_enterprises(tmp_path / "drops")
    loading = build(tmp_path)
    assert await loading.load() == ""
    opened: list[Path] = []

    def open_file(path: Path) -> SnapshotFile:
        opened.append(path)
        return SnapshotFile(path)

    monkeypatch.setattr(removal, "SnapshotFile", open_file)
    place = loading.snapshot.place
    removal.remove_expired(place)
    removal.remove_expired(place)
    assert opened == [place.current]
    make_old(place.current)
    removal.remove_expired(place)
    assert opened == [place.current] * 2
    assert not place.current.exists()
    loading.snapshot.close()


async def test_a_file_that_could_not_be_read_is_looked_at_again(tmp_path: Path) -> None:
    drop_enterprises(tmp_path / "drops")
    loading = build(tmp_path)
    assert await loading.load() == ""
    loading.snapshot.close()
    place = loading.snapshot.place
    make_old(place.current)
    content, modified = place.current.read_bytes(), place.current.stat().st_mtime_ns
    for each in (b"unreadable", content):
        place.current.write_bytes(each)
        os.utime(place.current, ns=(modified, modified))
        removal.remove_expired(place)
        assert place.current.exists() == (each == b"unreadable")


async def test_a_file_that_is_too_old_already_is_not_loaded(tmp_path: Path) -> None:
    drop_enterprises(tmp_path / "drops", day="20261001")
    loading = build(tmp_path)
    assert await loading.load() == "umkm_20261001.txt: its data of 2026-10-01 is older than remove_after"


async def test_a_drop_may_be_removed_as_soon_as_it_is_loaded(tmp_path: Path) -> None:
    files = drop_enterprises(tmp_path / "drops")
    loading = build(tmp_path)
    assert await loading.load() == ""
    for each in files:
        each.unlink()
    assert await loading.load() == ""
    assert await list_ids(loading) == BOTH
    assert loading.published == ["umkm"]
    loading.snapshot.place.current.unlink()
    assert await loading.load() == "there is no file umkm_{date}.txt"
