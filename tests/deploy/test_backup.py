"""After the loss of the hub's database, `deploy/backup/` restores every answered read."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import text

from sandbox.databases.postgres import Postgres
from store.database import create_database_engine
from store.ledger.ledger_check import check_ledger
from tests.deploy.backup import Backup, ReplicatedHub, build_url, destroy, prepare_for_backups, start_restored
from tests.journeys.hub_process import PERSONAL, PUBLIC, SECRET, SITI, HubProcess, ask
from tests.plugins.run_folder import short_folder

ASKING = 16
"""Concurrent callers."""


@pytest.fixture
def place() -> Iterator[Path]:
    # Not in pytest's own folder: another run of pytest would remove PostgreSQL's access to it.
    with short_folder() as folder:
        yield folder


@pytest.fixture
def hub(place: Path) -> Iterator[HubProcess]:
    """A hub whose commits wait for the backup's machine; only its database runs."""
    hub = ReplicatedHub(place / "hub")
    prepare_for_backups(hub.postgres)
    hub.postgres.launch()
    hub.postgres.wait()
    try:
        yield hub
    finally:
        hub.kill()
        hub.postgres.stop()


@pytest.fixture
def backup(place: Path, hub: HubProcess) -> Iterator[Backup]:
    """The backup's machine, receiving."""
    backup = Backup(place / "backup", hub.postgres)
    backup.start_receiving()
    try:
        yield backup
    finally:
        backup.stop_receiving()


async def ask_until_lost(hub: HubProcess, answered: set[str]) -> None:
    """Send concurrent requests until the hub stops answering; collects requests answered with personal data."""

    async def ask_on(session: aiohttp.ClientSession, worker: int) -> None:
        number = 0
        while True:
            request_id = f"client-{worker}-{number}"
            answer = await ask(session, PERSONAL, request_id)
            if not answer.get("data"):
                assert [each["extensions"]["code"] for each in answer["errors"]] == ["LEDGER_UNAVAILABLE"]
                return
            assert answer["data"] == {"me": {"nik": SITI}}
            answered.add(request_id)
            number += 1

    async with hub.client() as session:
        await asyncio.gather(*(ask_on(session, worker) for worker in range(ASKING)))


async def read_recorded_requests(server: Postgres) -> set[str]:
    """The requests with a ledger entry in the restored database, whose chains are intact."""
    engine = create_database_engine(build_url(server))
    try:
        found = await check_ledger(engine, SECRET)
        assert (found.broken, found.receipt_faults) == ([], [])
        async with engine.connect() as connection:
            return set((await connection.execute(text("SELECT request_id FROM access_entries"))).scalars())
    finally:
        await engine.dispose()


async def test_every_answer_has_its_restored_entry_after_the_database_is_destroyed_at_a_random_moment(
    hub: HubProcess, backup: Backup, place: Path
) -> None:
    hub.start()
    answered: set[str] = set()
    asking = asyncio.create_task(ask_until_lost(hub, answered))
    async with asyncio.timeout(120):
        while len(answered) < 100:
            assert not asking.done()
            await asyncio.sleep(0.01)
        await asyncio.to_thread(backup.take)
        assert len(answered) > 100  # answered during the copy
        last = len(answered) + random.randrange(50, 500)  # noqa: S311 - any moment
        while len(answered) < last:
            assert not asking.done()
            await asyncio.sleep(0)
        backup.cut_off()
        await asyncio.sleep(0.2)  # time for answers that the backup would lack
        await asyncio.to_thread(destroy, hub.postgres)
        await asking
    backup.crash()
    began = time.monotonic()
    server = await asyncio.to_thread(start_restored, backup, hub.postgres, place / "new")
    try:
        missing = answered - await read_recorded_requests(server)
        took = time.monotonic() - began
        assert missing == set(), f"{len(missing)} of {len(answered)} answers, destroyed after {last}"
        print(f"\n{len(answered)} answers, restored in {took:.1f} s")  # noqa: T201 - for docs/operators/backup.md
    finally:
        server.stop()


async def test_without_the_backup_no_personal_data_is_answered_until_it_returns(
    hub: HubProcess, backup: Backup
) -> None:
    hub.start()
    async with hub.client() as session:
        assert await ask(session, PERSONAL, "before") == {"data": {"me": {"nik": SITI}}}
        backup.stop_receiving()
        for _ in range(6):
            refused = await ask(session, PERSONAL, "meanwhile")
            assert [error["extensions"]["code"] for error in refused["errors"]] == ["LEDGER_UNAVAILABLE"]
            assert refused["data"] is None
        assert await ask(session, PUBLIC) == {"data": {"region": {"code": "31"}}}
        # Waiting sessions do not accumulate: the last one, and one that is being cancelled.
        assert await count_waiting_sessions(hub) <= 2
        await asyncio.to_thread(backup.start_receiving)
        async with asyncio.timeout(30):
            while (await ask(session, PERSONAL, "after")).get("data") is None:  # noqa: ASYNC110 - there is no event to wait for
                await asyncio.sleep(0.1)


async def count_waiting_sessions(hub: HubProcess) -> int:
    """Sessions of the hub that wait for the backup."""
    engine = create_database_engine(hub.state_url)
    try:
        async with engine.connect() as connection:
            counted = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
            return int((await connection.execute(text(counted))).scalar_one())
    finally:
        await engine.dispose()
