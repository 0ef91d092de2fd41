"""The population register: a real PostgreSQL behind the proxy, queried with asyncpg."""

import asyncio
import os
import signal
import ssl
import sys
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]  # it ships no types
import pytest

from sandbox.population.city_population import SAMPLES, build_population
from tests.sandbox_agencies import HOST, RunningAgency, run_agency, start_agency

SITI, BUDI = SAMPLES["siti"].nik, SAMPLES["budi"].nik
BY_NIK = "SELECT nik, nama_lgkp FROM biodata_wni WHERE nik = ANY($1) ORDER BY nik"


async def connect(agency: RunningAgency, **other: object) -> asyncpg.Connection:
    login = {"host": HOST, "port": agency.port, "user": agency.user, "password": agency.secret, "database": "siak"}
    return await asyncpg.connect(**(login | other), timeout=5)


@pytest.fixture
async def register(dukcapil: RunningAgency) -> AsyncIterator[asyncpg.Connection]:
    connection = await connect(dukcapil)
    dukcapil.reset_calls()
    yield connection
    await connection.close(timeout=5)


async def test_residents_are_found_by_many_niks_in_one_statement(register: asyncpg.Connection) -> None:
    rows = await register.fetch(BY_NIK, [BUDI, SITI, "3171010101019999"])

    assert [tuple(row) for row in rows] == [(SITI, "SITI RAHMAWATI"), (BUDI, "BUDI SANTOSO")]


async def test_every_resident_is_in_the_register_once(register: asyncpg.Connection) -> None:
    assert await register.fetchval("SELECT count(*) FROM biodata_wni") == len(build_population().residents)
    assert await register.fetchval("SELECT count(*) FROM keluarga") == 700


async def test_a_resident_has_the_registers_vocabulary_and_numbers(register: asyncpg.Connection) -> None:
    row = await register.fetchrow("SELECT * FROM biodata_wni WHERE nik = $1", SITI)

    assert dict(row) == {
        "nik": "3171014506909001",
        "no_kk": "3171010203149001",
        "nama_lgkp": "SITI RAHMAWATI",
        "tmpt_lhr": "JAKARTA",
        "tgl_lhr": date(1990, 6, 5),
        "jenis_klmin": "PEREMPUAN",
        "gol_darah": "B",
        "agama": "ISLAM",
        "status_kawin": "KAWIN",
        "pddk_akh": "DIPLOMA IV/STRATA I",
        "jenis_pkrjn": "KARYAWAN SWASTA",
        "stat_hbkel": "ISTRI",
        "nik_ibu": "-",
        "nama_lgkp_ibu": "NUR AINI",
        "nik_ayah": "-",
        "nama_lgkp_ayah": "RAHMAT HIDAYAT",
        "no_prop": 31,
        "no_kab": 71,
        "no_kec": 1,
        "no_kel": 1001,
        "no_rt": 4,
        "no_rw": 2,
        "alamat": "JL. KENANGA NO. 12",
        "ektp_status": "Y",
        "prop_name": "DKI JAKARTA",
        "kab_name": "KOTA ADMINISTRASI JAKARTA PUSAT",
        "kec_name": "GAMBIR",
        "kel_name": "GAMBIR",
    }


async def test_the_sex_is_a_word_for_some_and_a_digit_for_others(register: asyncpg.Connection) -> None:
    rows = await register.fetch("SELECT DISTINCT jenis_klmin FROM biodata_wni ORDER BY 1")

    assert [row[0] for row in rows] == ["1", "2", "LAKI-LAKI", "PEREMPUAN"]


async def test_unknown_values_are_a_dash_or_an_empty_text(register: asyncpg.Connection) -> None:
    rows = await register.fetch(
        "SELECT nama_lgkp_ayah, count(*) FROM biodata_wni GROUP BY 1 HAVING nama_lgkp_ayah < 'A'"
    )

    assert {row[0] for row in rows} == {"", "-"}
    assert await register.fetchval("SELECT count(*) FROM biodata_wni WHERE gol_darah = 'TIDAK TAHU'") > 500


async def test_a_household_s_members_are_found_by_its_card(register: asyncpg.Connection) -> None:
    rows = await register.fetch(
        "SELECT k.nik_kepala, b.nik FROM keluarga k JOIN biodata_wni b USING (no_kk) WHERE no_kk = $1",
        "3171010203149001",
    )

    assert {row["nik_kepala"] for row in rows} == {BUDI}
    assert {row["nik"] for row in rows} == {BUDI, SITI, "3171014904159001", "3171012311189001"}


