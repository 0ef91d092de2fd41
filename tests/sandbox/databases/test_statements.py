import pytest

from sandbox.databases.statements import StatementNames


@pytest.mark.parametrize(
    ("text", "operation"),
    [
        (b"SELECT nik FROM biodata_wni WHERE nik = ANY($1)", "select biodata_wni"),
        (b'select * from "biodata_wni"', "select biodata_wni"),
        (b"select * from public.keluarga", "select keluarga"),
        (b"select 1 from keluarga join biodata_wni using (no_kk)", "select keluarga"),
        (b"with k as (select * from keluarga) select * from k", "select keluarga"),
        (b"/* who asks */ -- and why\n SELECT * FROM `biodata_wni`", "select biodata_wni"),
        (b"delete from keluarga", "delete keluarga"),
        (b"update biodata_wni set nik = ''", "update biodata_wni"),
        (b"select 1", None),
        (b"select oid from pg_catalog.pg_type", None),
        (b"select * from biodata_wni_lama", None),
        (b"select 'biodata_wni'", None),
        (b"-- from keluarga\nselect 1", None),
        (b"\xff\xfe", None),
        (b"", None),
    ],
)
def test_a_statement_is_named_by_its_verb_and_the_first_of_the_agency_s_tables(
    text: bytes, operation: str | None
) -> None:
    assert StatementNames(("biodata_wni", "keluarga")).name_operation(text) == operation
