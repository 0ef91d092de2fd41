"""An operator is told how the hub's database stands, and nothing is changed by asking."""

from __future__ import annotations

import socket

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from store.database import database, migrate
from store.standing import OLDEST, reaches, sealed_people, standing
from store.unavailable import StateUnavailable
from tests.city import HOST, free_port


async def test_an_empty_database_has_no_form_and_is_left_as_it_is(empty: AsyncEngine) -> None:
    how = await standing(empty)
    assert (how.revision, how.known_revision) == (None, True)
    assert how.version >= OLDEST
    assert (how.encoding, how.in_recovery, how.may_migrate, how.here) == ("UTF8", False, True, True)
    assert abs(how.clock) < 2
    assert (await standing(empty)).revision is None


async def test_what_is_promised_is_told_as_the_server_says(empty: AsyncEngine) -> None:
    how = await standing(empty)  # the server of the tests is fast, and loses what it holds in a power cut
    assert (how.safe_on_disk, how.synchronous_commit, how.standbys) == (False, "off", "")


async def test_after_the_first_start_it_has_the_newest_form_and_reaches_nowhere(empty: AsyncEngine) -> None:
    await migrate(empty)
    how = await standing(empty)
    assert how.revision == how.newest_revision != ""
    assert {(each.rows, each.newest) for each in await reaches(empty)} == {(0, None)}
    assert await sealed_people(empty) == []


async def test_a_form_of_a_newer_hub_is_told_from_an_older_one(empty: AsyncEngine) -> None:
    await migrate(empty)
    async with empty.begin() as connection:
        await connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    assert not (await standing(empty)).known_revision


async def test_a_role_that_may_not_make_tables_is_told(empty: AsyncEngine) -> None:
    async with empty.begin() as connection:
        await connection.exec_driver_sql("REVOKE CREATE ON SCHEMA public FROM simpul, PUBLIC")
    assert not (await standing(empty)).may_migrate


async def test_a_server_that_is_not_there_is_told_by_the_class_of_its_error() -> None:
    engine = database(f"postgresql://simpul:geheim@{HOST}:{free_port()}/simpul")
    with pytest.raises(StateUnavailable) as unavailable:
        await standing(engine, within=5)
    await engine.dispose()
    assert str(unavailable.value) == "ConnectionRefusedError"


async def test_a_server_that_says_nothing_is_told_by_the_timeout() -> None:
    with socket.create_server((HOST, 0)) as silent:
        engine = database(f"postgresql://simpul:geheim@{HOST}:{silent.getsockname()[1]}/simpul")
        with pytest.raises(StateUnavailable) as unavailable:
            await standing(engine, within=0.2)
        await engine.dispose()
    assert str(unavailable.value) == "TimeoutError"
