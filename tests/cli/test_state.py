"""`simpul state verify` checks whether a database can be used, before a hub is started on it."""

from __future__ import annotations

import asyncio
import base64
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from sandbox.databases.postgres import Postgres
from store.database import create_database_engine, migrate
from store.ledger.access_ledger import AccessLedger
from tests.cli.command_line import run_simpul
from tests.deploy.backup import find_binaries
from tests.journeys.hub_process import SECRET, HubProcess
from tests.plugins.run_folder import short_folder
from tests.sandbox_agencies import HOST, free_port
from tests.store.ledger.sample_entry import ENTRY


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    """A database with one ledger entry; no hub runs."""
    with short_folder() as folder:
        hub = HubProcess(folder)
        hub.postgres.start()
        try:
            asyncio.run(write_entry(hub.state_url))
            yield hub
        finally:
            hub.postgres.stop()


async def write_entry(url: str) -> None:
    engine = create_database_engine(url)
    await migrate(engine)
    ledger = AccessLedger(engine, SECRET)
    await ledger.start()
    await ledger.write([ENTRY])
    await ledger.close()
    await engine.dispose()


def run_verify(hub: HubProcess, tmp_path: Path, **variables: str) -> tuple[int, str, str]:
    environment = {name: value for name, value in hub.environment.items() if name.startswith("SIMPUL_")} | variables
    environment.pop("SIMPUL_STATE")
    done = run_simpul(tmp_path, "state", "verify", **environment)
    return done.returncode, done.stdout, done.stderr


def change_row(url: str, statement: str) -> None:
    async def change() -> None:
        engine = create_database_engine(url)
        async with engine.begin() as connection:
            await connection.execute(text(statement))
        await engine.dispose()

    asyncio.run(change())


def test_an_intact_database_passes_with_its_extent(hub: HubProcess, tmp_path: Path) -> None:
    code, output, wrong = run_verify(hub, tmp_path)
    assert (code, wrong) == (0, "")
    assert "access entries: 1, the newest of " in output
    assert "consents: 0\n" in output
    assert output.endswith("The access ledger is unchanged: 1 entry in 1 chain.\n")


def test_another_secret_and_a_changed_ledger_have_different_messages(hub: HubProcess, tmp_path: Path) -> None:
    code, _, wrong = run_verify(hub, tmp_path, SIMPUL_SECRET=base64.b64encode(b"x" * 32).decode())
    assert code == 1
    assert "SIMPUL_SECRET is not the secret of this database" in wrong


def test_a_changed_ledger_fails_with_the_entry(hub: HubProcess, tmp_path: Path) -> None:
    change_row(hub.state_url, "UPDATE access_entries SET purpose = 'other'")
    try:
        code, _, wrong = run_verify(hub, tmp_path)
    finally:
        change_row(hub.state_url, "UPDATE access_entries SET purpose = 'verifikasi-identitas'")
    assert code == 1
    assert "entry 1: the entry was changed" in wrong
    assert "SIMPUL_SECRET" not in wrong


def test_a_database_of_a_newer_hub_is_refused(hub: HubProcess, tmp_path: Path) -> None:
    change_row(hub.state_url, "ALTER TABLE alembic_version RENAME TO away")
    change_row(hub.state_url, "CREATE TABLE alembic_version AS SELECT '9999' AS version_num")
    try:
        code, _, wrong = run_verify(hub, tmp_path)
    finally:
        change_row(hub.state_url, "DROP TABLE alembic_version")
        change_row(hub.state_url, "ALTER TABLE away RENAME TO alembic_version")
    assert code == 1
    assert "its schema is 9999, of a newer hub than this one" in wrong


def test_an_empty_and_an_unreachable_database_are_reported(hub: HubProcess, tmp_path: Path) -> None:
    change_row(hub.state_url, "ALTER SCHEMA public RENAME TO away")
    change_row(hub.state_url, "CREATE SCHEMA public")
    try:
        assert "it is empty: start a hub on it first" in run_verify(hub, tmp_path)[2]
    finally:
        change_row(hub.state_url, "DROP SCHEMA public")
        change_row(hub.state_url, "ALTER SCHEMA away RENAME TO public")
    nowhere = f"postgresql://simpul:rahasia@{HOST}:{free_port()}/simpul"
    code, _, wrong = run_verify(hub, tmp_path, SIMPUL_STATE_URL=nowhere)
    assert code == 1
    assert wrong == (
        "simpul: the hub's database does not answer (ConnectionRefusedError): is SIMPUL_STATE_URL right?\n"
    )


def test_a_database_restored_from_a_dump_passes(hub: HubProcess, tmp_path: Path) -> None:
    dump = str(tmp_path / "simpul.dump")
    with short_folder() as folder:
        other = Postgres(folder, port=free_port(), database="simpul", logins={"simpul": "rahasia"})
        other.start()
        try:
            there = f"postgresql://simpul:rahasia@{HOST}:{other.port}/simpul"
            for command in (
                ["pg_dump", "--format=custom", f"--file={dump}", hub.state_url],
                ["pg_restore", "--no-owner", "--exit-on-error", f"--dbname={there}", dump],
            ):
                subprocess.run([find_binaries() / command[0], *command[1:]], check=True, timeout=60)  # noqa: S603 - the wheel's
            code, output, wrong = run_verify(hub, tmp_path, SIMPUL_STATE_URL=there)
        finally:
            other.stop()
    assert (code, wrong) == (0, "")
    assert output.endswith("The access ledger is unchanged: 1 entry in 1 chain.\n")
