"""`simpul retention` purges expired data with receipts, and `simpul ledger verify` accepts the receipts."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli.sandbox.hub_environment import STATE_DATABASE, STATE_SERVER, build_state_url
from sandbox.databases.postgres import Postgres
from sandbox.state_folder import StateFolder
from store.database import create_database_engine
from store.ledger.access_ledger import AccessLedger
from tests.cli.command_line import ServeProcess, run_simpul
from tests.store.ledger.sample_entry import ENTRY

YEARS_AGO = datetime.now(UTC) - timedelta(days=2000)


@pytest.fixture
def hub_with_old_entries(seeded_state: Path) -> Iterator[Path]:
    """A database with two entries older than five years, and a newer one. No hub runs, because it purges daily."""
    folder = StateFolder(seeded_state)
    secret = folder.known_secret("ids")
    assert secret is not None

    async def write() -> None:
        engine = create_database_engine(build_state_url(folder))
        ledger = AccessLedger(engine, base64.b64decode(secret))
        await ledger.start()
        for at in (YEARS_AGO, YEARS_AGO + timedelta(days=1), datetime.now(UTC)):
            await ledger.write([ENTRY._replace(at=at, classification="PERSONAL SPECIFIC:FINANCE")])
        await ledger.close()
        await engine.dispose()

    database_server = Postgres(
        folder.folder(STATE_SERVER),
        port=folder.port(STATE_SERVER),
        database=STATE_DATABASE,
        logins={STATE_DATABASE: folder.secret(STATE_SERVER)},
    )
    database_server.start()
    try:
        asyncio.run(write())
        yield seeded_state
        run_simpul(seeded_state, "retention", "purge")
    finally:
        database_server.stop()


def test_retention_periods_are_listed_as_the_settings_say(serve_process: ServeProcess) -> None:
    outcome = run_simpul(
        serve_process.state, "retention", "list", SIMPUL_RETENTION="ledger:30 ledger/SPECIFIC:HEALTH:60"
    )
    rows = [line.split() for line in outcome.stdout.splitlines()]
    assert rows[1:3] == [["ledger", "30", "SPECIFIC:HEALTH:60"], ["consents", "1825"]]
    wrong = run_simpul(serve_process.state, "retention", "list", SIMPUL_RETENTION="ledger:soon")
    assert wrong.returncode == 1
    assert "'ledger:soon' is not a retention" in wrong.stderr


def test_expired_entries_are_purged_with_a_receipt_and_the_ledger_still_verifies(hub_with_old_entries: Path) -> None:
    removed = "rows=2 PERSONAL=2 SPECIFIC:FINANCE=2"
    before = run_simpul(hub_with_old_entries, "ledger", "verify").stdout
    dry_run = run_simpul(hub_with_old_entries, "retention", "purge", "--dry-run")
    assert removed in dry_run.stdout
    assert dry_run.stdout.endswith("Nothing was removed.\n")
    assert run_simpul(hub_with_old_entries, "ledger", "verify").stdout == before
    outcome = run_simpul(hub_with_old_entries, "retention", "purge", "--by", "rina")
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert removed in outcome.stdout
    verified = run_simpul(hub_with_old_entries, "ledger", "verify")
    assert verified.returncode == 0
    assert "Purged: 2 entries, with receipts (`simpul retention receipts`)." in verified.stdout
    receipt = run_simpul(hub_with_old_entries, "retention", "receipts").stdout.splitlines()[-1]
    for each in ("ledger", removed, YEARS_AGO.isoformat(timespec="seconds"), "1825", "rina"):
        assert each in receipt
    assert run_simpul(hub_with_old_entries, "retention", "purge").stdout == "Nothing has expired.\n"
