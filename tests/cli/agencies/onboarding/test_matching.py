"""Which column is proposed for which field."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from cli.agencies.onboarding.matching import find_best, match_record, to_words
from cli.agencies.onboarding.shapes import RowShape
from records.identifiers import Nik, RegionCode, Rupiah
from records.msmes import Msme, Product
from records.prices import Market
from records.record import record
from records.regions import Coordinates


@record
class Lapak:
    id: str
    owner: Nik
    name: str
    monthly_revenue: Rupiah | None
    registered_on: date | None
    region_code: RegionCode | None
    coordinates: Coordinates | None
    phone: str | None


def propose(wanted: type[Any], name: str, **columns: str) -> dict[str, list[str]]:
    found = match_record(wanted, RowShape(name=name, columns=columns))
    return {each.field: list(each.columns) for each in found.fields}


def test_columns_are_found_by_indonesian_and_english_words() -> None:
    assert propose(
        Lapak,
        "lapak",
        no_lapak="number",
        NIK_PEMILIK="text",
        namaLapak="text",
        omzet_bulanan="number",
        tgl_daftar="text",
        kode_kel="number",
        lintang="number",
        bujur="number",
        no_hp="text",
        catatan="text",
    ) == {
        "id": ["no_lapak"],
        "owner": ["NIK_PEMILIK"],
        "name": ["namaLapak"],
        "monthly_revenue": ["omzet_bulanan"],
        "registered_on": ["tgl_daftar"],
        "region_code": ["kode_kel"],
        "coordinates": ["lintang", "bujur"],
        "phone": ["no_hp"],
    }


def test_nothing_is_proposed_for_a_field_that_no_column_resembles() -> None:
    found = propose(Lapak, "lapak", warna="text", berat="number")
    assert [field for field, columns in found.items() if columns] == []


def test_a_column_of_another_kind_is_not_proposed() -> None:
    assert propose(Lapak, "x", registered_on="flag")["registered_on"] == []


def test_no_column_is_proposed_for_two_fields() -> None:
    found = propose(Market, "pasar", nama="text", id="number")
    assert (found["name"], found["short_name"], found["city_name"]) == (["nama"], [], [])


def test_each_record_comes_from_the_table_that_resembles_it_most() -> None:
    tables = [
        RowShape(name="umkm", columns={"id": "number", "nik": "text", "nama_usaha": "text", "kbli": "text"}),
        RowShape(
            name="produk", columns={"id": "number", "umkm_id": "number", "nama_produk": "text", "harga": "number"}
        ),
        RowShape(name="log", columns={"id": "number", "waktu": "moment"}),
    ]
    assert (find_best(Msme, tables).shape.name, find_best(Product, tables).shape.name) == ("umkm", "produk")


@pytest.mark.parametrize(
    ("name", "words"),
    [("NAMA_LGKP", "nama lgkp"), ("namaLengkap", "nama lengkap"), ("alamat.jalan", "alamat jalan"), ("RT2", "rt 2")],
)
def test_names_are_compared_word_by_word(name: str, words: str) -> None:
    assert to_words(name) == words
