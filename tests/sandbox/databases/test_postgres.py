"""A PostgreSQL server in its own folder: its logins, its data between starts, and the end of a killed starter."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]  # it ships no types
import pytest

from sandbox.databases.postgres import TEMPLATES, Postgres, PostgresError
from sandbox.state_folder import StateFolder
from tests.plugins.run_folder import short_folder

LOGINS = {"owner": "it's secret", "reader": "another"}


@pytest.fixture
def folder() -> Iterator[Path]:
    with short_folder("simpul postgres ") as folder:
        yield folder


@pytest.fixture
def port(tmp_path: Path) -> int:
    return StateFolder(tmp_path).port("postgres")


def server(folder: Path, port: int, logins: dict[str, str] = LOGINS) -> Postgres:
    return Postgres(folder / "server", port=port, database="simpul", logins=logins)


async def ask(port: int, user: str, password: str, question: str) -> object:
    connection = await asyncpg.connect(
        host="127.0.0.1", port=port, user=user, password=password, database="simpul", timeout=5
    )
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


async def test_each_login_works_only_with_its_password(folder: Path, port: int) -> None:
    postgres = server(folder, port)
    postgres.start()
    try:
        assert await ask(port, "owner", "it's secret", "SELECT current_user") == "owner"
        assert await ask(port, "reader", "another", "SELECT current_user") == "reader"
        for user, password in (("reader", "wrong"), ("postgres", ""), ("stranger", "another")):
            with pytest.raises(asyncpg.InvalidPasswordError):
                await ask(port, user, password, "SELECT 1")
    finally:
        postgres.stop()
    assert not postgres.is_running


async def test_data_stays_between_starts_and_a_new_password_replaces_the_old(folder: Path, port: int) -> None:
    postgres = server(folder, port)
    postgres.start()
    await ask(port, "owner", "it's secret", "CREATE TABLE kept AS SELECT 7 AS value")
    postgres.stop()
    postgres = server(folder, port, {"owner": "new"})
    postgres.start()
    try:
        assert await ask(port, "owner", "new", "SELECT value FROM kept") == 7
        with pytest.raises(asyncpg.InvalidPasswordError):
            await ask(port, "owner", "it's secret", "SELECT 1")
    finally:
        postgres.stop()


async def test_with_templates_the_next_server_is_a_copy_with_its_own_passwords(
    folder: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TEMPLATES, str(folder / "templates"))
    first = server(folder, port)
    first.start()
    await ask(port, "owner", "it's secret", "CREATE TABLE kept AS SELECT 7 AS value")
    first.stop()
    (template,) = (folder / "templates").iterdir()
    (template / "a mark").touch()
    second = Postgres(folder / "second", port=port, database="simpul", logins={"owner": "new"})
    second.start()
    try:
        assert await ask(port, "owner", "new", "SELECT count(*) FROM pg_tables WHERE tablename = 'kept'") == 0
        with pytest.raises(asyncpg.InvalidPasswordError):
            await ask(port, "owner", "it's secret", "SELECT 1")
    finally:
        second.stop()
    assert (second.data / "a mark").exists()
    other = Postgres(folder / "other", port=port, database="another", logins={"owner": "new"})
    assert other._template() != template


def test_an_incomplete_data_folder_is_recreated(folder: Path, port: int) -> None:
    unfinished = folder / "server" / "data.unfinished"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18")
    postgres = server(folder, port)
    postgres.start()
    postgres.stop()


def test_a_taken_port_is_one_line(folder: Path, port: int) -> None:
    first, second = server(folder, port), Postgres(folder / "second", port=port, database="simpul", logins=LOGINS)
    first.start()
    try:
        with pytest.raises(PostgresError, match=r"^PostgreSQL ended at start: [^\n]+$"):
            second.start()
    finally:
        first.stop()


def test_a_pid_file_of_another_program_does_not_prevent_a_start(folder: Path, port: int) -> None:
    postgres = server(folder, port)
    postgres.prepare()
    (postgres.data / "postmaster.pid").write_text(
        f"{os.getpid()}\n{postgres.data}\n1\n{port}\n\nlocalhost\n0 0\nready\n"
    )
    postgres.start()
    postgres.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux")
def test_the_server_of_a_killed_starter_ends_and_the_next_start_works(folder: Path, port: int) -> None:
    program = f"""
import time
from pathlib import Path
from sandbox.databases.postgres import Postgres
postgres = Postgres(Path({str(folder)!r}) / "server", port={port}, database="simpul", logins={LOGINS!r})
postgres.start()
print(postgres.pid, flush=True)
time.sleep(60)
"""
    starter = subprocess.Popen(  # noqa: S603 - the program above
        [sys.executable, "-c", program], cwd=Path(__file__).parents[3], stdout=subprocess.PIPE, text=True
    )
    with starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        starter.kill()
    end = time.monotonic() + 10
    while Path(f"/proc/{pid}/exe").exists() and time.monotonic() < end:
        time.sleep(0.02)
    again = server(folder, port)
    again.start()
    assert again.pid != pid
    again.stop()
