"""Worker deaths, reloads, and a release with a migration under load, without failed requests."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import pytest
from sqlalchemy import text

from store.database import create_database_engine
from tests.cli.command_line import temporary_state_folder
from tests.journeys.hub_process import CITIZEN, PERSONAL
from tests.sandbox_agencies import HOST
from tests.workers.load_generator import LoadGenerator, LoadResult
from tests.workers.production import Production, create_release, prepare_production, wait_until_reaped

_MIGRATION = '''"""A later form: another table, and a column more."""

import sqlalchemy as sa
from alembic import op

revision = "9001"
down_revision = "{head}"


def upgrade() -> None:
    """Create it."""
    op.create_table("later", sa.Column("id", sa.Integer, primary_key=True))
    op.add_column("access_entries", sa.Column("later", sa.Text))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("access_entries", "later")
    op.drop_table("later")
'''


def add_migration(store: Path) -> None:
    """The change of a later release."""
    versions = store / "migrations" / "versions"
    head = max(each.name[:4] for each in versions.glob("[0-9]*.py"))
    (versions / "9001_later.py").write_text(_MIGRATION.format(head=head))


@dataclass(frozen=True, slots=True)
class SystemdHub:
    """A hub that gets its socket from systemd."""

    hub: Production
    socket: socket.socket

    def start(self) -> None:
        """Start the hub; returns when it serves."""
        serving = self.hub.read_output.count("The hub serves") if self.hub.process else 0
        self.hub.launch(systemd_socket=self.socket)
        self.hub.wait_for("The hub serves", serving + 1)


@pytest.fixture(scope="module")
def systemd_hub() -> Iterator[SystemdHub]:
    with temporary_state_folder() as folder, socket.socket() as handed:
        folder.mkdir(parents=True)
        with prepare_production(folder) as hub:
            handed.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            handed.bind((HOST, hub.port))
            handed.listen()
            started = SystemdHub(hub, handed)
            started.start()
            yield started


@pytest.fixture
def hub(systemd_hub: SystemdHub) -> Production:
    return systemd_hub.hub


async def wait_for_requests(load: LoadResult, requests: int) -> None:
    """Waits until the given number of further requests were answered."""
    enough = load.answered + requests
    while load.answered < enough:  # noqa: ASYNC110 - callers set no event
        await asyncio.sleep(0.02)


async def read_schema_version(hub: Production) -> str:
    """The current revision of the database."""
    engine = create_database_engine(hub.state_url)
    try:
        async with engine.connect() as connection:
            return str((await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar())
    finally:
        await engine.dispose()


async def test_a_killed_worker_loses_only_its_running_requests(hub: Production) -> None:
    callers = LoadGenerator(hub.port, PERSONAL, hub.headers(CITIZEN))
    async with callers.run_load(keep_alive=12, reconnecting=4, pause=0.2) as load:
        for _ in range(2):
            await wait_for_requests(load, 100)
            failed, killed, serving = len(load.failures), hub.workers[0], hub.read_output.count(" serves (process")
            os.kill(killed, signal.SIGKILL)
            # Until it has ended, its connections are open, and accept requests that it will not read.
            await asyncio.to_thread(wait_until_reaped, killed)
            gone = monotonic()
            await asyncio.to_thread(hub.wait_for, " serves (process", serving + 1)
            await wait_for_requests(load, 100)
            lost = load.failures[failed:]
            assert [each for each in lost if each.sent_at > gone] == []
            assert len(lost) <= 16  # callers with one request at a time


async def test_a_restart_behind_a_systemd_socket_refuses_no_request(systemd_hub: SystemdHub) -> None:
    hub = systemd_hub.hub
    callers = LoadGenerator(hub.port, PERSONAL, hub.headers(CITIZEN))
    async with callers.run_load(keep_alive=4, reconnecting=4, pause=0.3) as load:
        await wait_for_requests(load, 50)
        hub.descendants()
        hub.signal(signal.SIGTERM)
        assert await asyncio.to_thread(hub.wait_for_exit) == 0
        assert hub.find_survivors() == set()
        await asyncio.to_thread(systemd_hub.start)
        await wait_for_requests(load, 50)
    assert load.failures == []


async def test_reloads_an_upgrade_with_a_migration_and_a_rollback_fail_no_request(hub: Production) -> None:
    callers = LoadGenerator(hub.port, PERSONAL, hub.headers(CITIZEN))
    create_release(hub.folder / "second", add_migration)
    seldom = LoadGenerator(hub.port, PERSONAL, hub.headers(CITIZEN))
    async with (
        callers.run_load(keep_alive=12, reconnecting=4, pause=0.6) as load,
        seldom.run_load(keep_alive=6, reconnecting=0, pause=4) as idle,
    ):

        async def reloaded(times: int) -> None:
            first = set(hub.workers)
            hub.signal(signal.SIGHUP)
            await asyncio.to_thread(hub.wait_for, "Reloaded", times)
            assert len(set(hub.workers) - first) == 2
            await wait_for_requests(load, 100)

        hub.write_settings(SIMPUL_PUBLIC_MAX_AGE="30")
        await reloaded(1)
        hub.switch_to("second")
        await reloaded(2)
        assert await read_schema_version(hub) == "9001"
        hub.switch_to("first")
        await reloaded(3)
        await wait_for_requests(idle, 1)
    assert (load.failures, idle.failures) == ([], [])
    assert load.answered > 300
    assert idle.answered > 6
    assert "is newer than this release knows" in hub.read_output
    hub.signal(signal.SIGTERM)
    assert hub.wait_for_exit() == 0
    code_folders = re.findall(r"Reloaded: 2 workers serve, by the code in (.+)", hub.read_output)
    assert code_folders == [str((hub.folder / name).resolve()) for name in ("first", "second", "first")]
    assert "INFO simpul.hub The hub has ended" in hub.log_without_requests
    assert hub.find_survivors() == set()
    assert await read_schema_version(hub) == "9001"
