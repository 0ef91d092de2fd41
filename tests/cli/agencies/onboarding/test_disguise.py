"""Invented values have the form of the live ones, and are never equal to one."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.agencies.onboarding.disguise import ColumnForm, Disguise, list_column_forms
from connectors.declared.domain_reads import list_reads
from connectors.declared.tables import TroubleTable
from records.identifiers import Nik, RegionCode, Rupiah
from records.regions import Coordinates
from resolvers.domains import find_domains
from settings.city.folder import DEFAULT_CITY, load_city


def disguise(value: object, seed: int = 1, **form: Any) -> Any:  # noqa: ANN401 - any JSON
    columns, random = {"x": ColumnForm(**form)}, Random(seed)  # noqa: S311 - of a test
    return Disguise(columns=columns, live=frozenset({str(value)}), random=random).replace({"x": value})["x"]


@given(st.text(alphabet="abcXYZ019 .-/@", min_size=1, max_size=30), st.integers(0, 9))
@settings(max_examples=300, deadline=None)
def test_a_text_keeps_its_length_and_alphabet_and_differs(text: str, seed: int) -> None:
    found = disguise(text, seed)
    if not any(sign.isalnum() and sign != "0" for sign in text):
        assert found == text
        return
    assert found != text
    if len(found) == len(text):  # else there was no other text of this form
        assert [(each.isdecimal(), each.isupper(), each.islower()) for each in found] == [
            (each.isdecimal(), each.isupper(), each.islower()) for each in text
        ]


@pytest.mark.parametrize(
    ("value", "pattern", "form"),
    [
        ("1990-06-05", "%Y-%m-%d", {}),
        ("05/06/1990", "%d/%m/%Y", {}),
        ("05-06-1990", "%d-%m-%Y", {}),
        ("19900605", "%Y%m%d", {}),
        ("1990-06-05T23:59:58+07:00", "%Y-%m-%dT08:00:00+07:00", {}),
    ],
)
def test_a_date_stays_one_of_its_format(value: str, pattern: str, form: dict[str, Any]) -> None:
    found = disguise(value, **form)
    assert found != value
    assert datetime.strptime(found, pattern).year > 1900  # noqa: DTZ007 - a day


@pytest.mark.parametrize(
    ("value", "expected", "form"),
    [
        (None, None, {}),
        ("", "", {}),
        ("-", "-", {}),
        (0, 0, {}),
        ("01-01-1900", "01-01-1900", {}),
        (999999, 999999, {"none": ["999999"]}),
        ("3171014506900001", "3171014506909001", {"wanted": Nik}),
        ("P7", "P1", {"words": ["P1", "P2"]}),
        (7, 1, {"words": ["1", "2"]}),
    ],
)
def test_no_value_stays_none_and_words_and_numbers_of_people_are_invented(
    value: object, expected: object, form: dict[str, Any]
) -> None:
    assert disguise(value, **form) == expected


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (12345, {}),
        (-7, {}),
        (12.75, {}),
        (Decimal("1200000.50"), {}),
        ("Rp 2.500.000,-", {"wanted": Rupiah}),
        (date(1990, 6, 5), {}),
        (datetime(1990, 6, 5, tzinfo=UTC), {}),
        ("31.74.07.1001", {"wanted": RegionCode}),
        (317407, {"wanted": RegionCode}),
        (-6.175392, {"wanted": Coordinates}),
        ("106,827153", {"wanted": Coordinates}),
        ("+62 812-3456-7001", {"reader": "phone"}),
        ("30 Oktober 2026", {}),
    ],
)
def test_other_values_keep_type_and_form(value: object, form: dict[str, Any]) -> None:
    found = disguise(value, **form)
    assert type(found) is type(value)
    assert found != value
    if isinstance(value, str) and isinstance(found, str):
        assert [each for each in found if not each.isalnum()] == [each for each in value if not each.isalnum()]


def test_equal_values_become_equal_and_different_ones_different() -> None:
    reply = {"a": [{"id": 7, "induk": "7"}, {"id": 8, "induk": "7"}]}
    [first, second] = Disguise(columns={}, live=frozenset({"7", "8"})).replace(reply)["a"]
    assert str(first["id"]) == first["induk"] == second["induk"]
    assert first["id"] != second["id"]


def test_a_result_code_stays_only_if_the_manifest_explains_it() -> None:
    codes = TroubleTable(code=("status.kode",), success="0?0", absent="14")
    made = Disguise(columns={}, live=frozenset(), kept=frozenset({"status.kode"}), codes=codes)
    assert made.replace({"status": {"kode": "00"}}) == {"status": {"kode": "00"}}
    assert made.replace({"status": {"kode": "SITI"}})["status"]["kode"] != "SITI"


def test_columns_are_known_by_the_end_of_their_path() -> None:
    manifest = load_city(DEFAULT_CITY).manifests["pbb"].manifest
    columns = list_column_forms(list(list_reads(find_domains()["tax"]).values()), manifest.records)
    assert columns["STATUS_PEMBAYARAN_SPPT"].words == ["0", "1"]
    assert columns["KD_BLOK"].wanted is None
    assert columns["TGL_TERBIT_SPPT"].wanted is date


def test_a_live_value_that_survives_is_found_by_its_path() -> None:
    made = Disguise(
        columns={"tahap": ColumnForm(words=["daftar"])}, live=frozenset({"rahasia", "daftar", "1900-01-01"})
    )
    assert made.find_survivor({"a": [{"tahap": "daftar", "tanggal": "1900-01-01", "nama": "lain"}]}) is None
    assert made.find_survivor({"a": [{"catatan": {"isi": "rahasia"}}]}) == "a.catatan.isi"


def test_members_that_are_called_by_a_key_or_a_number_are_renamed() -> None:
    made = Disguise(columns={}, live=frozenset({"K-17"}), same=frozenset({"K-17"}))
    [key, number, name] = made.replace({"K-17": 1, "3171014506900001": 2, "nama": 3})
    assert key != "K-17"
    assert len(key) == 4
    assert number != "3171014506900001"
    assert len(number) == 16
    assert name == "nama"
