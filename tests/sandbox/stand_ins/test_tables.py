"""Tables of a stand-in database, from the rows of its samples."""

from sandbox.stand_ins.tables import build_schema


def test_the_types_of_columns_follow_from_their_values() -> None:
    rows: list[dict[str, object]] = [
        {"id": 1, "nik": "31", "luas": 1.5, "aktif": True, "kosong": None},
        {"id": 2, "nik": None, "luas": 2, "aktif": None, 'o"k': "x", "kosong": None},
    ]
    assert build_schema({"izin": rows, "campur": [{"a": 1}, {"a": "x"}]}) == (
        'CREATE TABLE "izin" ("id" bigint, "nik" text, "luas" numeric, "aktif" boolean, "kosong" text, "o""k" text);'
        'CREATE TABLE "campur" ("a" text);'
    )
