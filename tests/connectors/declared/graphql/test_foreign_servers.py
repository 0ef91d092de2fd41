"""The driver against servers of other makers: graphql-js behind npm `graphql-http`, Apollo Server, and Strawberry."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from records.calls.failures import AgencyMalformed, AgencyRefused, AgencyUnavailable
from sandbox.agency_server import listen, serve_app
from tests.connectors.declared.graphql.clubs import SITI, TABLES, ClubQuery, Membership, build, to_club
from tests.connectors.declared.graphql.clubs_strawberry import build_application
from tests.connectors.declared.hotspots import open_driver
from tests.connectors.failures import make_call
from tests.plugins.optional_programs import node_packages, program_or_skip

pytestmark = pytest.mark.optional_programs
FOLDER = Path(__file__).parent
CHANGED = {**TABLES, "records": {**TABLES["records"], "Club": {"id": "id", "name": "title", "city": "place.city"}}}


@asynccontextmanager
async def run_node_server(file: str) -> AsyncIterator[str]:
    """The address of a server that prints its port."""
    node_packages()
    node = program_or_skip("node")
    process = await asyncio.create_subprocess_exec(node, str(FOLDER / file), stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            port = int(await process.stdout.readline())
        yield f"http://127.0.0.1:{port}/graphql"
    finally:
        process.terminate()
        await process.wait()


@pytest.fixture(params=["clubs.mjs", "clubs_apollo.mjs", "strawberry"], ids=["graphql-http", "apollo", "strawberry"])
async def url(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    if request.param != "strawberry":
        async with run_node_server(request.param) as address:
            yield address
        return
    listener = listen(0)
    async with serve_app(build_application(), listener):
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/graphql"


async def test_entities_rows_pages_and_errors_of_servers_of_other_makers(url: str) -> None:
    driver = open_driver({"driver": "graphql", "url": url})
    try:
        connector = build(driver, TABLES)
        found = await connector.clubs(["1", "5", "6", "9", "2"], make_call())
        assert (found["1"], found["2"]) == (to_club(1), to_club(2))
        assert (type(found["5"]), type(found["6"])) == (AgencyUnavailable, AgencyRefused)
        assert "9" not in found
        memberships = await connector.memberships_of([SITI], make_call())
        assert memberships == {SITI: (Membership(owner=SITI, club="1", number=12),)}
        query = ClubQuery(search="", first=10, after=None)
        assert await connector.found([query], make_call()) == {query: tuple(to_club(each) for each in (1, 2, 3))}
        with pytest.raises(AgencyMalformed):  # there is no such field
            await build(driver, CHANGED).clubs(["1"], make_call())
    finally:
        await driver.close()
