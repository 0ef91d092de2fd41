"""`simpul agencies new`: from a database to a manifest that answers from it."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from records.identifiers import Nik, RegionCode
from records.msmes import CatalogueQuery
from settings.city.folder import DEFAULT_CITY
from settings.city.manifest import ManifestFile
from tests.cli.command_line import run_simpul
from tests.connectors.agencies.agency_servers import connect
from tests.connectors.failures import make_call

SCHEMA = """
CREATE TABLE usaha_mikro (kode_usaha integer PRIMARY KEY, nik_pemilik text, nama_usaha text, alamat text, no_hp text,
    omset_per_bulan integer, tgl_daftar text, kbli text, kode_kec text, tahap text, nilai text, nib text);
CREATE TABLE produk (kode integer PRIMARY KEY, kode_usaha integer, nik text, nama_produk text, harga numeric,
    publik text);
CREATE TABLE log (id integer, waktu text);
INSERT INTO usaha_mikro VALUES (7, '3171014506909001', 'WARUNG RAHASIA', 'JL. RAHASIA', '0812-3456-9001', 1500000,
    '01/02/2024', '56101', '317101', 'P2', 'A', NULL);
INSERT INTO produk VALUES (1, 7, '3171014506909001', 'KUE RAHASIA', 15000, 'Y'),
    (2, 7, '3171014506909001', 'ROTI RAHASIA', NULL, 'T'), (3, 7, '3171014506909001', 'KOPI RAHASIA', NULL, 'Y');
"""


@pytest.fixture
def city(tmp_path: Path) -> Path:
    folder = tmp_path / "city"
    folder.mkdir()
    shutil.copy(DEFAULT_CITY / "city.toml", folder)
    with closing(sqlite3.connect(tmp_path / "usaha.sqlite3")) as connection:
        connection.executescript(SCHEMA)
    return folder


def read_all(folder: Path) -> str:
    return "".join(each.read_text() for each in folder.rglob("*") if each.is_file())


async def test_a_database_becomes_a_manifest_that_answers_without_an_edit(tmp_path: Path, city: Path) -> None:
    url = f"sqlite:///{tmp_path / 'usaha.sqlite3'}"
    outcome = run_simpul(
        tmp_path, "agencies", "new", "umkm-kota", "--domain", "msmes", "--sql", url, "--city", str(city), "--json"
    )
    assert (outcome.returncode, outcome.stderr) == (0, "")
    report = json.loads(outcome.stdout)
    assert [each["field"] for each in report["mapping"] if each["column"] is None] == []
    stages = "P1_REGISTRATION, P2_COACHING, P3_TRAINING, P4_LICENSING, P5_MARKETING, P6_REPORTING, P7_CAPITAL"
    assert report["open"] == [
        "records.CatalogueProduct.in_public_catalogue: write the agency's words for yes; every other word means no",
        f"records.Msme.stage: write the agency's words in `values`; they mean one of {stages}",
        "records.Product.in_public_catalogue: write the agency's words for yes; every other word means no",
    ]
    path = city / "agencies" / "umkm-kota.toml"
    assert len(path.read_text().splitlines()) < 90
    live = path.with_name("live.toml")
    live.write_text(path.read_text().replace('stage = "draft"', 'stage = "live"'))
    async with connect(ManifestFile.load(live, {"SIMPUL_UMKM_KOTA_URL": url})) as bound:
        connector = bound.connector
        [found] = (await connector.msmes_of([Nik("3171014506909001")], make_call())).values()  # type: ignore[attr-defined]  # a read of the domain
        inside = CatalogueQuery(search="kue", region_code=RegionCode("31.71"))
        later, elsewhere = CatalogueQuery(after="2"), CatalogueQuery(region_code=RegionCode("31.72"))
        pages = await connector.catalogue_lists([inside, later, elsewhere], make_call())  # type: ignore[attr-defined]
    [msme] = found
    assert (msme.id, msme.name, msme.monthly_revenue, msme.phone, msme.region_code) == (
        "7",
        "WARUNG RAHASIA",
        1_500_000,
        "+6281234569001",
        "31.71.01",
    )
    [cake], [coffee] = pages[inside], pages[later]
    assert (cake.id, cake.name, cake.price, cake.seller, cake.industry_code, cake.region_code) == (
        *("1", "KUE RAHASIA", 15_000, "WARUNG RAHASIA", "56101", "31.71.01"),
    )
    assert (coffee.id, coffee.in_public_catalogue) == ("3", True)
    assert not pages.get(elsewhere)
    assert "rahasia" not in read_all(city).lower()


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["Baru", "--domain", "msmes", "--sql", "x"], "'Baru' is not a code: write a-z, 0-9 and -, at most 32"),
        (["baru", "--domain", "museums", "--sql", "sqlite:///x"], "'museums' is not a domain: choose one of "),
        (["baru", "--domain", "msmes"], "name the interface with one of --sql, --openapi, --wsdl, --csv and --ckan"),
        (["baru", "--domain", "msmes", "--sql", "x", "--ckan", "y"], "name the interface with one of --sql"),
        (["baru", "--domain", "msmes", "--sql", "oracle://a:rahasia@b/c"], "The address of the agency 'database' must"),
        (
            ["baru", "--domain", "msmes", "--sql", "postgresql://a:rahasia@127.0.0.1:9/c"],
            "the database cannot be inspected (",
        ),
        (
            ["baru", "--domain", "msmes", "--ckan", "https://portal.example"],
            "--ckan: write the portal and the resource",
        ),
    ],
)
def test_what_cannot_be_inspected_is_one_line_without_a_password(
    tmp_path: Path, city: Path, arguments: list[str], problem: str
) -> None:
    outcome = run_simpul(tmp_path, "agencies", "new", *arguments, "--city", str(city))
    assert outcome.returncode == 1
    line = outcome.stderr.splitlines()[-1]
    assert line.startswith(f"simpul: {problem}")
    assert "rahasia" not in outcome.stderr
    assert not (city / "agencies").exists()


def test_an_existing_manifest_is_kept(tmp_path: Path, city: Path) -> None:
    (city / "agencies").mkdir()
    (city / "agencies" / "baru.toml").write_text("x")
    outcome = run_simpul(tmp_path, "agencies", "new", "baru", "--domain", "msmes", "--sql", "y", "--city", str(city))
    assert "baru.toml exists: choose another code, or remove it" in outcome.stderr
    assert (city / "agencies" / "baru.toml").read_text() == "x"
