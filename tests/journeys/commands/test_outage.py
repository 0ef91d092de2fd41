"""While one complaint system is down, submissions to it wait and others do not; then it gets them in order, slowly."""

from __future__ import annotations

import asyncio
import sqlite3
import tomllib
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path

import tomli_w

from records.command_state import CommandState
from services.commands.delivery_rules import CLAIM_SIZE
from tests.fakes.waiting import wait_until_answered
from tests.journeys.commands.killed_city import KilledCity, build_variables, write_complaint_city
from tests.journeys.hub_process import HubProcess
from tests.plugins.run_folder import short_folder
from tests.sandbox_agencies import RunningAgency, run_agency

CENTRE, WEST = "31.71.01.1001", "31.73.01.1001"
RATE, BURST = 20, 8
SUBMISSIONS = 90


def write_city_of_two(folder: Path) -> Path:
    """A city with a complaint system for its centre, of a limited rate, and one for the west."""
    city = write_complaint_city(
        folder, serves=["31.71"], terms={"rate": RATE, "burst": BURST, "breaker": {"pause": 0.2}}
    )
    manifest = tomllib.loads((city / "agencies" / "crm.toml").read_text(encoding="utf-8"))
    manifest |= {"serves": ["31.73"], "name": {"en": "western complaint system", "id": "sistem pengaduan barat"}}
    manifest["wire"] |= {"url": "${SIMPUL_WEST_URL}", "credential": {"headers": {"X-Api-Key": "${SIMPUL_WEST_KEY}"}}}
    manifest.pop("terms")
    (city / "agencies" / "crm-barat.toml").write_text(tomli_w.dumps(manifest), encoding="utf-8")
    return city


@asynccontextmanager
async def run_city_of_two(folder: Path) -> AsyncIterator[tuple[KilledCity, RunningAgency]]:
    """The city in front of the centre's system, and the system of the west."""
    with run_agency("crm", folder / "1") as centre, run_agency("crm", folder / "2") as west, short_folder() as short:
        other = build_variables(west)
        variables = {
            **build_variables(centre),
            "SIMPUL_WEST_URL": other["SIMPUL_CRM_URL"],
            "SIMPUL_WEST_KEY": other["SIMPUL_CRM_KEY"],
            "SIMPUL_CITY": str(write_city_of_two(short / "city")),
            "SIMPUL_RATES": "off",
        }
        city = KilledCity(HubProcess(short, variables), centre)
        await asyncio.to_thread(city.hub.postgres.start)
        try:
            await asyncio.to_thread(city.hub.start)
            yield city, west
        finally:
            city.hub.kill()
            city.hub.postgres.stop()


def list_arrived(agency: RunningAgency) -> Sequence[tuple[str, str]]:
    """Text and second of each complaint, in the order of arrival."""
    with closing(sqlite3.connect(agency.state / "submissions.sqlite")) as connection:
        return connection.execute("SELECT description, at FROM submissions ORDER BY id").fetchall()


async def test_an_outage_delays_its_own_agency_only_and_ends_in_order_within_the_rate(tmp_path: Path) -> None:
    async with run_city_of_two(tmp_path) as (city, west):
        await asyncio.to_thread(city.complaint_system.kill)
        texts = [f"wish {n}" for n in range(SUBMISSIONS)]
        for text in texts:
            await city.submit(text, region=CENTRE)
        await city.submit("elsewhere", region=WEST)

        async def has_arrived() -> bool:
            return (await city.load_states())["elsewhere"] is CommandState.DONE

        await wait_until_answered(has_arrived)
        assert [text for text, _ in list_arrived(west)] == ["elsewhere"]
        assert CommandState.DONE not in {state for key, state in (await city.load_states()).items() if key in texts}
        await asyncio.to_thread(city.complaint_system.restart)
        await city.wait_until_settled()
        arrived = list_arrived(city.complaint_system)
        assert sorted(text for text, _ in arrived) == sorted(texts)
        assert max(abs(position - texts.index(text)) for position, (text, _) in enumerate(arrived)) < CLAIM_SIZE
        assert max(Counter(second for _, second in arrived).values()) <= RATE + BURST
