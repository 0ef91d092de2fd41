"""What follows a parked complaint waits and says for what, in the graph and on the command line."""

from __future__ import annotations

import asyncio
import json
import tomllib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from records.command_state import CommandState
from settings.city.folder import DEFAULT_CITY
from store.commands.command_outbox import CommandResult
from tests.cli.preloaded import get_preloaded_interpreter
from tests.journeys.commands.killed_city import SUBMIT, KilledCity, build_variables, write_complaint_city
from tests.journeys.hub_process import HubProcess, ask
from tests.plugins.run_folder import short_folder
from tests.sandbox_agencies import run_agency

COMMENT = """
mutation Comment($id: ID!) {
  commentComplaint(id: $id, text: "Masih mati.", key: "comment") {
    ... on CommandReceipt { number waitsFor state }
    ... on CommandProblem { code field }
  }
}
"""
MINE = "query Mine { me { complaints { id description delivery } receipts { number kind state waitsFor } } }"


@pytest.fixture
async def city(tmp_path: Path) -> AsyncIterator[KilledCity]:
    """A city whose complaint system stores no number of the hub, and takes comments."""
    manifest = tomllib.loads((DEFAULT_CITY / "agencies" / "crm.toml").read_text(encoding="utf-8"))
    commands = {name: {**table, "timeout": "1 s", "settle": "1 s"} for name, table in manifest["commands"].items()}
    with run_agency("crm", tmp_path) as complaint_system, short_folder() as short:
        path = write_complaint_city(short / "city", reference=False, commands=commands)
        hub = HubProcess(short, {**build_variables(complaint_system), "SIMPUL_CITY": str(path)})
        await asyncio.to_thread(hub.postgres.start)
        try:
            await asyncio.to_thread(hub.start)
            yield KilledCity(hub, complaint_system)
        finally:
            hub.kill()
            hub.postgres.stop()


def run_commands(hub: HubProcess, folder: Path, *words: str) -> str:
    """The output of `simpul commands`."""
    with (folder / "commands.log").open("w+b") as log:
        program = get_preloaded_interpreter().launch(["commands", *words], hub.environment, out=log, err=log)
        assert program.wait(60) == 0
        log.seek(0)
        return log.read().decode()


async def test_a_comment_on_a_parked_complaint_waits_for_it_and_follows_a_decision(
    city: KilledCity, tmp_path: Path
) -> None:
    city.complaint_system.set_mode("slow")
    async with city.hub.client() as session:

        async def run(query: str, **variables: Any) -> Mapping[str, Any]:  # noqa: ANN401 - JSON
            answer = await ask(session, {"query": query, "variables": variables})
            assert "errors" not in answer
            data: Mapping[str, Any] = answer["data"]
            return data

        complaint = (await run(SUBMIT, key="Lampu mati."))["submitComplaint"]["number"]
        await city.wait_until_settled(may_park=True)
        city.complaint_system.set_mode("normal")
        [mine] = [each for each in (await run(MINE))["me"]["complaints"] if each["delivery"] == "PARKED"]
        assert mine["description"] == "Lampu mati."
        comment = (await run(COMMENT, id=mine["id"]))["commentComplaint"]
        assert (comment["state"], comment["waitsFor"]) == ("ACCEPTED", complaint)
        receipts = {each["kind"]: each for each in (await run(MINE))["me"]["receipts"]}
        assert receipts["comment_complaint"]["waitsFor"] == complaint

        listed = json.loads(await asyncio.to_thread(run_commands, city.hub, tmp_path, "list", "--json"))
        assert {each["number"]: each["waits for"] for each in listed} == {complaint: "-", comment["number"]: complaint}
        shown = await asyncio.to_thread(run_commands, city.hub, tmp_path, "show", comment["number"])
        assert f"waits for {complaint}" in shown

        async with city.open_outbox() as outbox:
            rejected = CommandResult(state=CommandState.REJECTED)
            await outbox.decide(complaint, rejected, by="Rina", reason="not there")
        await city.wait_until_settled()
        states = {each["kind"]: each for each in (await run(MINE))["me"]["receipts"]}
        assert (states["comment_complaint"]["state"], states["comment_complaint"]["waitsFor"]) == ("REJECTED", None)
