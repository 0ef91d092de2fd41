"""The status of the hub's database for operators; reading it changes nothing."""

from __future__ import annotations

import socket

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from store.database import create_database_engine, migrate
from store.database_status import (
    MIN_POSTGRESQL_VERSION,
    load_newest_sealed_people,
    read_database_status,
    summarize_tables,
)
from store.database_timeout import StateUnavailable
from tests.sandbox_agencies import HOST, free_port


async def test_an_empty_database_has_no_revision_and_stays_unchanged(empty: AsyncEngine) -> None:
    how = await read_database_status(empty)
    assert (how.revision, how.is_known_revision) == (None, True)
    assert how.version >= MIN_POSTGRESQL_VERSION
    assert (how.encoding, how.is_in_recovery, how.can_migrate, how.is_local) == ("UTF8", False, True, True)
    assert abs(how.clock_offset) < 2
    assert (await read_database_status(empty)).revision is None


async def test_durability_is_reported_from_the_servers_settings(empty: AsyncEngine) -> None:
    how = await read_database_status(empty)  # the test server is fast, and loses its data in a power cut
    assert (how.is_durable, how.synchronous_commit, how.standbys) == (False, "off", "")


async def test_after_the_first_start_it_has_the_newest_revision_and_no_rows(empty: AsyncEngine) -> None:
    await migrate(empty)
    how = await read_database_status(empty)
    assert how.revision == how.newest_revision != ""
    assert {(each.rows, each.newest) for each in await summarize_tables(empty)} == {(0, None)}
    assert await load_newest_sealed_people(empty) == []


async def test_a_revision_of_a_newer_hub_is_distinguished_from_an_older_one(empty: AsyncEngine) -> None:
    await migrate(empty)
    async with empty.begin() as connection:
        await connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    assert not (await read_database_status(empty)).is_known_revision


async def test_a_role_that_may_not_create_tables_is_reported(empty: AsyncEngine) -> None:
    async with empty.begin() as connection:
        await connection.exec_driver_sql("REVOKE CREATE ON SCHEMA public FROM simpul, PUBLIC")
    assert not (await read_database_status(empty)).can_migrate


async def test_a_missing_server_is_reported_by_the_class_of_its_error() -> None:
    engine = create_database_engine(f"postgresql://simpul:geheim@{HOST}:{free_port()}/simpul")
    with pytest.raises(StateUnavailable) as unavailable:
        await read_database_status(engine, timeout=5)
    await engine.dispose()
    assert str(unavailable.value) == "ConnectionRefusedError"


async def test_a_silent_server_is_reported_by_the_timeout() -> None:
    with socket.create_server((HOST, 0)) as silent:
        engine = create_database_engine(f"postgresql://simpul:geheim@{HOST}:{silent.getsockname()[1]}/simpul")
        with pytest.raises(StateUnavailable) as unavailable:
            await read_database_status(engine, timeout=0.2)
        await engine.dispose()
    assert str(unavailable.value) == "TimeoutError"
