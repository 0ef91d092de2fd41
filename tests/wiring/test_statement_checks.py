"""Declared statements of a city beside the databases of its agencies, with file and line."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from settings.city.folder import DEFAULT_CITY, load_city
from tests.fakes.city import VARIABLES, write_city
from tests.fakes.small_hub import build_settings
from wiring.statement_checks import explain_agencies

UMKM = """
    id INTEGER PRIMARY KEY, nik, nib, nama_usaha, kbli, kode_kec, tahap, grade, omzet_bulanan, tgl_daftar, telp, alamat
"""
PRODUK = "id INTEGER PRIMARY KEY, umkm_id, nama_produk, harga, katalog_publik"


def create(path: Path, umkm: str) -> str:
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"CREATE TABLE umkm ({umkm})")
        database.execute(f"CREATE TABLE produk ({PRODUK})")
        database.execute("CREATE INDEX produk_umkm ON produk (umkm_id)")
    return f"sqlite:///{path}"


async def explain(folder: Path, url: str) -> list[tuple[str, bool]]:
    """What is said about JakPreneur, without the folder."""
    others = {path.stem for path in (DEFAULT_CITY / "agencies").glob("*.toml")} - {"jakpreneur"}
    changes = {code: {"stage": "agreed"} for code in others}
    city = write_city(folder / "city", wire={"jakpreneur": {"url": url}}, changes=changes)
    settings = build_settings((), issuer_keys=Path("none"), city=load_city(city, VARIABLES))
    return [
        (str(each.problem).removeprefix(f"{city}/agencies/"), each.is_error)
        async for each in explain_agencies(settings)
    ]


def find_line(folder: Path, start: str) -> int:
    """The line of the manifest that begins so."""
    lines = (folder / "city" / "agencies" / "jakpreneur.toml").read_text(encoding="utf-8").splitlines()
    return next(number for number, each in enumerate(lines, 1) if each.startswith(start))


async def test_a_database_with_every_column_and_index_has_no_findings(tmp_path: Path) -> None:
    url = create(tmp_path / "umkm.sqlite3", UMKM.replace(" nik,", " nik UNIQUE,"))
    assert await explain(tmp_path, url) == []


async def test_a_vanished_column_is_named_with_file_and_line(tmp_path: Path) -> None:
    found = await explain(tmp_path, create(tmp_path / "umkm.sqlite3", UMKM.replace("telp", "telepon")))
    line = find_line(tmp_path, "[records.Msme.phone]")
    problem = "the database has no column 'telp' for reads.msmes_of.statement"
    assert [each for each in found if "reads.msmes_of" in each[0]] == [
        (f"jakpreneur.toml:{line}: records.Msme.phone: {problem}", True)
    ]


async def test_a_full_scan_is_named_with_file_and_line(tmp_path: Path) -> None:
    [(text, is_error)] = await explain(tmp_path, create(tmp_path / "umkm.sqlite3", UMKM))
    assert text.startswith("jakpreneur.toml:")
    assert text.endswith(": reads.msmes_of.statement: it reads the whole table 'umkm': create an index")
    assert not is_error


@pytest.mark.parametrize("url", ["sqlite:////nowhere/umkm.sqlite3", "postgresql://a:rahasia@127.0.0.1:9/umkm"])
async def test_a_silent_database_is_a_warning_without_its_address(tmp_path: Path, url: str) -> None:
    [(text, is_error)] = await explain(tmp_path, url)
    assert ": wire.url: its statements cannot be planned: AGENCY_" in text
    assert not is_error
    assert "rahasia" not in text
    assert "127.0.0.1" not in text
