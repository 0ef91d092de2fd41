"""`simpul ledger` tells whether who read what is as it was written."""

import asyncio
import json
import urllib.request
from pathlib import Path

import pytest
from sqlalchemy import text

from cli.hub_environment import state_url
from sandbox.state_folder import StateFolder
from store.database import database
from tests.cli.running import Serve, simpul


@pytest.fixture
def read(running: Serve) -> Serve:
    """A hub of which Siti asked her own name."""
    token = simpul(running.state, "token", "siti").stdout.strip()
    request = urllib.request.Request(
        f"http://127.0.0.1:{running.port}/graphql",
        json.dumps({"query": "{ me { name } }"}).encode(),
        {"Content-Type": "application/json", "Authorization": f"Bearer {token}"},
    )
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 - our own hub
        assert json.load(response)["data"]["me"]["name"] == "Siti Rahmawati"
    return running


def changed(running: Serve, chain: str, sequence: str, fields: str) -> None:
    """Write something else into an entry."""
    statement = text(f"UPDATE access_entries SET fields = {fields} WHERE chain = :chain AND sequence = :sequence")  # noqa: S608 - of a test

    async def change() -> None:
        engine = database(state_url(StateFolder(running.state)))
        async with engine.begin() as connection:
            await connection.execute(statement, {"chain": chain, "sequence": int(sequence)})
        await engine.dispose()

    asyncio.run(change())


def test_a_sound_ledger_passes_and_a_changed_entry_is_named_and_fails(read: Serve, tmp_path: Path) -> None:
    outcome = simpul(read.state, "ledger", "verify")
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert outcome.stdout.endswith(" chains are as they were written.\n")
    heads = tmp_path / "heads"
    heads.write_text(simpul(read.state, "ledger", "heads").stdout)
    chain, last, _ = max((line.split(" ") for line in heads.read_text().splitlines()), key=lambda head: int(head[1]))
    assert simpul(read.state, "ledger", "verify", "--heads", str(heads)).returncode == 0
    changed(read, chain, last, "'Citizen.id' || fields")
    outcome = simpul(read.state, "ledger", "verify")
    assert outcome.stdout == f"chain {chain}, entry {last}: the entry was changed\n"
    assert outcome.returncode == 1
    assert outcome.stderr.startswith("simpul: the access ledger is not as it was written, broken in 1 place: ")
    changed(read, chain, last, "substr(fields, 11)")
    assert simpul(read.state, "ledger", "verify").returncode == 0


def test_heads_that_are_none_are_named(read: Serve, tmp_path: Path) -> None:
    heads = tmp_path / "heads"
    heads.write_text("nonsense\n")
    outcome = simpul(read.state, "ledger", "verify", "--heads", str(heads))
    assert outcome.returncode == 1
    assert "'nonsense' is no head of a chain" in outcome.stderr