async def test_statements_on_the_register_are_counted_but_not_the_drivers_own(
    dukcapil: RunningAgency, register: asyncpg.Connection
) -> None:
    prepared = await register.prepare(BY_NIK)
    for _ in range(3):
        await prepared.fetch([SITI])
    await register.execute("SELECT 1 FROM keluarga; SELECT 2")
    await register.fetchval("SELECT 1")
    await register.fetch("SELECT typname FROM pg_catalog.pg_type LIMIT 1")

    assert dukcapil.count_calls() == {"select biodata_wni": 3, "select keluarga": 1}


async def test_a_connection_without_statements_is_not_counted(
    dukcapil: RunningAgency, register: asyncpg.Connection
) -> None:
    await (await connect(dukcapil)).close()

    assert await register.fetchval("SELECT 1") == 1
    assert dukcapil.count_calls() == {}


async def test_answers_larger_than_any_buffer_pass_completely(register: asyncpg.Connection) -> None:
    text = await register.fetchval("SELECT repeat('x', 3000000) FROM keluarga LIMIT 1")

    assert text == "x" * 3_000_000
    assert len(await register.fetch("SELECT * FROM biodata_wni")) == len(build_population().residents)


@pytest.mark.parametrize(
    ("user", "secret"), [("simpul", "wrong"), ("nobody", "x"), ("postgres", ""), ("siak_owner", "")]
)
async def test_wrong_credentials_are_refused_by_postgresql_and_counted(
    dukcapil: RunningAgency, user: str, secret: str
) -> None:
    dukcapil.reset_calls()
    with pytest.raises(asyncpg.InvalidPasswordError):
        await connect(dukcapil, user=user, password=secret)

    assert dukcapil.count_calls() == {"refused": 1}


