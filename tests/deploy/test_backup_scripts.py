"""The backup scripts: kept and deleted copies, and refusals."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import text

from sandbox.databases.postgres import Postgres, PostgresError
from store.database import create_database_engine
from tests.deploy.backup import (
    RECEIVER,
    Backup,
    build_server_elsewhere,
    build_url,
    give_to_postgres,
    prepare_for_backups,
    start_restored,
)
from tests.plugins.run_folder import short_folder
from tests.sandbox_agencies import free_port


def run_statements(server: Postgres, *statements: str) -> Sequence[str]:
    """Run statements; returns the output of the last."""

    async def run() -> Sequence[str]:
        engine = create_database_engine(build_url(server))
        try:
            found: Sequence[str] = []
            async with engine.begin() as connection:
                for each in statements:
                    result = await connection.execute(text(each))
                    found = [str(row[0]) for row in result] if result.returns_rows else []
            return found
        finally:
            await engine.dispose()

    return asyncio.run(run())


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    # Not in pytest's own folder: another run of pytest would remove PostgreSQL's access to it.
    with short_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def server(place: Path) -> Iterator[Postgres]:
    """A server whose commits wait for the backup."""
    settings = {"synchronous_standby_names": RECEIVER, "fsync": "off"}
    logins = {"simpul": "rahasia", RECEIVER: "rahasia-cadangan"}
    postgres = Postgres(place / "server", port=free_port(), database="simpul", logins=logins, settings=settings)
    prepare_for_backups(postgres)
    postgres.launch()
    postgres.wait()
    yield postgres
    postgres.stop()


@pytest.fixture(scope="module")
def backup(place: Path, server: Postgres) -> Iterator[Backup]:
    """A running backup with two copies and three rows; the last row came after both copies."""
    backup = Backup(place / "backup", server)
    backup.start_receiving()
    run_statements(server, "CREATE TABLE noted (what text)", "INSERT INTO noted VALUES ('before')")
    backup.take(TEXTFILE=str(place / "simpul.prom"))
    run_statements(server, "INSERT INTO noted VALUES ('between')")
    time.sleep(1)  # copies are named by the second
    backup.take()
    run_statements(server, "INSERT INTO noted VALUES ('after')")
    yield backup
    backup.stop_receiving()


@pytest.fixture
def backup_copy(backup: Backup, tmp_path: Path) -> Backup:
    """A backup that a test can damage. Its files are hard links: replace them, do not write into them."""
    shutil.copytree(backup.folder, tmp_path / "backup", copy_function=os.link)
    return Backup(tmp_path / "backup", backup._postgres)


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def read_refusal(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode != 0
    return done.stderr + done.stdout


def test_each_copy_restores_all_rows(server: Postgres, backup: Backup, place: Path) -> None:
    for number, name in enumerate(names(backup.folder / "base")):
        again = start_restored(backup, server, place / f"again-{number}", "--base", name)
        try:
            assert run_statements(again, "SELECT what FROM noted") == ["before", "between", "after"]
        finally:
            again.stop()


def test_until_omits_later_changes(server: Postgres, backup: Backup, place: Path) -> None:
    [moment] = run_statements(server, "SELECT clock_timestamp()")
    run_statements(server, "DELETE FROM noted WHERE what = 'before'")
    again = start_restored(backup, server, place / "until", "--until", moment)
    try:
        assert run_statements(again, "SELECT what FROM noted") == ["before", "between", "after"]
    finally:
        again.stop()
        run_statements(server, "INSERT INTO noted VALUES ('before')")


def test_a_server_with_settings_outside_its_data_as_on_debian_is_restored_with_minimal_ones(place: Path) -> None:
    etc = place / "debian" / "etc"
    etc.mkdir(parents=True)
    files = {"config_file": "postgresql.conf", "hba_file": "pg_hba.conf", "ident_file": "pg_ident.conf"}
    settings = {setting: str(etc / name) for setting, name in files.items()}
    logins = {"simpul": "rahasia", RECEIVER: "rahasia-cadangan"}
    lost = Postgres(place / "debian" / "lost", port=free_port(), database="simpul", logins=logins, settings=settings)
    prepare_for_backups(lost)
    for name in files.values():
        shutil.move(lost.data / name, etc / name)
    give_to_postgres(etc)
    lost.launch()
    lost.wait()
    backup = Backup(place / "debian" / "backup", lost)
    backup.start_receiving()
    run_statements(lost, "CREATE TABLE noted (what text)")
    backup.take()
    run_statements(lost, "INSERT INTO noted VALUES ('after')")
    lost.stop()  # a normal stop: the backup has received its whole log
    backup.stop_receiving()
    again = start_restored(backup, lost, place / "debian" / "again")
    try:
        assert run_statements(again, "SELECT what FROM noted") == ["after"]
    finally:
        again.stop()


def test_a_copy_without_received_log_does_not_count(backup_copy: Backup) -> None:
    before = names(backup_copy.folder / "base"), names(backup_copy.folder / "wal")
    done = backup_copy.run("base-backup", str(backup_copy.folder), "1")
    assert "is receive-wal running?" in read_refusal(done)
    assert (names(backup_copy.folder / "base"), names(backup_copy.folder / "wal")) == before


@pytest.mark.usefixtures("backup")
def test_the_time_of_the_last_copy_is_exported_to_prometheus(place: Path) -> None:
    lines = (place / "simpul.prom").read_text().splitlines()
    assert lines[1] == "# TYPE simpul_backup_last_success_timestamp_seconds gauge"
    name, moment = lines[2].split(" ")
    assert name == "simpul_backup_last_success_timestamp_seconds"
    assert abs(time.time() - int(moment)) < 600


def test_a_gap_in_the_log_is_named(backup_copy: Backup, tmp_path: Path) -> None:
    pieces = [name for name in names(backup_copy.folder / "wal") if not name.endswith(".partial")]
    (backup_copy.folder / "wal" / pieces[1]).unlink()
    oldest = names(backup_copy.folder / "base")[0]
    done = backup_copy.run("restore", str(backup_copy.folder), str(tmp_path / "data"), "--base", oldest)
    assert "the log has a gap before " in read_refusal(done)
    assert not (tmp_path / "data").exists()


def test_a_changed_copy_is_not_restored(backup_copy: Backup, tmp_path: Path) -> None:
    newest = backup_copy.folder / "base" / names(backup_copy.folder / "base")[-1]
    control = newest / "global" / "pg_control"
    was = control.read_bytes()
    changed = bytes([was[0] ^ 0xFF]) + was[1:]  # a different byte in any case
    control.unlink()
    control.write_bytes(changed)
    done = backup_copy.run("restore", str(backup_copy.folder), str(tmp_path / "data"))
    assert "pg_control" in read_refusal(done)
    assert not (tmp_path / "data").exists()


def test_an_unreadable_log_segment_stops_the_server_and_does_not_end_the_log(
    server: Postgres, backup: Backup, place: Path
) -> None:
    again = build_server_elsewhere(server, place / "unreadable")
    assert backup.run("restore", str(backup.folder), str(again.data)).returncode == 0
    wal = backup.folder / "wal"
    give_to_postgres(again.data)
    wal.chmod(0)
    try:
        with pytest.raises(PostgresError, match="could not restore file"):
            again.start()
    finally:
        wal.chmod(0o700)


def test_nothing_is_overwritten(backup: Backup, tmp_path: Path) -> None:
    assert " exists: name a new folder" in read_refusal(backup.run("restore", str(backup.folder), str(tmp_path)))


def test_a_missing_copy_is_named_with_the_existing_ones(backup: Backup, tmp_path: Path) -> None:
    done = backup.run("restore", str(backup.folder), str(tmp_path / "data"), "--base", "20200101T000000Z")
    assert f"choose one of {' '.join(names(backup.folder / 'base'))}" in read_refusal(done)


def test_surplus_copies_are_deleted_with_the_log_that_only_they_need(backup: Backup) -> None:
    log = backup.folder / "wal"
    [first, *_] = [name for name in names(log) if not name.endswith(".partial")]
    time.sleep(1)  # copies are named by the second
    backup.take(copies=1)
    [left] = names(backup.folder / "base")
    needed = (backup.folder / "base" / left / "backup_label").read_text().partition("(file ")[2].partition(")")[0]
    assert first < needed
    assert names(log)[0].removesuffix(".partial") == needed
