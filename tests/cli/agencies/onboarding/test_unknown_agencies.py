"""What is proposed for agencies that nobody had seen: Indonesian and English names, none of those of the sandbox."""

from __future__ import annotations

import sqlite3
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cli.agencies.onboarding.documents import read_csv, read_openapi, read_wsdl
from cli.agencies.onboarding.manifest_text import write_manifest
from cli.agencies.onboarding.proposals import Proposer
from cli.agencies.onboarding.services import inspect_database
from cli.agencies.onboarding.shapes import AgencyInterface, RowShape
from resolvers.domains import find_domains
from settings.city.manifest import ManifestFile

DOCUMENTS = Path(__file__).parent / "documents"
TABLES = """
    CREATE TABLE m_pelaku_usaha(kd_pelaku integer PRIMARY KEY, nik_pemilik text, no_induk_berusaha text, nm_usaha text,
        kd_kbli text, kd_kecamatan text, tahap_binaan text, kelas text, omset_bln integer, tgl_pendaftaran text,
        no_hp text, alamat_usaha text, created_at text);
    CREATE TABLE m_produk(kd_produk integer PRIMARY KEY, kd_pelaku integer, nm_produk text, hrg_jual integer,
        tampil_katalog text);
"""


def propose(folder: Path, domain: str, interface: AgencyInterface) -> tuple[str, Mapping[str, Any]]:
    """The proposed text, which is a manifest that can be loaded, and its tables."""
    text = write_manifest("baru", domain, interface, Proposer(find_domains()[domain], interface).propose())
    path = folder / "baru.toml"
    path.write_text(text, encoding="utf-8")
    ManifestFile.load(path)
    return text, tomllib.loads(text)


def list_columns(table: Mapping[str, Any]) -> dict[str, Any]:
    return {field: each["from"] if isinstance(each, dict) else each for field, each in table.items()}


def test_an_openapi_document_with_oauth2_pages_and_six_reads(tmp_path: Path) -> None:
    text, found = propose(tmp_path, "prices", read_openapi(DOCUMENTS / "harga.json"))
    assert found["wire"]["credential"]["oauth2"]["token_url"] == "https://sso.kotabaru.go.id/token"
    pages = {"query": {"page": "{page}", "per_page": "{size}"}, "paging": {"by": "page", "total": "meta.total"}}
    assert found["reads"]["market_lists"] == {"path": "pasar", **pages, "search": "name"}
    assert found["defaults"] == {"rows": "data"}
    assert found["reads"]["prices_of"] == {"path": "pasar/{key}/harga"}
    assert found["reads"]["trends"] == {
        "path": "komoditas/{commodity_id}/tren",
        "query": {"tahun": "{year}", "bulan": "{month}"},
    }
    records = {name: list_columns(each) for name, each in found["records"].items()}
    assert records["Market"] == {
        "id": "kode_pasar",
        "name": "nama_pasar",
        "short_name": [],
        "city_name": [],
        "address": "alamat_lengkap",
        "coordinates": ["geo.lat", "geo.lng"],
        "phone": "no_telp",
        "level": "jenis_pasar",
        "region_code": "kode_kemendagri",
    }
    assert records["Price"] == {
        "market_id": "kode_pasar",
        "price": "harga_terkini",
        "previous_price": "harga_kemarin",
        "highest_price": "harga_maks",
        "lowest_price": "harga_min",
        "average_price": "harga_rata_rata",
        "movement": "arah",
        "observed_on": "tanggal_survei",
    }
    assert records["Trend"] == {
        "commodity_id": "kode_komoditas",
        "year": "tahun",
        "month": "bulan",
        "average_price": "rata_rata",
        "highest_price": "tertinggi",
        "lowest_price": "terendah",
        "points": "harian",
    }
    assert records["Commodity"]["id"] == ["kode_komoditas", "komoditas.kode_komoditas"]  # of a list, and within a price
    assert records["TrendPoint"] == {"day": "tanggal", "price": "harga"}
    decision = "# DECIDE: write the agency's words Tradisional, Induk in `values`; they mean one of RETAIL, WHOLESALE"
    assert decision in text
    assert 'phone = { from = "no_telp", read = "phone" }  # is it this one? Telephone number\n' in text
    assert "[records.Market]  # no field takes kab_kota\n" in text


COLUMNS = dict.fromkeys(("id", "nik", "nama", "tgl_lhr", "nama_ibu", "kode", "status", "alamat", "tanggal"), "text")


@pytest.mark.parametrize("domain", find_domains())
def test_a_table_is_proposed_for_every_domain_in_a_manifest_that_loads(tmp_path: Path, domain: str) -> None:
    table = RowShape(name="data", columns=COLUMNS)
    _, found = propose(tmp_path, domain, AgencyInterface(driver="sql", origin="x", scheme="sqlite", shapes=[table]))
    assert found["probe"]["read"] in found["reads"]


def test_claims_about_a_person_are_personal_and_the_probe_is_about_none(tmp_path: Path) -> None:
    table = RowShape(name="verifikasi", columns=COLUMNS)
    interface = AgencyInterface(driver="sql", origin="x", scheme="sqlite", shapes=[table])
    text, found = propose(tmp_path, "identity_checks", interface)
    assert found["probe"] == {"read": "match_identities", "key": '{"nik": "0000000000000000"}'}
    assert "# [contract.assessment]" in text


