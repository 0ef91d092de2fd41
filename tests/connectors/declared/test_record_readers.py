"""Readers of records that a manifest declares."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from enum import Enum
from typing import Annotated, Any

import pytest

from connectors.declared.column_syntax import FLAT_COLUMNS, JSON_PATHS
from connectors.declared.record_readers import RecordReader, RecordReaders
from connectors.declared.tables import FieldTable, NotDeclarableError
from connectors.readers.unreadable import UnreadableError
from records.description import Doc
from records.identifiers import Nik, Nop, RegionCode, Rupiah
from records.prices import PriceMovement
from records.record import record
from records.regions import Coordinates


class Awning(Enum):
    RED = "r"
    BLUE = "b"


@record
class Inspection:
    """One inspection of a kiosk."""

    owner: Nik
    year: int
    fine: Rupiah


@record
class Kiosk:
    owner: Annotated[Nik, Doc("Who runs it.")]
    name: str
    rent: Rupiah
    colour: Awning | None
    opened_on: date | None
    region: RegionCode | None
    place: Coordinates | None
    is_public: bool
    seats: int = 0
    deposit: Rupiah | None = None
    movement: PriceMovement | None = None
    number: Nop | None = None
    inspections: tuple[Inspection, ...] = ()


TABLE: dict[str, Any] = {
    "owner": "nik",
    "name": {"from": "nama", "read": "ordinary_case"},
    "rent": "sewa",
    "colour": "warna",
    "opened_on": "buka",
    "region": {"from": ["prop", "kab"], "read": "region_from_numbers"},
    "place": {"from": ["lat", "lon"]},
    "is_public": {"from": "umum", "values": {"Y": True, "T": False}, "unknown": False},
    "seats": "kursi",
}
INSPECTION = {
    "owner": FieldTable.model_validate("{key}"),
    "year": FieldTable.model_validate("tahun"),
    "fine": FieldTable.model_validate({"from": "denda", "missing": 0}),
}
ROW: dict[str, object] = {
    "nik": "3171010101900001",
    "nama": "WARUNG SITI",
    "sewa": "1.250.000",
    "warna": "R",
    "buka": "17/03/2021",
    "prop": 31,
    "kab": "71",
    "lat": "-6.2",
    "lon": 106.8,
    "umum": "y",
    "kursi": "12",
}


def tables(**changes: object) -> dict[str, FieldTable]:
    kept = {name: table for name, table in (TABLE | changes).items() if table is not None}
    return {name: FieldTable.model_validate(table) for name, table in kept.items()}


def build(**changes: object) -> RecordReader[Kiosk]:
    given = {"Kiosk": tables(**changes), "Inspection": INSPECTION}
    return RecordReaders(given, columns=FLAT_COLUMNS).build("kiosks", Kiosk)


def read(**changes: object) -> Kiosk:
    return build().read(ROW | changes)


def test_each_field_is_read_by_its_type() -> None:
    assert read() == Kiosk(
        owner=Nik("3171010101900001"),
        name="Warung Siti",
        rent=Rupiah(1_250_000),
        colour=Awning.RED,
        opened_on=date(2021, 3, 17),
        region=RegionCode("31.71"),
        place=Coordinates(latitude=-6.2, longitude=106.8),
        is_public=True,
        seats=12,
    )


def test_a_field_with_a_default_needs_no_column() -> None:
    assert build(seats=None).read(ROW).seats == 0


@pytest.mark.parametrize("absent", [None, "", "-"])
def test_an_absent_value_is_none_where_the_record_allows_it(absent: object) -> None:
    stall = read(warna=absent, buka=absent, prop=absent, lat=absent)
    assert (stall.colour, stall.opened_on, stall.region, stall.place) == (None, None, None, None)


@pytest.mark.parametrize("word", ["T", "", None, "mungkin", "1"])
def test_a_word_that_is_not_a_clear_yes_is_private(word: object) -> None:
    assert read(umum=word).is_public is False


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("nik", None, "not readable as a NIK (Kiosk.owner)"),
        ("nama", "-", "not readable as a text (Kiosk.name)"),
        ("sewa", "", "not readable as an amount of money (Kiosk.rent)"),
        ("sewa", "sejuta", "not readable as an amount of money (Kiosk.rent)"),
        ("warna", "hijau", "not readable as one of the known words (Kiosk.colour)"),
        ("buka", "31/02/2021", "not readable as a day (Kiosk.opened_on)"),
        ("kursi", "dua", "not readable as a whole number (Kiosk.seats)"),
    ],
)
def test_an_unreadable_value_names_its_kind_and_field_and_not_itself(column: str, value: object, message: str) -> None:
    with pytest.raises(UnreadableError) as refused:
        read(**{column: value})
    assert str(refused.value) == message


@pytest.mark.parametrize(("raw", "rent"), [(0, None), ("999.999", None), (1, 1), (None, None)])
def test_values_for_no_value_are_none(raw: object, rent: int | None) -> None:
    reader = build(deposit={"from": "jaminan", "none": [0, 999_999]})
    assert reader.read(ROW | {"jaminan": raw}).deposit == rent


def test_an_unimportant_value_that_cannot_be_read_is_none_where_declared() -> None:
    table = {"from": "jaminan", "unreadable": "null"}
    assert build(deposit=table).read(ROW | {"jaminan": "sejuta"}).deposit is None


def test_the_first_text_of_several_columns_is_taken() -> None:
    reader = build(name={"from": ["panggilan", "nama"], "read": "first_text"})
    assert reader.read(ROW | {"panggilan": "-"}).name == "WARUNG SITI"
    assert reader.read(ROW | {"panggilan": "Warung"}).name == "Warung"


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("menteng", "31.71.06"),
        ("Menteng", "31.71.06"),
        ("MENTENG", "31.71.06"),
        (" mENTeng ", "31.71.06"),
        ("Cikini", None),
        (None, None),
    ],
)
def test_words_can_name_regions(word: object, code: str | None) -> None:
    table = {"from": "kecamatan", "values": {"Menteng": "31.71.06"}, "unknown": "null"}
    assert build(region=table).read(ROW | {"kecamatan": word}).region == code


def test_a_function_reads_a_value_and_its_error_names_the_field() -> None:
    reader = build(movement={"from": ["harga", "arah"], "python": "connectors.prices:read_movement"})
    assert reader.read(ROW | {"harga": 5, "arah": "fall"}).movement is PriceMovement.FALLING
    with pytest.raises(UnreadableError) as refused:
        reader.read(ROW | {"harga": 5, "arah": []})
    assert str(refused.value) == "not readable as a text (Kiosk.movement)"


@pytest.mark.parametrize(
    ("parts", "number"),
    [
        (("31", "73", "0041"), "31730041"),
        ((31, 3, "41"), "31030041"),
        (("00", "00", "0000"), "00000000"),
        ((None, "", " "), None),
    ],
)
def test_a_number_in_several_columns_gets_its_lost_zeros_back(parts: Sequence[object], number: str | None) -> None:
    reader = build(number={"from": ["a", "b", "c"], "read": "digits", "width": [2, 2, 4]})
    assert reader.read(ROW | dict(zip("abc", parts, strict=True))).number == number


@pytest.mark.parametrize(
    "parts", [("31", "73", "00041"), ("31", None, "0041"), ("31", "A1", "0041"), ("٣١", "73", "1")]
)
def test_a_number_in_several_columns_is_unreadable_if_one_is(parts: Sequence[object]) -> None:
    reader = build(number={"from": ["a", "b", "c"], "read": "digits", "width": [2, 2, 4]})
    with pytest.raises(UnreadableError) as refused:
        reader.read(ROW | dict(zip("abc", parts, strict=True)))
    assert str(refused.value) == "not readable as a NOP (Kiosk.number)"


@pytest.mark.parametrize(("raw", "deposit"), [(None, 0), ("-", 0), ("", 0), ("999.999", 0), ("5.000", 5000)])
def test_a_missing_value_becomes_the_declared_one(raw: object, deposit: int) -> None:
    reader = build(deposit={"from": "jaminan", "missing": 0, "none": [999_999]})
    assert reader.read(ROW | {"jaminan": raw}).deposit == deposit


def test_a_list_within_a_row_is_read_and_sorted() -> None:
    owner = Nik("3171010101900001")
    listed = [{"tahun": "2024", "denda": "1.000"}, None, {"tahun": "2025", "denda": None}]
    later, earlier = (
        Inspection(owner=owner, year=2025, fine=Rupiah(0)),
        Inspection(owner=owner, year=2024, fine=Rupiah(1000)),
    )
    for sort, found in (("-year", (later, earlier)), ("year", (earlier, later)), (None, (earlier, later))):
        reader = build(inspections={"from": "periksa", **({"sort": sort} if sort else {})})
        assert reader.bind(owner)(ROW | {"periksa": listed}).inspections == found
    reader = build(inspections={"from": "periksa"})
    assert reader.bind(owner)(ROW | {"periksa": listed[0]}).inspections == (earlier,)
    assert reader.bind(owner)(ROW | {"periksa": None}).inspections == ()
    assert reader.takes_key
    assert reader.people == {"records.Inspection.owner": Nik}


def test_a_row_of_a_list_takes_values_of_the_row_around_it() -> None:
    within = INSPECTION | {"owner": FieldTable.model_validate("^.pemilik.nik")}
    given = {"Kiosk": tables(inspections={"from": "periksa"}), "Inspection": within}
    reader = RecordReaders(given, columns=JSON_PATHS).build("kiosks", Kiosk)
    around = ROW | {"pemilik": {"nik": "3171010101900002"}, "periksa": [{"tahun": "2024", "denda": 0}]}
    assert [each.owner for each in reader.read(around).inspections] == ["3171010101900002"]
    assert "pemilik.nik" in reader.columns  # an agency that gives wanted columns only is asked for it


@pytest.mark.parametrize(
    ("listed", "message"),
    [
        ([{"tahun": "dua", "denda": 0}], "a whole number (Inspection.year)"),
        ("tidak ada", "a list of objects"),
        (["2024"], "a list of objects"),
        ([{"tahun": 2024, "denda": 0}] * 1001, "a list of objects"),
    ],
)
def test_an_unreadable_list_within_a_row_makes_the_row_unreadable(listed: object, message: str) -> None:
    with pytest.raises(UnreadableError) as refused:
        build(inspections={"from": "periksa"}).bind(Nik("3171010101900001"))(ROW | {"periksa": listed})
    assert str(refused.value) == f"not readable as {message}"


def test_a_row_without_a_declared_column_names_the_column() -> None:
    row = {name: value for name, value in ROW.items() if name != "sewa"}
    with pytest.raises(UnreadableError) as refused:
        build().read(row)
    assert str(refused.value) == "not readable as Kiosk.rent: the reply has no column 'sewa'"


@pytest.mark.parametrize(
    ("changes", "place", "problem"),
    [
        ({"rent": None}, "records.Kiosk", 'no column is named for rent; write rent = "column"'),
        ({"colr": "warna"}, "records.Kiosk.colr", "the record has no such field"),
        ({"name": {"from": "nama", "read": "shout"}}, "records.Kiosk.name", "'shout' is no reader; choose of"),
        ({"rent": {"from": "sewa", "read": "day"}}, "records.Kiosk.rent", "gives another type than the field has"),
        ({"name": ["a", "b"]}, "records.Kiosk.name", "from names 2 columns; its reader takes 1"),
        ({"place": "lat"}, "records.Kiosk.place", "from names 1 columns; its reader takes 2"),
        (
            {"is_public": {"from": "umum", "values": {"Y": True}, "unknown": True}},
            "records.Kiosk.is_public",
            "only a word that is known may mean yes",
        ),
        (
            {"is_public": {"from": "umum", "values": {"Y": True}, "unknown": "null"}},
            "records.Kiosk.is_public",
            "the field always has a value",
        ),
        ({"colour": {"from": "warna", "values": {"x": "GREEN"}}}, "records.Kiosk.colour", "choose of RED, BLUE"),
        ({"rent": {"from": "sewa", "none": [0]}}, "records.Kiosk.rent", "the field always has one"),
        ({"rent": {"from": "sewa", "unreadable": "null"}}, "records.Kiosk.rent", "the field always has one"),
        (
            {"colour": {"from": "warna", "unreadable": "null"}},
            "records.Kiosk.colour",
            "a rule may read this field, so it must be readable; remove `unreadable`",
        ),
        (
            {"region": {"from": "kec", "values": {"Menteng": "317106"}}},
            "records.Kiosk.region",
            "'317106' is not a dotted Kemendagri code",
        ),
        (
            {"region": {"from": "kec", "values": {"Menteng": "31.71.06"}, "unknown": "31.71"}},
            "records.Kiosk.region",
            "only a word that is known may name a region",
        ),
        (
            {"movement": {"from": "arah", "python": "connectors.prices:read_movement"}},
            "records.Kiosk.movement.python",
            "read_movement takes 2 values; it is given 1",
        ),
        (
            {"colour": {"from": ["sewa", "warna"], "python": "connectors.prices:read_movement"}},
            "records.Kiosk.colour.python",
            "read_movement returns another type than is needed here",
        ),
        (
            {"colour": {"from": "warna", "values": {"x": "RED", "X": "BLUE"}}},
            "records.Kiosk.colour",
            "values has a word twice",
        ),
        (
            {"deposit": {"from": "x", "missing": "0"}},
            "records.Kiosk.deposit",
            "`missing` has another type than the field",
        ),
        (
            {"opened_on": {"from": "x", "missing": "0"}},
            "records.Kiosk.opened_on",
            "only a text, a number or money may be",
        ),
        ({"owner": {"from": "x", "missing": "0"}}, "records.Kiosk.owner", "only a text, a number or money may be"),
        (
            {"deposit": {"from": "x", "missing": 0, "unreadable": "null"}},
            "records.Kiosk.deposit",
            "what cannot be read would become the value of `missing`",
        ),
        ({"deposit": {"from": "x", "sort": "year"}}, "records.Kiosk.deposit", "it sorts lists of records"),
        ({"inspections": ["a", "b"]}, "records.Kiosk.inspections", "a list of records has one column"),
        (
            {"inspections": {"from": "x", "read": "text"}},
            "records.Kiosk.inspections",
            "a list of records has one column",
        ),
        (
            {"inspections": {"from": "x", "sort": "fin"}},
            "records.Kiosk.inspections",
            "Inspection has no number, text or",
        ),
        (
            {"rent": {"from": "x", "read": "digits", "width": 4}},
            "records.Kiosk.rent",
            "digits reads texts and numbers of",
        ),
    ],
)
def test_a_declaration_that_cannot_be_read_names_its_place_and_the_fix(
    changes: dict[str, object], place: str, problem: str
) -> None:
    given = {name: {"from": table} if isinstance(table, list) else table for name, table in changes.items()}
    with pytest.raises(NotDeclarableError) as refused:
        build(**given)
    assert refused.value.place == place
    assert problem in refused.value.problem


@record
class BareKiosk:
    id: str
    colour: str | None


def test_a_field_without_a_column_has_no_value() -> None:
    readers = RecordReaders(
        {"BareKiosk": {"id": FieldTable.model_validate("id"), "colour": FieldTable.model_validate([])}},
        columns=FLAT_COLUMNS,
    )
    built = readers.build("a test", BareKiosk)
    assert built.read({"id": "1"}) == BareKiosk(id="1", colour=None)
    assert built.columns == {"id"}


def test_a_field_that_always_has_a_value_needs_a_column() -> None:
    readers = RecordReaders(
        {"BareKiosk": {"id": FieldTable.model_validate([]), "colour": FieldTable.model_validate([])}},
        columns=FLAT_COLUMNS,
    )
    with pytest.raises(
        NotDeclarableError, match=r"records\.BareKiosk\.id: the field always has a value; name its column"
    ):
        readers.build("a test", BareKiosk)


def test_a_field_without_a_column_has_no_reader() -> None:
    with pytest.raises(ValueError, match="without a column there is nothing to read; remove the other keys"):
        FieldTable.model_validate({"from": [], "read": "phone"})


def test_a_type_without_a_reader_is_refused() -> None:
    @record
    class Scale:
        weight: float

    with pytest.raises(NotDeclarableError) as refused:
        RecordReaders({"Scale": {"weight": FieldTable.model_validate("berat")}}, columns=FLAT_COLUMNS).build("s", Scale)
    assert str(refused.value) == ("records.Scale.weight: this type has no reader; give `values`, or read it in Python")
