"""The driver against another maker's server: graphql-js, the reference implementation, behind npm `graphql-http`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from records.calls.failures import AgencyMalformed, AgencyUnavailable
from tests.connectors.declared.graphql.clubs import SITI, TABLES, ClubQuery, Membership, build, to_club
from tests.connectors.declared.hotspots import open_driver
from tests.connectors.failures import make_call
from tests.plugins.optional_programs import node_packages, program_or_skip

SERVER = Path(__file__).with_name("clubs.mjs")
CHANGED = {**TABLES, "records": {**TABLES["records"], "Club": {"id": "id", "name": "title", "city": "place.city"}}}


@pytest.fixture
async def url() -> AsyncIterator[str]:
    node_packages()
    process = await asyncio.create_subprocess_exec(program_or_skip("node"), str(SERVER), stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    async with asyncio.timeout(60):
        port = int(await process.stdout.readline())
    yield f"http://127.0.0.1:{port}/graphql"
    process.terminate()
    await process.wait()


async def test_entities_rows_pages_and_errors_of_the_reference_implementation(url: str) -> None:
    driver = open_driver({"driver": "graphql", "url": url})
    try:
        connector = build(driver, TABLES)
        found = await connector.clubs(["1", "5", "9", "2"], make_call())
        assert (found["1"], found["2"], type(found["5"])) == (to_club(1), to_club(2), AgencyUnavailable)
        assert "9" not in found
        memberships = await connector.memberships_of([SITI], make_call())
        assert memberships == {SITI: (Membership(owner=SITI, club="1", number=12),)}
        query = ClubQuery(search="", first=10, after=None)
        assert await connector.found([query], make_call()) == {query: tuple(to_club(each) for each in (1, 2, 3))}
        with pytest.raises(AgencyMalformed):  # HTTP 400: there is no such field
            await build(driver, CHANGED).clubs(["1"], make_call())
    finally:
        await driver.close()
