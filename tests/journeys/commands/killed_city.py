"""A hub, its database, a complaint system and Valkey, each in its own process, to be killed while commands are sent.

The complaint system does not recognise a request that is sent twice, so a double would stay.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import aiohttp
from yarl import URL

from auth.caller import Caller, CallerKind
from records.command_state import CommandState
from records.identifiers import Nik
from sandbox.agency_variables import build_agency_variables
from store.commands.command_outbox import CommandOutbox
from store.database import create_database_engine
from tests.fakes.city import write_city
from tests.fakes.waiting import wait_until_answered
from tests.journeys.hub_process import HubProcess
from tests.sandbox_agencies import HOST, RunningAgency

SUBMIT = """
mutation Submit($key: String!, $region: RegionCode) {
  submitComplaint(
    complaint: { categoryCode: "1202", description: $key, address: "Jl. Melati", region: $region }
    key: $key
  ) {
    ... on CommandReceipt { number }
    ... on CommandProblem { code field }
  }
}
"""
QUICK = {"submit_complaint": {"timeout": "1 s", "settle": "1 s"}}


def write_complaint_city(folder: Path, *, reference: bool = True, **manifest: Any) -> Path:  # noqa: ANN401 - keys of the manifest
    """The city of the repository with the complaint system alone; without `reference`, it stores no number of ours."""
    others = [each.stem for each in (write_city(folder) / "agencies").glob("*.toml") if each.stem != "crm"]
    changes = {code: {"stage": "agreed"} for code in others} | {"crm": {"commands": QUICK, **manifest}}
    extensions = {
        "constant": {"extensions": "true"},
        "page_size": "page_size",
        "status": "code_status",
        "region": "region",
        "reporter": "reporter",
        "private": {"visibility": "PRIVATE"},
    }
    wire = {} if reference else {"crm": {"extensions": extensions}}
    return write_city(folder, terms={"crm": {"breaker": {"pause": 0.2}}}, wire=wire, changes=changes)


def build_variables(complaint_system: RunningAgency, *, port: int | None = None) -> Mapping[str, str]:
    """The variables of its manifest; `port` is that of a line to it."""
    return build_agency_variables(
        "crm",
        port=port or complaint_system.port,
        user=complaint_system.user,
        secret=complaint_system.secret,
        health={},
    )


class KilledCity:
    """The processes, with the same disks after each kill, and what was acknowledged."""

    def __init__(self, hub: HubProcess, complaint_system: RunningAgency) -> None:
        """Starts nothing."""
        self.hub = hub
        self.database_url = self.hub.state_url
        self.complaint_system = complaint_system
        self.receipts: dict[str, str] = {}
        """The number of each acknowledged command, by its key, which is also its text."""
        self.app_port = 0
        """The port that apps call, 0 for that of the hub."""

    async def submit(self, key: str, region: str | None = None) -> None:
        """Submit a complaint until it is acknowledged, as an app does: with the same key."""
        person = Nik(f"31710145069{sum(key.encode()) * 7919 % 90_000 + 10_000}")
        caller = Caller(kind=CallerKind.CITIZEN, first_party=True, nik=person)
        body = {"query": SUBMIT, "variables": {"key": key, "region": region}}
        async with self.hub.client(caller) as session:

            async def is_acknowledged() -> bool:
                url = f"http://{HOST}:{self.app_port or self.hub.port}/graphql"
                try:
                    async with session.post(URL(url), json=body) as response:
                        answer = await response.json()
                except aiohttp.ClientError:
                    return False
                receipt = (answer.get("data") or {}).get("submitComplaint")
                if receipt:
                    assert "number" in receipt, receipt
                    number = receipt["number"]
                    assert self.receipts.setdefault(key, number) == number
                return bool(receipt)

            await wait_until_answered(is_acknowledged, timeout=60)

    async def wait_until_settled(self, *, may_park: bool = False) -> None:
        """Wait until every command is done; or parked, if the complaint system cannot be asked."""
        final = {CommandState.PARKED} if may_park else set()
        async with self.open_outbox() as outbox:

            async def is_settled() -> bool:
                return {each.state for each in await outbox.list_open()} <= final

            try:
                await wait_until_answered(is_settled, timeout=120)
            except TimeoutError:
                left = [f"{each.state.name} {each.failure} {each.lookups}" for each in await outbox.list_open()]
                raise AssertionError(f"not settled: {left}") from None

    async def wait_until_sent(self) -> None:
        """Wait until a command is being sent, and its bytes are on their way."""
        async with self.open_outbox() as outbox:

            async def is_sending() -> bool:
                return bool(await outbox.list_open(states=[CommandState.SENDING]))

            await wait_until_answered(is_sending, timeout=60)

    @asynccontextmanager
    async def open_outbox(self) -> AsyncIterator[CommandOutbox]:
        """The outbox, not over a line."""
        engine = create_database_engine(self.database_url)
        try:
            yield CommandOutbox(engine, timeout=30)
        finally:
            await engine.dispose()

    async def load_states(self) -> Mapping[str, CommandState]:
        """The state of each acknowledged command, by its key."""
        states = {}
        async with self.open_outbox() as outbox:
            for key, number in self.receipts.items():
                found = await outbox.find(number)
                assert found is not None
                states[key] = found.state
        return states

    def count_complaints(self) -> Counter[str]:
        """How many complaints the system has, by their text, which is the key."""
        with closing(sqlite3.connect(self.complaint_system.state / "submissions.sqlite")) as connection:
            return Counter(text for (text,) in connection.execute("SELECT description FROM submissions"))
