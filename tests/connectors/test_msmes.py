"""The JakPreneur programme's rows as records, and its database as the sandbox city runs it."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from connectors.declared.connector import DeclaredConnector as Programme
from connectors.drivers.sql.driver import SqlDriver
from connectors.readers.unreadable import UnreadableError
from records.calls.failures import AgencyFailure, AgencyMalformed, AgencyRefused, AgencyTimeout, AgencyUnavailable
from records.identifiers import Nib, Nik, RegionCode, Rupiah
from records.msmes import Msme, Product, ProgrammeStage
from sandbox.jakpreneur.enterprises import SQLITE_SCHEMA, build_rows
from sandbox.population.city_population import SAMPLES, build_population
from tests.connectors.city_agencies import build_jakpreneur, build_reader
from tests.connectors.failures import expect_failure, make_call
from tests.sandbox_agencies import RunningAgency, run_agency

SITI, BUDI, DEWI = (Nik(SAMPLES[name].nik) for name in ("siti", "budi", "dewi"))

UMKM_ROW = {
    "id": 1,
    "nik": SITI,
    "nib": "9120001234567",
    "nama_usaha": "DAPUR SITI 🍰",
    "kbli": "10710",
    "kode_kec": 317101,
    "tahap": "P5",
    "grade": "A",
    "omzet_bulanan": "12500000.00",
    "tgl_daftar": "17/03/2021",
    "telp": "0812-5550-1990",
    "alamat": "JL. KENANGA NO. 12",
}
"""A row as the programme keeps it."""
PRODUK_ROW = {
    "id": 2,
    "umkm_id": 1,
    "nik": SITI,
    "nama_produk": "KAFÉ SUSU GULA AREN",
    "harga": "18.000",
    "katalog_publik": "Y",
}
SITIS = Msme(
    id="1",
    owner=SITI,
    nib=Nib("9120001234567"),
    name="Dapur Siti 🍰",
    industry_code="10710",
    region_code=RegionCode("31.71.01"),
    stage=ProgrammeStage.P5_MARKETING,
    grade="A",
    monthly_revenue=Rupiah(12_500_000),
    registered_on=date(2021, 3, 17),
    phone="+6281255501990",
    address="Jl. Kenanga No. 12",
)
BUDIS = Msme(
    id="2",
    owner=BUDI,
    nib=None,
    name="Bengkel Motor Budi",
    industry_code="45407",
    region_code=RegionCode("31.71.01"),
    stage=ProgrammeStage.P2_COACHING,
    grade=None,
    monthly_revenue=Rupiah(8_750_000),
    registered_on=date(2024, 9, 2),
    phone=None,
    address="Jl. Kenanga No. 12",
)
COFFEE = Product(
    id="2",
    msme_id="1",
    owner=SITI,
    name="Kafé Susu Gula Aren",
    price=Rupiah(18_000),
    in_public_catalogue=True,
)


read_msme = build_reader("jakpreneur", Msme).read
read_product = build_reader("jakpreneur", Product).read


class TestEnterprises:
    def test_a_row_of_the_programme_is_read_as_an_msme(self) -> None:
        assert read_msme(UMKM_ROW) == SITIS

    @pytest.mark.parametrize("absent", [None, "", "-", "---"])
    def test_every_placeholder_is_read_as_none(self, absent: object) -> None:
        kept = {"id", "nik", "nama_usaha"}
        assert read_msme({key: value if key in kept else absent for key, value in UMKM_ROW.items()}) == Msme(
            id="1",
            owner=SITI,
            nib=None,
            name="Dapur Siti 🍰",
            industry_code=None,
            region_code=None,
            stage=None,
            grade=None,
            monthly_revenue=None,
            registered_on=None,
            phone=None,
            address=None,
        )

    @pytest.mark.parametrize("written", ["1900-01-01", "01/01/1900", date(1900, 1, 1), "00/00/0000"])
    def test_a_sentinel_date_is_none(self, written: object) -> None:
        assert read_msme({**UMKM_ROW, "tgl_daftar": written}).registered_on is None

    @pytest.mark.parametrize(
        ("written", "amount"),
        [
            (Decimal("12500000.00"), 12_500_000),
            ("12500000.00", 12_500_000),
            ("8.750.000", 8_750_000),
            ("Rp31.700", 31_700),
            (4_500_000, 4_500_000),
            ("0", 0),
        ],
    )
    def test_revenue_in_every_format_is_whole_rupiah(self, written: object, amount: int) -> None:
        assert read_msme({**UMKM_ROW, "omzet_bulanan": written}).monthly_revenue == amount

    def test_a_district_without_dots_gets_them(self) -> None:
        assert read_msme({**UMKM_ROW, "kode_kec": "310102"}).region_code == "31.01.02"

    def test_codes_from_numeric_columns_get_their_zeros_back(self) -> None:
        msme = read_msme({**UMKM_ROW, "kbli": 1111, "nib": 220001234567})
        assert (msme.industry_code, msme.nib) == ("01111", "0220001234567")

    @pytest.mark.parametrize("stage", list(ProgrammeStage))
    def test_every_stage_is_known(self, stage: ProgrammeStage) -> None:
        assert read_msme({**UMKM_ROW, "tahap": stage.value.lower()}).stage is stage

    def test_an_unknown_stage_is_read_as_none(self) -> None:
        assert read_msme({**UMKM_ROW, "tahap": "P8"}).stage is None

    @pytest.mark.parametrize(
        ("values", "complaint"),
        [
            ({"nib": "912000123456X"}, r"not readable as a NIB \(Msme.nib\)"),
            ({"nib": "91200012345678"}, r"not readable as a NIB \(Msme.nib\)"),
            ({"kbli": "makanan"}, r"not readable as a code of 5 digits \(Msme.industry_code\)"),
            ({"kode_kec": 31710}, r"not readable as a Kemendagri region code \(Msme.region_code\)"),
            ({"omzet_bulanan": "sejuta"}, r"not readable as an amount of money \(Msme.monthly_revenue\)"),
            ({"tgl_daftar": "31/02/2024"}, r"not readable as a day \(Msme.registered_on\)"),
            ({"telp": "tanya Siti"}, r"not readable as a telephone number \(Msme.phone\)"),
            ({"nama_usaha": "-"}, r"not readable as a text \(Msme.name\)"),
            ({"nik": None}, r"not readable as a NIK \(Msme.owner\)"),
        ],
    )
    def test_an_unreadable_value_is_named_by_its_kind_and_field(
        self, values: Mapping[str, object], complaint: str
    ) -> None:
        with pytest.raises(UnreadableError, match=f"^{complaint}$"):
            read_msme({**UMKM_ROW, **values})


class TestProducts:
    def test_a_row_of_the_programme_is_read_as_a_product(self) -> None:
        assert read_product(PRODUK_ROW) == COFFEE

    @pytest.mark.parametrize(
        ("written", "public"), [("Y", True), ("y", True), ("N", False), ("", False), (None, False), ("?", False)]
    )
    def test_only_a_clear_yes_makes_a_product_public(self, written: object, public: bool) -> None:  # noqa: FBT001 - the expected value
        assert read_product({**PRODUK_ROW, "katalog_publik": written}).in_public_catalogue is public

    def test_a_product_may_have_no_price(self) -> None:
        assert read_product({**PRODUK_ROW, "harga": "-"}).price is None


@asynccontextmanager
async def programme_at(url: str) -> AsyncIterator[Programme]:
    sql = SqlDriver("jakpreneur", url, deadline=10, pool_size=2)
    try:
        yield build_jakpreneur(sql)
    finally:
        await sql.close()


def url_of(agency: RunningAgency, *, secret: str | None = None) -> str:
    health = agency.health()
    if health["engine"] == "sqlite":
        return f"sqlite:///{health['path']}"
    return f"mysql://{agency.user}:{secret or agency.secret}@127.0.0.1:{agency.port}/jakpreneur"


@pytest.fixture(scope="module")
def sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programme's data where there is no MariaDB."""
    path = tmp_path_factory.mktemp("jakpreneur") / "jakpreneur.sqlite3"
    with closing(sqlite3.connect(path)) as database, database:
        for statement in SQLITE_SCHEMA:
            database.execute(statement)
        enterprises, products = build_rows(build_population())
        database.executemany("INSERT INTO umkm VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", enterprises)
        database.executemany("INSERT INTO produk VALUES (?, ?, ?, ?, ?)", products)
    return path


