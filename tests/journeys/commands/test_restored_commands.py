"""The drill of docs/operators/backup.md for commands: an older state of the database doubles and loses none."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from records.command_state import CommandState
from tests.cli.preloaded import get_preloaded_interpreter
from tests.deploy.backup import find_binaries
from tests.journeys.commands.killed_city import KilledCity, build_variables, write_complaint_city
from tests.journeys.hub_process import HubProcess
from tests.plugins.run_folder import short_folder
from tests.sandbox_agencies import run_agency


@contextmanager
def run_city(folder: Path, *, reference: bool) -> Iterator[KilledCity]:
    with run_agency("crm", folder) as complaint_system, short_folder() as short:
        city = write_complaint_city(short / "city", reference=reference)
        hub = HubProcess(short, {**build_variables(complaint_system), "SIMPUL_CITY": str(city)})
        hub.postgres.start()
        try:
            hub.start()
            yield KilledCity(hub, complaint_system)
        finally:
            hub.kill()
            hub.postgres.stop()


def run_program(name: str, *arguments: str) -> None:
    done = subprocess.run([find_binaries() / name, *arguments], capture_output=True, text=True, check=False)  # noqa: S603 - the wheel's
    assert done.returncode == 0, done.stderr


def doubt_open_commands(hub: HubProcess, folder: Path) -> str:
    """Run `simpul commands restored`."""
    with (folder / "restored.log").open("w+b") as log:
        command = ["commands", "restored", "--by", "Rina"]
        done = get_preloaded_interpreter().launch(command, hub.environment, out=log, err=log)
        assert done.wait(60) == 0
        log.seek(0)
        return log.read().decode()


async def restore_older_state(city: KilledCity, folder: Path, *, sent_since: bool) -> None:
    """Restore the database to a moment at which two commands were open; perhaps they were delivered after it."""
    await city.submit("done before")
    await city.wait_until_settled()
    await asyncio.to_thread(city.complaint_system.kill)
    for key in ("first", "second"):
        await city.submit(key)
    dump = f"--file={folder / 'simpul.dump'}"
    await asyncio.to_thread(run_program, "pg_dump", "--format=custom", dump, city.hub.state_url)
    if sent_since:
        await asyncio.to_thread(city.complaint_system.restart)
        await city.wait_until_settled()
        await asyncio.to_thread(city.hub.kill)
    else:
        await asyncio.to_thread(city.hub.kill)
        await asyncio.to_thread(city.complaint_system.restart)
    older = ("--clean", "--if-exists", "--no-owner", "--exit-on-error", f"--dbname={city.hub.state_url}")
    await asyncio.to_thread(run_program, "pg_restore", *older, str(folder / "simpul.dump"))
    assert (await city.load_states())["done before"] is CommandState.DONE
    said = await asyncio.to_thread(doubt_open_commands, city.hub, folder)
    assert said == "2 open commands are uncertain now.\n"
    await asyncio.to_thread(city.hub.start)


@pytest.mark.parametrize("sent_since", [True, False], ids=["sent since", "not sent"])
async def test_after_a_restore_open_commands_are_looked_up_and_are_there_once(
    tmp_path: Path, *, sent_since: bool
) -> None:
    with run_city(tmp_path, reference=True) as city:
        await restore_older_state(city, tmp_path, sent_since=sent_since)
        await city.wait_until_settled()
        assert set((await city.load_states()).values()) == {CommandState.DONE}
        assert city.count_complaints() == {"done before": 1, "first": 1, "second": 1}


@pytest.mark.parametrize("sent_since", [True, False], ids=["sent since", "not sent"])
async def test_after_a_restore_commands_that_cannot_be_looked_up_are_parked(
    tmp_path: Path, *, sent_since: bool
) -> None:
    with run_city(tmp_path, reference=False) as city:
        await restore_older_state(city, tmp_path, sent_since=sent_since)
        await city.submit("after it")
        await city.wait_until_settled(may_park=True)
        done, parked = CommandState.DONE, CommandState.PARKED
        states = {"done before": done, "first": parked, "second": parked, "after it": done}
        assert await city.load_states() == states
        sent = ["done before", "after it", *(["first", "second"] if sent_since else [])]
        assert city.count_complaints() == dict.fromkeys(sent, 1)
