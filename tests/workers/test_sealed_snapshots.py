"""Workers share a sealed snapshot of personal data: one loads it, and no file of the hub holds it in plain text."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.declared.snapshot.file import read_facts
from records.identifiers import Nik
from tests.cli.command_line import temporary_state_folder
from tests.connectors.declared.snapshot.enterprises import (
    ALL,
    BUDI,
    SITI,
    build_manifest_changes,
    drop_enterprises,
    find_plain_text,
)
from tests.fakes.city import write_city
from tests.fakes.waiting import block_until
from tests.journeys.hub_process import CITIZEN, SECRET, ask
from tests.workers.production import Production, find_loader, prepare_production

MINE = {"query": "query Mine { me { msmes { name products { name } } } }"}
NAMES = ["Warung Sénen Siti", "Katering Melati"]
SECRETS = {secret for each in ALL for secret in each.secrets}


@pytest.fixture
def hub() -> Iterator[Production]:
    with temporary_state_folder() as folder:
        folder.mkdir(parents=True)
        with prepare_production(folder) as hub:
            drop_enterprises(folder / "drops")
            city = write_city(
                folder / "city", changes={"jakpreneur": build_manifest_changes(folder / "drops")}, terms={}
            )
            shutil.rmtree(city / "samples")  # it has the same people
            hub.write_settings(
                SIMPUL_CITY=str(city),
                SIMPUL_SNAPSHOT_FOLDER=str(folder / "snapshots"),
                SIMPUL_JAKPRENEUR_URL=None,
            )
            yield hub


def find_copy(hub: Production) -> Path:
    [found] = (hub.folder / "snapshots" / "jakpreneur").glob("enterprises-*.sqlite")
    return found


def find_mark(hub: Production) -> str | None:
    """The mark of the key that the copy is sealed with."""
    facts = read_facts(find_copy(hub))
    assert facts is not None
    return facts.seal


async def check_answers(hub: Production) -> None:
    """Asserts that the hub answers over new connections, from any worker: to Siti hers, and to Budi his."""
    for _ in range(6):
        async with hub.client(replace(CITIZEN, nik=Nik(SITI.nik))) as session:
            found = await ask(session, MINE)
        assert [each["name"] for each in found["data"]["me"]["msmes"]] == NAMES
        assert [each["reason"] for each in found["extensions"]["freshness"]] == ["copy"]
    async with hub.client(replace(CITIZEN, nik=Nik(BUDI.nik))) as session:
        found = await ask(session, MINE)
    assert [each["name"] for each in found["data"]["me"]["msmes"]] == ["Bengkel Budi"]


async def test_one_worker_loads_all_answer_and_no_file_holds_a_person(hub: Production) -> None:
    await asyncio.to_thread(hub.start)
    await check_answers(hub)
    assert hub.read_output.count("Loaded the snapshot 'enterprises' of the agency 'jakpreneur': 3 rows") == 1
    first = find_loader(hub, "jakpreneur", "enterprises")
    assert first in hub.workers
    assert first is not None
    for path in (hub.folder / "drops").iterdir():
        path.rename(hub.folder / path.name)  # the plain text is found where it is
    assert {secret for _, secret in find_plain_text(hub.folder, SECRETS)} == SECRETS
    for path in hub.folder.glob("*.txt*"):
        path.unlink()
    os.kill(first, signal.SIGKILL)
    is_other = lambda: find_loader(hub, "jakpreneur", "enterprises") not in {None, first}  # noqa: E731 - short
    await asyncio.to_thread(block_until, is_other, "another loader")
    await check_answers(hub)
    assert find_plain_text(hub.folder, SECRETS) == []


@pytest.mark.long
async def test_a_new_secret_reads_the_copy_of_the_old_one_until_the_next_file_comes(hub: Production) -> None:
    await asyncio.to_thread(hub.start)
    await check_answers(hub)
    mark = find_mark(hub)
    for path in (hub.folder / "drops").iterdir():
        path.unlink()
    newer, older = (base64.b64encode(each).decode() for each in (b"n" * 32, SECRET))
    hub.write_settings(SIMPUL_SECRET=newer, SIMPUL_FORMER_SECRETS=older)
    hub.signal(signal.SIGHUP)
    await asyncio.to_thread(hub.wait_for, "Reloaded: 2 workers serve", 1)
    await check_answers(hub)
    assert find_mark(hub) == mark
    drop_enterprises(hub.folder / "drops")
    hub.signal(signal.SIGHUP)
    await asyncio.to_thread(hub.wait_for, "Reloaded: 2 workers serve", 2)
    await asyncio.to_thread(block_until, lambda: find_mark(hub) != mark, "a copy that is sealed with the new secret")
    await check_answers(hub)