@pytest.fixture(params=["as started", "SQLite"])
async def programme(
    request: pytest.FixtureRequest, jakpreneur: RunningAgency, sqlite_file: Path
) -> AsyncIterator[Programme]:
    """The programme as the sandbox city runs it here, and as it runs where there is no MariaDB."""
    url = url_of(jakpreneur) if request.param == "as started" else f"sqlite:///{sqlite_file}"
    async with programme_at(url) as connector:
        yield connector


@pytest.fixture
def mariadb(jakpreneur: RunningAgency) -> RunningAgency:
    """The programme as a server; an SQLite file can be neither counted nor broken."""
    if jakpreneur.health()["engine"] != "mariadb":
        pytest.skip("MariaDB is not installed: the sandbox keeps jakpreneur in an SQLite file, without a server")
    return jakpreneur


@pytest.fixture
async def at_server(mariadb: RunningAgency) -> AsyncIterator[Programme]:
    async with programme_at(url_of(mariadb)) as connector:
        yield connector


class TestTheProgramme:
    async def test_owners_are_answered_and_others_are_absent(self, programme: Programme) -> None:
        assert await programme.msmes_of([DEWI, BUDI, SITI], make_call()) == {SITI: (SITIS,), BUDI: (BUDIS,)}

    async def test_enterprises_are_found_by_identifier(self, programme: Programme) -> None:
        assert await programme.msmes(["2", "999999", "1"], make_call()) == {"2": BUDIS, "1": SITIS}

    @pytest.mark.parametrize("identifier", ["1abc", "01", " 1", "1 ", "x", "", "-1", "1.0", "9" * 30, "1 OR 1=1"])
    async def test_a_text_that_resembles_an_identifier_is_absent(self, programme: Programme, identifier: str) -> None:
        assert await programme.msmes([identifier], make_call()) == {}
        assert await programme.products_of([identifier], make_call()) == {}

    async def test_products_are_grouped_by_their_enterprise(self, programme: Programme) -> None:
        answers = await programme.products_of(["2", "1", "999999"], make_call())
        assert {key: answer for key, answer in answers.items() if not isinstance(answer, AgencyFailure)} == {
            "1": (
                Product(
                    id="1",
                    msme_id="1",
                    owner=SITI,
                    name="Kue Lapis Legit",
                    price=Rupiah(185_000),
                    in_public_catalogue=True,
                ),
                COFFEE,
                Product(id="3", msme_id="1", owner=SITI, name="Pesanan", price=None, in_public_catalogue=False),
            ),
            "2": (
                Product(
                    id="4",
                    msme_id="2",
                    owner=BUDI,
                    name="Ganti Oli",
                    price=Rupiah(65_000),
                    in_public_catalogue=False,
                ),
            ),
        }

    async def test_every_enterprise_and_product_can_be_read(self, programme: Programme) -> None:
        enterprises, products = build_rows(build_population())
        ids = [str(row[0]) for row in enterprises]
        owners = list({Nik(row[1]): None for row in enterprises})
        by_id, by_owner = await programme.msmes(ids, make_call()), await programme.msmes_of(owners, make_call())
        sold = await programme.products_of(ids, make_call())
        assert [
            answer
            for answer in (*by_id.values(), *by_owner.values(), *sold.values())
            if isinstance(answer, AgencyFailure)
        ] == []
        assert list(by_id) == ids
        assert list(by_owner) == owners
        owned = [msme for answer in by_owner.values() if not isinstance(answer, AgencyFailure) for msme in answer]
        assert {msme.id: msme for msme in owned} == dict(by_id)
        goods = [product for answer in sold.values() if not isinstance(answer, AgencyFailure) for product in answer]
        assert sorted(int(product.id) for product in goods) == [row[0] for row in products]
        assert {product.id: product.name.upper() for product in goods} == {str(row[0]): row[2] for row in products}

    async def test_no_keys_return_nothing(self, programme: Programme) -> None:
        assert await programme.msmes_of([], make_call()) == {}
        assert await programme.msmes([], make_call()) == {}
        assert await programme.products_of([], make_call()) == {}

    async def test_it_answers_a_probe(self, programme: Programme) -> None:
        await programme.probe(make_call())

    async def test_an_unreadable_row_fails_only_its_key(self, sqlite_file: Path, tmp_path: Path) -> None:
        broken = shutil.copy(sqlite_file, tmp_path)
        with closing(sqlite3.connect(broken)) as database, database:
            database.execute("UPDATE umkm SET tgl_daftar = '31/02/2024' WHERE id = 2")
            database.execute("UPDATE produk SET harga = 'sejuta' WHERE id = 2")
        async with programme_at(f"sqlite:///{broken}") as connector:
            msmes = await connector.msmes_of([SITI, BUDI], make_call())
            products = await connector.products_of(["1", "2"], make_call())
        assert msmes[SITI] == (SITIS,)
        assert [type(answer) for answer in (msmes[BUDI], products["1"], products["2"])] == [
            AgencyMalformed,
            AgencyMalformed,
            tuple,
        ]


