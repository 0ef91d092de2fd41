"""Rows of files: what is read, and which files are refused with a line that names file, row and column."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from connectors.drivers.files.row_error import RowError
from connectors.drivers.files.row_format import RowFormat, Trailer, TrailerSum
from connectors.drivers.files.row_reading import read_rows

SEMICOLONS = RowFormat(delimiter=";")
COUNTED = RowFormat(
    delimiter=";",
    trailer=Trailer(marker="TRL", count=2, total=TrailerSum(column="n", at=3)),
    decimal_commas=frozenset("n"),
)
FIXED = RowFormat(
    encoding="latin-1",
    positions={"id": (1, 4), "name": (5, 14), "n": (15, 19)},
    trailer=Trailer(marker="9999", count=(5, 14), total=TrailerSum(column="n", at=(15, 19))),
)


def read(folder: Path, content: str | bytes, row_format: RowFormat) -> list[tuple[int, dict[str, object]]]:
    path = folder / "file"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return [(line, dict(row)) for line, row in read_rows(path, "drop.csv", row_format)]


@pytest.mark.parametrize(
    ("content", "row_format"),
    [
        ("id,name\n1,Jalan Ünal\n", RowFormat()),
        ("\ufeffid,name\r\n1,Jalan Ünal\r\n", RowFormat()),
        ('"id";"name"\n"1";"Jalan Ünal"\n', SEMICOLONS),
        (" id ; name \n1;Jalan Ünal\n\n", SEMICOLONS),
        ("id\tname\n1\tJalan Ünal\n".encode("latin-1"), RowFormat(delimiter="\t", encoding="latin-1")),
        ("id|name\n1|Jalan Ünal\n".encode("cp1252"), RowFormat(delimiter="|", quote="", encoding="windows-1252")),
    ],
)
def test_delimited_rows_are_read_in_every_encoding(tmp_path: Path, content: str | bytes, row_format: RowFormat) -> None:
    assert read(tmp_path, content, row_format) == [(2, {"id": "1", "name": "Jalan Ünal"})]


def test_a_quoted_field_can_hold_delimiters_quotes_and_line_breaks(tmp_path: Path) -> None:
    rows = read(tmp_path, 'id;name\n1;"a;""b""\nc"\n2;d\n', SEMICOLONS)
    assert rows == [(3, {"id": "1", "name": 'a;"b"\nc'}), (4, {"id": "2", "name": "d"})]


def test_a_file_without_a_header_takes_its_names_from_the_manifest(tmp_path: Path) -> None:
    assert read(tmp_path, "1,a\n", RowFormat(names=("id", "name"))) == [(1, {"id": "1", "name": "a"})]


def test_decimal_commas_become_points(tmp_path: Path) -> None:
    rows = read(tmp_path, "id;n\n1.5;-1.234,50\n", RowFormat(delimiter=";", decimal_commas=frozenset("n")))
    assert rows == [(2, {"id": "1.5", "n": "-1234.50"})]


def test_fixed_columns_are_cut_at_their_positions(tmp_path: Path) -> None:
    content = "0001Jalan \xdcnal00012\n0002Jalan B   00030\n9999         200042\n".encode("latin-1")
    rows = read(tmp_path, content, FIXED)
    assert rows == [
        (1, {"id": "0001", "name": "Jalan Ünal", "n": "00012"}),
        (2, {"id": "0002", "name": "Jalan B", "n": "00030"}),
    ]


def test_a_trailer_that_matches_is_no_row(tmp_path: Path) -> None:
    assert len(read(tmp_path, "id;n\n1;1,5\n2;2,5\nTRL;2;4,00\n", COUNTED)) == 2


@pytest.mark.parametrize(
    ("content", "row_format", "problem"),
    [
        ("", RowFormat(), "drop.csv: the last line has no line break, so the file may be cut"),
        ("id;name\n1;Jalan A\n2;Jal", SEMICOLONS, "drop.csv: the last line has no line break, so the file may be cut"),
        ("\n", RowFormat(), "drop.csv: the file is empty"),
        ("id;name\n1;a\n2\n", SEMICOLONS, "drop.csv, line 3: 1 fields; the header has 2"),
        ("id;name\n1;a;b\n", SEMICOLONS, "drop.csv, line 2: 3 fields; the header has 2"),
        ("id;name;id\n", SEMICOLONS, "drop.csv, line 1: the header names a column twice: 'id'"),
        (
            "id;nama\n1;a\n",
            RowFormat(delimiter=";", required=frozenset({"id", "name"})),
            "drop.csv: there is no column 'name'",
        ),
        ('id;name\n1;"a\n2;b\n', SEMICOLONS, "drop.csv, line 3: not fields with ';' between them"),
        ('id;name\n1;"a"b\n', SEMICOLONS, "drop.csv, line 2: not fields with ';' between them"),
        (f'id;name\n1;"{"a" * 100_001}"\n', SEMICOLONS, "drop.csv, line 2: not fields with ';' between them"),
        ("id;name\n1;\xfc\n".encode("latin-1"), SEMICOLONS, "drop.csv: not encoded as utf-8-sig"),
        ("id;n\n1;1,5\n", COUNTED, "drop.csv: no trailer row 'TRL', so the file may be cut"),
        ("id;n\n1;1,5\nTRL;2;1,5\n", COUNTED, "drop.csv, line 3: the trailer counts another number of rows"),
        ("id;n\n1;1,5\nTRL;1;1,6\n", COUNTED, "drop.csv, line 3: the trailer has another sum of 'n'"),
        ("id;n\n1;rahasia\nTRL;1;1\n", COUNTED, "drop.csv, line 2: column 'n': not a number"),
        ("id;n\n1;1\nTRL;rahasia;1\n", COUNTED, "drop.csv, line 3: count: not a number"),
        ("id;n\n1;1\nTRL;1\n", COUNTED, "drop.csv, line 3: sum: not a number"),
        ("id;n\n1;1\nTRL;1;1\n2;2\n", COUNTED, "drop.csv, line 4: a row after the trailer"),
        ("0001Jalan A   00012\n0002Jala", FIXED, "drop.csv, line 2: 8 characters; a row has 19"),
        ("0001Jalan A   00012\n9999         200012\n", FIXED, "drop.csv, line 2: the trailer counts another number"),
    ],
)
def test_a_file_that_is_not_whole_is_refused(
    tmp_path: Path, content: str | bytes, row_format: RowFormat, problem: str
) -> None:
    with pytest.raises(RowError) as refused:
        read(tmp_path, content, row_format)
    assert str(refused.value).startswith(problem)
    assert "rahasia" not in str(refused.value)


def test_a_link_and_a_pipe_are_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/etc/passwd")
    for name, reason in (("pipe", "not a regular file"), ("link", "Too many levels of symbolic links")):
        with pytest.raises(RowError, match=reason):
            list(read_rows(tmp_path / name, name, RowFormat(ends_with_line_break=False)))
