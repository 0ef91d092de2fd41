"""`simpul ledger` detects changes of the access ledger."""

import asyncio
import json
import re
import urllib.request
from pathlib import Path

import pytest
from sqlalchemy import text

from cli.sandbox.hub_environment import build_state_url
from sandbox.state_folder import StateFolder
from store.database import create_database_engine
from tests.cli.command_line import ServeProcess, run_simpul


@pytest.fixture
def hub_with_reads(serve_process: ServeProcess) -> ServeProcess:
    """A hub on which Siti queried her own name."""
    token = run_simpul(serve_process.state, "token", "siti").stdout.strip()
    request = urllib.request.Request(
        f"http://127.0.0.1:{serve_process.port}/graphql",
        json.dumps({"query": "{ me { name } }"}).encode(),
        {"Content-Type": "application/json", "Authorization": f"Bearer {token}"},
    )
    with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310 - our own hub
        assert json.load(response)["data"]["me"]["name"] == "Siti Rahmawati"
    return serve_process


def change_entry(serve_process: ServeProcess, chain: str, sequence: str, fields: str) -> None:
    """Change an entry."""
    statement = text(f"UPDATE access_entries SET fields = {fields} WHERE chain = :chain AND sequence = :sequence")  # noqa: S608 - of a test

    async def change() -> None:
        engine = create_database_engine(build_state_url(StateFolder(serve_process.state)))
        async with engine.begin() as connection:
            await connection.execute(statement, {"chain": chain, "sequence": int(sequence)})
        await engine.dispose()

    asyncio.run(change())


def test_an_intact_ledger_passes_and_a_changed_entry_is_named_and_fails(
    hub_with_reads: ServeProcess, tmp_path: Path
) -> None:
    outcome = run_simpul(hub_with_reads.state, "ledger", "verify")
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert re.search(r"Unchanged: \d+ entr(y|ies) in \d+ chains?\.\n\Z", outcome.stdout)
    heads = tmp_path / "heads"
    heads.write_text(run_simpul(hub_with_reads.state, "ledger", "heads").stdout)
    chain, last, _ = max((line.split(" ") for line in heads.read_text().splitlines()), key=lambda head: int(head[1]))
    assert run_simpul(hub_with_reads.state, "ledger", "verify", "--heads", str(heads)).returncode == 0
    change_entry(hub_with_reads, chain, last, "'Citizen.id' || fields")
    outcome = run_simpul(hub_with_reads.state, "ledger", "verify")
    assert outcome.stdout == f"chain {chain}, entry {last}: the entry was changed\n"
    assert outcome.returncode == 1
    assert outcome.stderr.startswith("simpul: the access ledger was changed after it was written, in 1 place: ")
    change_entry(hub_with_reads, chain, last, "substr(fields, 11)")
    assert run_simpul(hub_with_reads.state, "ledger", "verify").returncode == 0


def test_malformed_heads_are_named(hub_with_reads: ServeProcess, tmp_path: Path) -> None:
    heads = tmp_path / "heads"
    heads.write_text("nonsense\n")
    outcome = run_simpul(hub_with_reads.state, "ledger", "verify", "--heads", str(heads))
    assert outcome.returncode == 1
    assert "'nonsense' is not a chain head" in outcome.stderr
