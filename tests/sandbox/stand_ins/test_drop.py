"""The files of a stand-in: written in the form that a manifest declares, and served with what says they are whole."""

from __future__ import annotations

import http.client
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from sandbox.agency import CannotStartError
from sandbox.stand_ins.drop_files import write_drop, write_rows
from sandbox.stand_ins.sources import CITY_VARIABLE, StandInSource
from tests.connectors.agencies.sample_cases import TEST_CITIES
from tests.sandbox_agencies import HOST, RunningAgency, run_agency

CITY = TEST_CITIES / "muara"
ROWS: list[Mapping[str, Any]] = [{"id": 1, "n": 1.5}, {"id": "002", "n": None}]


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ({}, "id,n\n1,1.5\n002,\n"),
        ({"delimiter": "|", "header": ["n", "id"], "decimal_comma": ["n"]}, "1,5|1\n|002\n"),
        ({"delimiter": ".", "decimal_comma": ["n"]}, "id.n\n1.1,5\n002.\n"),
        ({"columns": {"id": [3, 5], "n": [6, 9]}}, "  1  1.5 \n  002    \n"),
    ],
)
def test_rows_are_written_in_the_declared_form(form: Mapping[str, Any], text: str) -> None:
    assert write_rows(form, ROWS) == text


def test_a_trailer_counts_and_adds_the_rows() -> None:
    rows: list[Mapping[str, Any]] = [{"id": 1, "n": 1.5}, {"id": 2, "n": "1.000,25"}]
    trailer = {"marker": "TRL", "count": 2, "sum": {"column": "n", "at": 4}}
    form: dict[str, Any] = {"delimiter": ";", "decimal_comma": ["n"], "trailer": trailer}
    assert write_rows(form, rows).splitlines()[-1] == "TRL;2;;1001,75"
    places = {"marker": "ZZ", "count": [3, 6], "sum": {"column": "n", "at": [7, 13]}}
    fixed = {"columns": {"id": [1, 3], "n": [4, 13]}, "decimal_comma": ["n"], "trailer": places}
    assert write_rows(fixed, rows).splitlines()[-1] == "ZZ2   1001,75"


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ({"columns": {"id": [1, 2], "n": [3, 9]}}, "a value has 3 characters; positions 1 to 2 hold fewer"),
        ({"header": ["id"]}, "the file has no column 'n'"),
        ({"delimiter": ".", "quote": ""}, "a value holds the delimiter, and there are no quotes"),
    ],
)
def test_rows_that_do_not_fit_the_form_are_refused(form: Mapping[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        write_rows(form, ROWS)


def test_a_drop_has_the_day_the_encoding_and_the_marker(tmp_path: Path) -> None:
    write_drop(StandInSource(CITY, "faskes"), tmp_path, date(2026, 11, 2))
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "FASKES_2026-11-02.TXT",
        "FASKES_2026-11-02.TXT.selesai",
    ]
    lines = (tmp_path / "FASKES_2026-11-02.TXT").read_text("latin-1").splitlines()
    assert lines[0].startswith("3171010001Puskesmas Muara         PUSKESMAS Jl. Melati No. 1 Rt. é  021-3449001    Y")
    assert lines[-1] == "ZZZZ4         153       "


def test_samples_without_the_rows_of_a_snapshot_are_named(tmp_path: Path) -> None:
    for name in ("agencies", "samples/wifi"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "agencies" / "wifi.toml").write_text((CITY / "agencies" / "wifi.toml").read_text())
    with pytest.raises(CannotStartError, match=r"wifi/points\.json is missing: it holds the rows of snapshots\.points"):
        write_drop(StandInSource(tmp_path, "wifi"), tmp_path / "drop", date(2026, 11, 2))


@pytest.fixture(scope="module")
def wifi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAgency]:
    with run_agency("wifi", tmp_path_factory.mktemp("wifi"), environment={CITY_VARIABLE: str(CITY)}) as running:
        yield running


@pytest.mark.parametrize(
    ("path", "key", "status"),
    [
        ("/titik%20wifi.csv", True, 200),
        ("/titik%20wifi.csv.sha256", True, 200),
        ("/titik%20wifi.csv", False, 401),
        ("/", True, 404),
        ("/..%2fx", True, 404),
        ("/lain.csv", True, 404),
    ],
)
def test_files_are_served_to_the_hub_only(wifi: RunningAgency, path: str, key: bool, status: int) -> None:  # noqa: FBT001 - a parameter
    with closing(http.client.HTTPConnection(HOST, wifi.port, timeout=5)) as connection:
        connection.request("GET", path, headers={"X-Kunci": wifi.secret if key else "x"})
        answer = connection.getresponse()
        content = answer.read()
    assert answer.status == status
    assert ("Balai Kota; pintu timur".encode("cp1252") in content) == (status == 200 and path.endswith("csv"))