def test_a_wsdl_with_lists_within_lists(tmp_path: Path) -> None:
    text, found = propose(tmp_path, "tax", read_wsdl(DOCUMENTS / "pbb.wsdl"))
    assert found["reads"]["objects_of"] == {
        "operation": "CariObjekPajak",
        "arguments": {"nomorKtp": "{key}"},
        "rows": "daftarObjek.objek",
        "key": "nomorKtp",
    }
    records = {name: list_columns(each) for name, each in found["records"].items()}
    assert records["TaxObject"] == {
        "nop": "nop",
        "owner": "nomorKtp",
        "taxpayer_name": "namaWajibPajak",
        "address": "alamatObjek",
        "region_code": "kodeWilayah",
        "land_area": "luasTanah",
        "building_area": "luasBangunan",
        "bills": "tagihan",
    }
    bill = records["TaxBill"]
    assert (bill["nop"], bill["owner"], bill["payments"]) == ("^.nop", "^.nomorKtp", "pembayaran")
    assert [bill[each] for each in ("land_value", "building_value", "tax", "due_on")] == [
        *("njopTanah", "njopBangunan", "pajakTerhutang", "jatuhTempo")
    ]
    assert (records["TaxPayment"]["owner"], records["TaxPayment"]["sequence"]) == ("^.^.nomorKtp", "urutan")
    assert "DECIDE: name" not in text


def test_a_csv_file_with_a_trailer_and_decimal_commas(tmp_path: Path) -> None:
    text, found = propose(tmp_path, "health_facilities", read_csv(DOCUMENTS / "fasilitas.csv"))
    assert found["snapshots"]["all"]["rows"] == {
        "file": "fasilitas.csv",
        "delimiter": ";",
        "trailer": {"marker": "END", "count": 2},
        "decimal_comma": ["LAT", "LON"],
    }
    assert found["snapshots"]["all"]["id"] == "code"
    assert list_columns(found["records"]["HealthFacility"]) == {
        "code": "FACILITY_ID",
        "name": "FACILITY_NAME",
        "kind": "FACILITY_TYPE",
        "address": "STREET_ADDRESS",
        "phone": "TEL",
        "has_emergency_room": "ER_24H",
        "coordinates": ["LAT", "LON"],
        "region_code": "KODE_KELURAHAN",
    }
    assert "Harapan" not in text


def test_a_portal_is_copied_for_pages_of_places(tmp_path: Path) -> None:
    columns = {"SITE_ID": "text", "Site Name": "text", "Street": "text", "ISP": "text", "Kelurahan Code": "text"}
    shape = RowShape(name="hot", columns={**columns, "LAT": "text", "LONG": "text"})
    interface = AgencyInterface(driver="ckan", origin="portal", shapes=[shape], source={"resource": "hot"})
    _, found = propose(tmp_path, "wifi_points", interface)
    assert found["snapshots"]["all"]["rows"] == {"resource": "hot"}
    assert list_columns(found["records"]["WifiPoint"]) == {
        "id": "SITE_ID",
        "name": "Site Name",
        "address": "Street",
        "coordinates": ["LAT", "LONG"],
        "provider": "ISP",
        "region_code": "Kelurahan Code",
    }


@pytest.mark.parametrize("lines", ["a,b\n1,2\n", "a,b\n1,2\n3,4\nx,y\n"])
def test_a_file_without_a_shorter_last_row_has_no_trailer(tmp_path: Path, lines: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(lines)
    assert "trailer" not in read_csv(path).source


async def test_tables_with_short_names_and_a_person_in_another_table(tmp_path: Path) -> None:
    file = tmp_path / "usaha.sqlite3"
    with sqlite3.connect(file) as base:
        base.executescript(TABLES)
    base.close()
    text, found = propose(tmp_path, "msmes", await inspect_database(f"sqlite:///{file}"))
    assert list_columns(found["records"]["Msme"]) == {
        "id": "kd_pelaku",
        "owner": "nik_pemilik",
        "nib": "no_induk_berusaha",
        "name": "nm_usaha",
        "industry_code": "kd_kbli",
        "region_code": "kd_kecamatan",
        "stage": "tahap_binaan",
        "grade": "kelas",
        "monthly_revenue": "omset_bln",
        "registered_on": "tgl_pendaftaran",
        "phone": "no_hp",
        "address": "alamat_usaha",
    }
    assert " ".join(found["reads"]["products_of"]["statement"].split()) == (
        "SELECT a.kd_produk, a.kd_pelaku, b.nik_pemilik, a.nm_produk, a.hrg_jual, a.tampil_katalog FROM m_produk AS a"
        " JOIN m_pelaku_usaha AS b ON b.kd_pelaku = a.kd_pelaku WHERE a.kd_pelaku IN :keys ORDER BY a.kd_produk"
    )
    catalogue = found["reads"]["catalogue_lists"]
    assert " ".join(catalogue.pop("statement").split()) == (
        "SELECT a.kd_produk, a.nm_produk, a.hrg_jual, b.nm_usaha, b.kd_kbli, b.kd_kecamatan, a.tampil_katalog"
        " FROM m_produk AS a JOIN m_pelaku_usaha AS b ON b.kd_pelaku = a.kd_pelaku"
    )
    assert catalogue == {
        "search": ["name"],
        "filters": {"region_code": "region_code"},
        "order": ["id"],
        "key_type": "number",
        "id": "kd_produk",
    }
    assert "[records.Msme]  # no field takes created_at\n" in text


def test_parts_of_a_query_without_a_column_are_left_to_decide(tmp_path: Path) -> None:
    shape = RowShape(name="katalog", columns={"nama_produk": "text", "harga": "number", "penjual": "text"})
    text, found = propose(tmp_path, "msmes", AgencyInterface(driver="sql", origin="database", shapes=[shape]))
    assert found["reads"]["catalogue_lists"].keys() == {"statement", "search"}
    assert "[reads.catalogue_lists]  # DECIDE: no column was found for region_code, order\n" in text
