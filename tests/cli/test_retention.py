"""`simpul retention` removes what is over and tells it, and `simpul ledger verify` takes the receipts for it."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli.hub_environment import STATE_DATABASE, STATE_SERVER, state_url
from sandbox.postgres import Postgres
from sandbox.state_folder import StateFolder
from store.access_ledger import AccessLedger
from store.database import database
from tests.cli.running import Serve, simpul
from tests.store.ledger import ENTRY

YEARS_AGO = datetime.now(UTC) - timedelta(days=2000)


@pytest.fixture
def old(seeded: Path) -> Iterator[Path]:
    """A database with two entries older than five years, and a new one. No hub runs, for it purges daily, too."""
    folder = StateFolder(seeded)
    secret = folder.known_secret("ids")
    assert secret is not None

    async def write() -> None:
        engine = database(state_url(folder))
        ledger = AccessLedger(engine, base64.b64decode(secret))
        await ledger.start()
        for at in (YEARS_AGO, YEARS_AGO + timedelta(days=1), datetime.now(UTC)):
            await ledger.write([replace(ENTRY, at=at, classification="PERSONAL SPECIFIC:FINANCE")])
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
        yield seeded
        simpul(seeded, "retention", "purge")
    finally:
        database_server.stop()


def test_what_is_kept_how_long_is_listed_as_settings_say(running: Serve) -> None:
    outcome = simpul(running.state, "retention", "list", SIMPUL_RETENTION="ledger:30 ledger/SPECIFIC:HEALTH:60")
    told = [line.split() for line in outcome.stdout.splitlines()]
    assert told[1:3] == [["ledger", "30", "SPECIFIC:HEALTH:60"], ["consents", "1825"]]
    wrong = simpul(running.state, "retention", "list", SIMPUL_RETENTION="ledger:soon")
    assert wrong.returncode == 1
    assert "'ledger:soon' does not say how long something is kept" in wrong.stderr


def test_what_is_over_goes_with_a_receipt_and_the_ledger_still_verifies(old: Path) -> None:
    removed = "rows=2 PERSONAL=2 SPECIFIC:FINANCE=2"
    before = simpul(old, "ledger", "verify").stdout
    told = simpul(old, "retention", "purge", "--dry-run")
    assert removed in told.stdout
    assert told.stdout.endswith("Nothing was removed.\n")
    assert simpul(old, "ledger", "verify").stdout == before
    outcome = simpul(old, "retention", "purge", "--by", "rina")
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert removed in outcome.stdout
    verified = simpul(old, "ledger", "verify")
    assert verified.returncode == 0
    assert "2 entries were purged, with receipts (`simpul retention receipts`)." in verified.stdout
    receipt = simpul(old, "retention", "receipts").stdout.splitlines()[-1]
    for each in ("ledger", removed, YEARS_AGO.isoformat(timespec="seconds"), "1825", "rina"):
        assert each in receipt
    assert simpul(old, "retention", "purge").stdout == "Nothing is over.\n"