async def test_encryption_is_declined_as_the_protocol_says(dukcapil: RunningAgency) -> None:
    with pytest.raises(ConnectionError, match="rejected SSL upgrade"):
        await connect(dukcapil, ssl=ssl.create_default_context())


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM keluarga",
        "UPDATE biodata_wni SET agama = '-'",
        "CREATE TABLE mine (a int)",
        "CREATE TEMP TABLE mine (a int)",
        "COPY biodata_wni TO PROGRAM 'cat'",
        "SELECT pg_read_file('PG_VERSION')",
    ],
)
async def test_the_login_may_only_read(register: asyncpg.Connection, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await register.execute(statement)


async def test_mode_error_fails_statements_and_leaves_the_connection_usable(
    dukcapil: RunningAgency, register: asyncpg.Connection
) -> None:
    with dukcapil.in_mode("error"):
        with pytest.raises(asyncpg.InternalServerError, match="plays a failing server"):
            await register.fetch(BY_NIK, [SITI])
        with pytest.raises(asyncpg.InternalServerError, match="plays a failing server"):
            await register.execute("SELECT 1 FROM keluarga")
        assert await register.fetchval("SELECT 1") == 1

    assert len(await register.fetch(BY_NIK, [SITI])) == 1
    assert dukcapil.count_calls() == {"select biodata_wni": 2, "select keluarga": 1}


async def test_a_transaction_knows_that_its_statement_failed(
    dukcapil: RunningAgency, register: asyncpg.Connection
) -> None:
    await register.execute("BEGIN")
    with dukcapil.in_mode("error"), pytest.raises(asyncpg.InternalServerError):
        await register.fetch(BY_NIK, [SITI])
    with pytest.raises(asyncpg.InFailedSQLTransactionError):
        await register.fetch(BY_NIK, [SITI])
    await register.execute("ROLLBACK")

    assert len(await register.fetch(BY_NIK, [SITI])) == 1


async def test_mode_rubbish_answers_an_invalid_row(dukcapil: RunningAgency) -> None:
    connection = await connect(dukcapil)
    with dukcapil.in_mode("rubbish"), pytest.raises(asyncpg.InternalClientError, match="32767"):
        await connection.fetch(BY_NIK, [SITI])
    connection.terminate()


async def test_mode_refuse_refuses_logins_and_the_next_statement_of_open_connections(dukcapil: RunningAgency) -> None:
    connection = await connect(dukcapil)
    dukcapil.reset_calls()
    with dukcapil.in_mode("refuse"):
        with pytest.raises(asyncpg.InvalidPasswordError):
            await connection.fetch(BY_NIK, [SITI])
        with pytest.raises(asyncpg.InvalidPasswordError):
            await connect(dukcapil)
    connection.terminate()

    assert dukcapil.count_calls() == {"refused": 2}


async def test_mode_slow_holds_a_statement_until_the_mode_changes(
    dukcapil: RunningAgency, register: asyncpg.Connection
) -> None:
    with dukcapil.in_mode("slow"):
        pending = asyncio.create_task(register.fetch(BY_NIK, [SITI]))
        done, _ = await asyncio.wait({pending}, timeout=0.2)
        assert done == set()

    assert len(await asyncio.wait_for(pending, 5)) == 1


async def test_a_held_statement_can_be_cancelled_like_a_long_one(
    dukcapil: RunningAgency, register: asyncpg.Connection
) -> None:
    with dukcapil.in_mode("slow"):
        with pytest.raises(TimeoutError):
            await register.fetch(BY_NIK, [SITI], timeout=0.1)
        assert await asyncio.wait_for(register.fetchval("SELECT 1"), 5) == 1


async def test_a_client_that_disconnects_leaves_no_statement_behind(dukcapil: RunningAgency) -> None:
    connection = await connect(dukcapil)
    watcher = await connect(dukcapil)
    backend = await connection.fetchval("SELECT pg_backend_pid()")
    with dukcapil.in_mode("slow"):
        pending = asyncio.create_task(connection.fetch(BY_NIK, [SITI]))
        await asyncio.wait({pending}, timeout=0.1)
        connection.terminate()
        await asyncio.gather(pending, return_exceptions=True)
        async with asyncio.timeout(5):
            while await watcher.fetchval("SELECT count(*) FROM pg_stat_activity WHERE pid = $1", backend):  # noqa: ASYNC110 - only the server knows
                await asyncio.sleep(0.02)
    await watcher.close()


async def test_imitated_latency_is_added_to_statements_only(
    dukcapil: RunningAgency, register: asyncpg.Connection
) -> None:
    clock = asyncio.get_running_loop()
    dukcapil.set_latency(150, 150)
    try:
        start = clock.time()
        await register.fetch("SELECT 1 FROM keluarga LIMIT 1")
        asked_at = clock.time()
        await register.fetchval("SELECT 1")
        other = clock.time()
    finally:
        dukcapil.set_latency(0, 0)

    assert asked_at - start >= 0.15
    assert other - asked_at < 0.1


@pytest.fixture(scope="module")
def own_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose path is too long for a unix socket."""
    return tmp_path_factory.mktemp("register" + "x" * 90)


async def test_a_stopped_register_is_unreachable_and_restarts_with_its_data(own_state: Path) -> None:
    with run_agency("dukcapil", own_state) as agency:
        assert agency.stop() == 0
        with pytest.raises(OSError, match="Connect"):
            await connect(agency)
        agency.restart()
        connection = await connect(agency)
        assert len(await connection.fetch(BY_NIK, [SITI])) == 1
        await connection.close()


async def test_a_killed_register_is_unreachable_and_restarts(own_state: Path) -> None:
    with run_agency("dukcapil", own_state) as agency:
        agency.kill()
        with pytest.raises(OSError, match="Connect"):
            await connect(agency)
        agency.restart()
        connection = await connect(agency)
        assert len(await connection.fetch(BY_NIK, [SITI])) == 1
        await connection.close()


async def test_a_register_whose_server_dies_ends_with_one_line(own_state: Path) -> None:
    with run_agency("dukcapil", own_state) as agency:
        postmaster = (agency.state / "postgres" / "data" / "postmaster.pid").read_text().split()[0]
        os.kill(int(postmaster), signal.SIGKILL)

        assert agency.process.wait(5) == 1
        assert agency.read_stderr() == f"sandbox: the database server of dukcapil ended; look into {agency.state}."


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
async def test_no_server_outlives_a_killed_register(own_state: Path) -> None:
    with run_agency("dukcapil", own_state) as agency:
        postmaster = (agency.state / "postgres" / "data" / "postmaster.pid").read_text().split()[0]
        agency.kill()
        async with asyncio.timeout(5):
            while Path(f"/proc/{postmaster}/exe").exists():  # noqa: ASYNC110, ASYNC240 - only the kernel knows
                await asyncio.sleep(0.02)


async def test_the_login_of_an_earlier_start_is_no_longer_accepted(own_state: Path) -> None:
    agency = start_agency("dukcapil", own_state, user="someone", secret="else")
    try:
        await (await connect(agency)).close()
        with pytest.raises(asyncpg.InvalidPasswordError):
            await connect(agency, user="simpul", password="rahasia-uji")
    finally:
        agency.stop()


async def test_a_new_secret_of_the_same_login_replaces_the_old_one(own_state: Path) -> None:
    agency = start_agency("dukcapil", own_state, user="someone", secret="new's")
    try:
        await (await connect(agency)).close()
        with pytest.raises(asyncpg.InvalidPasswordError):
            await connect(agency, password="else")
    finally:
        agency.stop()
