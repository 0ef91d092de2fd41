"""The hub's own database: connected lazily, migrated once, and in step with the tables of the code."""

from __future__ import annotations

import asyncio

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect
from sqlalchemy.ext.asyncio import AsyncEngine

from store.database import MIGRATIONS, create_database_engine, migrate
from store.tables import metadata


async def tables(engine: AsyncEngine) -> set[str]:
    async with engine.connect() as connection:
        return set(await connection.run_sync(lambda it: inspect(it).get_table_names()))


async def test_an_empty_database_is_migrated_to_the_newest_revision(empty: AsyncEngine) -> None:
    assert await tables(empty) == set()
    await migrate(empty)
    assert await tables(empty) == {*metadata.tables, "alembic_version"}


async def test_a_second_start_changes_nothing(empty: AsyncEngine) -> None:
    await migrate(empty)
    await migrate(empty)
    async with empty.connect() as connection:
        rows = (await connection.exec_driver_sql("SELECT version_num FROM alembic_version")).all()
    assert len(rows) == 1


async def test_several_hubs_may_start_concurrently(empty: AsyncEngine, state_url: str) -> None:
    other = create_database_engine(state_url)
    try:
        await asyncio.wait_for(asyncio.gather(*(migrate(engine) for engine in (empty, other, empty, other))), 30)
    finally:
        await other.dispose()
    assert await tables(empty) == {*metadata.tables, "alembic_version"}


async def test_the_migrations_create_the_tables_of_the_code(empty: AsyncEngine) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return list(compare_metadata(context, metadata))

    await migrate(empty)
    async with empty.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_a_failed_migration_is_rolled_back(empty: AsyncEngine) -> None:
    async with empty.begin() as connection:
        await connection.exec_driver_sql("CREATE TABLE complaint_links (in_the_way int)")
    with pytest.raises(Exception, match="complaint_links"):
        await migrate(empty)
    assert await tables(empty) == {"complaint_links"}


async def test_a_database_newer_than_the_code_is_not_migrated_and_logged(
    empty: AsyncEngine, caplog: pytest.LogCaptureFixture
) -> None:
    await migrate(empty)
    async with empty.begin() as connection:
        await connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9001'")
        await connection.exec_driver_sql("CREATE TABLE later (id int)")
    await migrate(empty)
    assert await tables(empty) == {*metadata.tables, "alembic_version", "later"}
    assert [each.getMessage() for each in caplog.records if each.name == "simpul.state"] == [
        "The revision 9001 of the hub's database is newer than this release knows; it is not migrated"
    ]


async def test_a_migration_does_not_block_readers_while_it_waits_for_a_table(
    empty: AsyncEngine, state_url: str
) -> None:
    def upgrade(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "0006")  # the next migration adds columns to a table that every request reads

    async with empty.begin() as connection:
        await connection.run_sync(upgrade)
    other = create_database_engine(state_url)
    async with other.connect() as reading, other.connect() as watching, other.connect() as asking:
        await reading.exec_driver_sql("SELECT count(*) FROM operation_clients")  # in a transaction that stays open
        migrating = asyncio.create_task(migrate(empty))
        waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'"
        while not (await watching.exec_driver_sql(waits)).scalar():
            await watching.rollback()
        answered = asking.exec_driver_sql("SELECT count(*) FROM operation_clients")
        await asyncio.wait_for(answered, 5)  # not before the migration gives way
        assert not migrating.done()
        await asking.rollback()
        await reading.rollback()
        await asyncio.wait_for(migrating, 30)
    await other.dispose()
    assert await tables(empty) == {*metadata.tables, "alembic_version"}


async def test_nothing_is_opened_before_the_first_use() -> None:
    engine = create_database_engine("postgresql://simpul:x@127.0.0.1:1/simpul")
    await engine.dispose()


@pytest.mark.parametrize("url", ["sqlite:///state.db", "mysql://u:geheim@127.0.0.1/x", "postgresql+psycopg2://u:p@h/x"])
def test_another_kind_of_database_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match=r"^The hub's database must be PostgreSQL, not '[a-z0-9+]+'") as refused:
        create_database_engine(url)
    assert "geheim" not in str(refused.value)


def test_the_password_is_not_shown() -> None:
    engine = create_database_engine("postgresql://simpul:geheim@127.0.0.1/simpul")
    assert "geheim" not in repr(engine)
    assert "geheim" not in str(engine.url)
