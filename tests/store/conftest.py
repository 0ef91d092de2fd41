"""A PostgreSQL server for the hub's own state, and an empty schema in it for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from sandbox.postgres import Postgres
from store.database import database
from tests.city import HOST, free_port


@pytest.fixture(scope="session")
def state_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the hub's database."""
    postgres = Postgres(
        tmp_path_factory.mktemp("hub-state"), port=free_port(), database="simpul", logins={"simpul": "rahasia-uji"}
    )
    postgres.start()
    try:
        yield f"postgresql://simpul:rahasia-uji@{HOST}:{postgres.port}/simpul"
    finally:
        postgres.stop()


@pytest.fixture
async def empty(state_url: str) -> AsyncIterator[AsyncEngine]:
    """The database as it is before the hub's first start."""
    engine = database(state_url)
    async with engine.begin() as connection:
        await connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        await connection.exec_driver_sql("CREATE SCHEMA public")
    yield engine
    await engine.dispose()
