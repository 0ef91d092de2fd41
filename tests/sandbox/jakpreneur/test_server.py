"""The small business programme: a real MariaDB behind the proxy, queried with asyncmy, and the SQLite file."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncmy
import pytest
from asyncmy.errors import InternalError, OperationalError

from sandbox.population.city_population import ADULT_AGE, SAMPLES, build_population
from tests.sandbox_agencies import HOST, RunningAgency, start_agency

SITI, BUDI = SAMPLES["siti"].nik, SAMPLES["budi"].nik
SITI_S_KITCHEN = (
    1,
    SITI,
    "9120001234567",
    "DAPUR SITI 🍰",
    "10710",
    317101,
    "P5",
    "A",
    "12500000.00",
    "17/03/2021",
    "0812-5550-1990",
    "JL. KENANGA NO. 12",
)
BUDI_S_WORKSHOP = (
    2,
    BUDI,
    "-",
    "BENGKEL MOTOR BUDI",
    "45407",
    317101,
    "P2",
    "",
    "8.750.000",
    "02/09/2024",
    "-",
    "JL. KENANGA NO. 12",
)
SITI_S_PRODUCTS = (
    (1, 1, "KUE LAPIS LEGIT", "185000.00", "Y"),
    (2, 1, "KAFÉ SUSU GULA AREN", "18.000", "Y"),
    (3, 1, "PESANAN", "-", "N"),
)


async def connect(agency: RunningAgency, **other: Any) -> asyncmy.Connection:  # noqa: ANN401 - whatever the driver takes
    login = {"host": HOST, "port": agency.port, "user": agency.user, "password": agency.secret, "db": "jakpreneur"}
    return await asyncmy.connect(**(login | other), connect_timeout=5)


async def ask(connection: asyncmy.Connection, statement: str, *values: object) -> tuple[tuple[object, ...], ...]:
    async with connection.cursor() as cursor:
        await cursor.execute(statement, values or None)
        rows = await cursor.fetchall()
        return tuple(rows)


@pytest.fixture
async def programme(jakpreneur_mariadb: RunningAgency) -> AsyncIterator[asyncmy.Connection]:
    connection = await connect(jakpreneur_mariadb)
    jakpreneur_mariadb.reset_calls()
    yield connection
    await connection.ensure_closed()


async def test_enterprises_are_found_by_many_owners_in_one_statement(programme: asyncmy.Connection) -> None:
    rows = await ask(programme, "SELECT * FROM umkm WHERE nik IN (%s, %s) ORDER BY id", SITI, BUDI)

    assert rows == (SITI_S_KITCHEN, BUDI_S_WORKSHOP)


async def test_products_keep_their_accents_in_a_latin1_table(programme: asyncmy.Connection) -> None:
    assert await ask(programme, "SELECT * FROM produk WHERE umkm_id = 1 ORDER BY id") == SITI_S_PRODUCTS
    assert await ask(
        programme,
        "SELECT table_name, column_name, character_set_name FROM information_schema.columns"
        " WHERE column_name IN ('nama_usaha', 'nama_produk') ORDER BY 1",
    ) == (("produk", "nama_produk", "latin1"), ("umkm", "nama_usaha", "utf8mb4"))


async def test_the_sqlite_file_has_the_same_rows_as_mariadb(
    programme: asyncmy.Connection, jakpreneur_sqlite: RunningAgency
) -> None:
    with closing(sqlite3.connect(jakpreneur_sqlite.health()["path"])) as file:
        for table in ("umkm", "produk"):
            assert await ask(programme, f"SELECT * FROM {table} ORDER BY id") == tuple(  # noqa: S608 - our own tables
                file.execute(f"SELECT * FROM {table} ORDER BY id")  # noqa: S608 - our own tables
            )


async def test_health_names_the_engine_mariadb(jakpreneur_mariadb: RunningAgency) -> None:
    health = jakpreneur_mariadb.health()
    assert (health["agency"], health["ready"], health["engine"]) == ("jakpreneur", True, "mariadb")
    assert "path" not in health


def test_health_names_the_engine_sqlite_and_the_path_of_its_file(jakpreneur_sqlite: RunningAgency) -> None:
    path = jakpreneur_sqlite.state / "jakpreneur.open"

    assert path.resolve() == jakpreneur_sqlite.state.resolve() / "jakpreneur.sqlite3"
    health = jakpreneur_sqlite.health()
    assert (health["agency"], health["ready"], health["engine"]) == ("jakpreneur", True, "sqlite")
    assert health["path"] == str(path)


def test_about_an_eighth_of_the_adults_own_an_enterprise(jakpreneur_sqlite: RunningAgency) -> None:
    adults = sum(resident.age >= ADULT_AGE for resident in build_population().residents)
    with closing(sqlite3.connect(jakpreneur_sqlite.health()["path"])) as file:
        (owners,) = file.execute("SELECT count(DISTINCT nik) FROM umkm").fetchone()

    assert 0.09 < owners / adults < 0.15


def test_every_quirk_is_in_the_data(jakpreneur_sqlite: RunningAgency) -> None:
    with closing(sqlite3.connect(jakpreneur_sqlite.health()["path"])) as file:
        file.text_factory = str
        nibs = {row[0] for row in file.execute("SELECT DISTINCT nib FROM umkm")}
        grades = {row[0] for row in file.execute("SELECT DISTINCT grade FROM umkm")}
        phones = {row[0] for row in file.execute("SELECT DISTINCT telp FROM umkm")}
        revenues = {row[0] for row in file.execute("SELECT omzet_bulanan FROM umkm WHERE omzet_bulanan <> ''")}
        stages = {row[0] for row in file.execute("SELECT DISTINCT tahap FROM umkm")}

    assert {None, "", "-"} <= nibs
    assert grades == {None, "", "-", "A", "B", "C", "D"}
    assert {None, "", "-"} <= phones
    assert any(value.endswith(".00") for value in revenues)
    assert any(value.endswith(".000") for value in revenues)
    assert stages == {"P1", "P2", "P3", "P4", "P5", "P6", "P7"}


def test_a_complete_file_is_kept_and_an_outdated_one_is_rewritten(jakpreneur_sqlite: RunningAgency) -> None:
    path = jakpreneur_sqlite.state / "jakpreneur.sqlite3"
    written = path.stat().st_mtime_ns
    jakpreneur_sqlite.stop()
    jakpreneur_sqlite.restart()
    assert path.stat().st_mtime_ns == written

    jakpreneur_sqlite.stop()
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("PRAGMA user_version = 1")
        file.execute("DELETE FROM umkm")
    jakpreneur_sqlite.restart()
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("SELECT nik FROM umkm WHERE id = 1").fetchone() == (SITI,)


def test_the_file_of_a_killed_programme_is_unreachable_until_it_restarts(jakpreneur_sqlite: RunningAgency) -> None:
    path = jakpreneur_sqlite.health()["path"]
    jakpreneur_sqlite.kill()
    try:
        with pytest.raises(sqlite3.OperationalError, match="unable to open database file"):
            sqlite3.connect(path)
    finally:
        jakpreneur_sqlite.restart()

    with closing(sqlite3.connect(path)) as file:
        assert file.execute("SELECT nik FROM umkm WHERE id = 1").fetchone() == (SITI,)


async def test_statements_on_the_programme_are_counted_and_the_driver_s_own_are_not(
    jakpreneur_mariadb: RunningAgency, programme: asyncmy.Connection
) -> None:
    await (await connect(jakpreneur_mariadb)).ensure_closed()
    await ask(programme, "SELECT 1")
    await ask(programme, "SELECT id FROM umkm WHERE nik IN (%s)", SITI)
    await ask(programme, "SELECT produk.id FROM produk JOIN umkm ON umkm.id = produk.umkm_id WHERE umkm_id = 1")
    await ask(programme, "SELECT table_name FROM information_schema.tables LIMIT 1")

    assert jakpreneur_mariadb.count_calls() == {"select umkm": 1, "select produk": 1}


async def test_answers_larger_than_any_buffer_pass_completely(programme: asyncmy.Connection) -> None:
    assert await ask(programme, "SELECT repeat('x', 3000000) FROM umkm LIMIT 1") == (("x" * 3_000_000,),)


@pytest.mark.parametrize(
    ("user", "secret"), [("simpul", "wrong"), ("nobody", "x"), ("root", ""), ("jakpreneur_owner", "")]
)
async def test_wrong_credentials_are_refused_by_mariadb_and_counted(
    jakpreneur_mariadb: RunningAgency, user: str, secret: str
) -> None:
    jakpreneur_mariadb.reset_calls()
    with pytest.raises(OperationalError, match="Access denied"):
        await connect(jakpreneur_mariadb, user=user, password=secret)

    assert jakpreneur_mariadb.count_calls() == {"refused": 1}


@pytest.mark.parametrize(
    "statement",
    ["DELETE FROM umkm", "UPDATE produk SET harga = 0", "CREATE TABLE mine (a int)", "SELECT user FROM mysql.user"],
)
async def test_the_login_may_only_read(programme: asyncmy.Connection, statement: str) -> None:
    with pytest.raises(OperationalError, match="denied"):
        await ask(programme, statement)


async def test_mode_error_fails_statements_and_leaves_the_connection_usable(
    jakpreneur_mariadb: RunningAgency, programme: asyncmy.Connection
) -> None:
    with jakpreneur_mariadb.in_mode("error"):
        with pytest.raises(OperationalError, match="1105"):
            await ask(programme, "SELECT id FROM umkm")
        assert await ask(programme, "SELECT 1") == ((1,),)

    assert await ask(programme, "SELECT id FROM umkm WHERE id = 1") == ((1,),)
    assert jakpreneur_mariadb.count_calls() == {"select umkm": 2}


async def test_mode_rubbish_answers_an_invalid_packet(jakpreneur_mariadb: RunningAgency) -> None:
    connection = await connect(jakpreneur_mariadb)
    with jakpreneur_mariadb.in_mode("rubbish"), pytest.raises(InternalError, match="sequence number wrong"):
        await ask(connection, "SELECT id FROM umkm")
    connection.close()


async def test_mode_refuse_refuses_logins_and_the_next_statement_of_open_connections(
    jakpreneur_mariadb: RunningAgency,
) -> None:
    connection = await connect(jakpreneur_mariadb)
    jakpreneur_mariadb.reset_calls()
    with jakpreneur_mariadb.in_mode("refuse"):
        with pytest.raises(OperationalError, match="1045"):
            await ask(connection, "SELECT id FROM umkm")
        with pytest.raises(OperationalError, match="1045"):
            await connect(jakpreneur_mariadb)
    connection.close()

    assert jakpreneur_mariadb.count_calls() == {"refused": 2}


async def test_mode_slow_holds_a_statement_until_the_mode_changes(
    jakpreneur_mariadb: RunningAgency, programme: asyncmy.Connection
) -> None:
    with jakpreneur_mariadb.in_mode("slow"):
        pending = asyncio.create_task(ask(programme, "SELECT id FROM umkm WHERE id = 1"))
        done, _ = await asyncio.wait({pending}, timeout=0.2)
        assert done == set()

    assert await asyncio.wait_for(pending, 5) == ((1,),)


async def test_a_killed_programme_is_unreachable_and_restarts(
    tmp_path: Path, jakpreneur_mariadb: RunningAgency
) -> None:
    deep = tmp_path / ("x" * 90)  # the path of a unix socket in it would be too long
    agency = start_agency("jakpreneur", deep, user=jakpreneur_mariadb.user, secret="it's \\ quoted")
    try:
        agency.kill()
        with pytest.raises(OperationalError, match="connect"):
            await connect(agency)
        agency.restart()
        connection = await connect(agency)
        assert await ask(connection, "SELECT nik FROM umkm WHERE id = 2") == ((BUDI,),)
        await connection.ensure_closed()
        assert agency.stop() == 0
    finally:
        agency.stop()


async def test_temporary_tables_are_in_a_private_folder(
    jakpreneur_mariadb: RunningAgency, programme: asyncmy.Connection
) -> None:
    folder = jakpreneur_mariadb.state / "mariadb" / "temporary"
    assert await ask(programme, "SELECT @@tmpdir") == ((str(folder),),)