class TestTheCostOfAsking:
    @pytest.mark.parametrize("count", [1, 10, 50])
    async def test_any_number_of_keys_takes_one_call_per_read(
        self, mariadb: RunningAgency, at_server: Programme, count: int
    ) -> None:
        niks = [Nik(resident.nik) for resident in build_population().residents[:count]]
        ids = [str(number) for number in range(1, count + 1)]
        await at_server.probe(make_call())
        mariadb.reset_calls()
        await at_server.msmes_of(niks, make_call())
        assert mariadb.count_calls() == {"select umkm": 1}
        await at_server.msmes(ids, make_call())
        assert mariadb.count_calls() == {"select umkm": 2}
        await at_server.products_of(ids, make_call())
        assert mariadb.count_calls() == {"select umkm": 2, "select produk": 1}

    async def test_no_keys_make_no_call(self, mariadb: RunningAgency, at_server: Programme) -> None:
        mariadb.reset_calls()
        await at_server.msmes_of([], make_call())
        await at_server.msmes(["no-number"], make_call())
        await at_server.products_of([], make_call())
        assert mariadb.count_calls() == {}


class TestTheProgrammeInTrouble:
    async def test_its_own_error_is_unavailable(self, mariadb: RunningAgency, at_server: Programme) -> None:
        with mariadb.in_mode("error"):
            await expect_failure(at_server.msmes_of([SITI], make_call()), AgencyUnavailable, "jakpreneur")
        assert await at_server.msmes_of([SITI], make_call()) == {SITI: (SITIS,)}

    async def test_rubbish_is_malformed_or_unavailable(self, mariadb: RunningAgency, at_server: Programme) -> None:
        await at_server.probe(make_call())
        with mariadb.in_mode("rubbish"):
            failure = await expect_failure(at_server.msmes_of([SITI], make_call()), AgencyFailure, "jakpreneur")
            assert isinstance(failure, AgencyMalformed | AgencyUnavailable)
        assert await at_server.msmes_of([SITI], make_call()) == {SITI: (SITIS,)}

    async def test_refused_credentials_are_refused_on_open_connections_too(
        self, mariadb: RunningAgency, at_server: Programme
    ) -> None:
        await at_server.probe(make_call())
        with mariadb.in_mode("refuse"):
            await expect_failure(at_server.msmes_of([SITI], make_call()), AgencyRefused, "jakpreneur")
        assert await at_server.msmes_of([SITI], make_call()) == {SITI: (SITIS,)}

    async def test_a_wrong_password_is_refused(self, mariadb: RunningAgency) -> None:
        async with programme_at(url_of(mariadb, secret="kata-sandi-salah")) as connector:
            await expect_failure(
                connector.probe(make_call()), AgencyRefused, "jakpreneur", secrets=("kata-sandi-salah",)
            )

    async def test_a_slow_answer_ends_at_the_deadline_and_leaves_the_programme_usable(
        self, mariadb: RunningAgency, at_server: Programme
    ) -> None:
        with mariadb.in_mode("slow"):
            started_at = time.monotonic()
            slow = (at_server.msmes_of([SITI], make_call(0.3)) for _ in range(4))
            failures = await asyncio.gather(*slow, return_exceptions=True)
            assert time.monotonic() - started_at < 1.5
        assert {type(failure) for failure in failures} == {AgencyTimeout}
        assert await at_server.msmes_of([SITI], make_call()) == {SITI: (SITIS,)}

    async def test_a_stopped_programme_is_unavailable_and_works_after_its_restart(
        self, mariadb: RunningAgency, tmp_path: Path
    ) -> None:
        assert mariadb.health()["engine"] == "mariadb"
        with run_agency("jakpreneur", tmp_path) as agency:
            async with programme_at(url_of(agency)) as connector:
                await asyncio.gather(*(connector.msmes_of([SITI], make_call()) for _ in range(2)))
                for end in (agency.stop, agency.kill):
                    end()
                    await expect_failure(connector.msmes_of([SITI], make_call()), AgencyUnavailable, "jakpreneur")
                    agency.restart()
                    answers = await asyncio.gather(*(connector.msmes_of([SITI], make_call()) for _ in range(4)))
                    assert answers == [{SITI: (SITIS,)}] * 4
