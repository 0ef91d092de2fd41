"""The SQL of a manifest: one SELECT that only reads."""

from __future__ import annotations

import pytest

from connectors.declared.sql.statements import SqlSelect, parse_statement
from connectors.declared.tables import NotDeclarableError
from connectors.drivers.sql.dialects import DIALECTS

GOOD = "SELECT id, nik FROM umkm WHERE nik IN :keys ORDER BY id"
COMPARED = "CAST(CAST(nik AS CHAR CHARACTER SET utf8mb4) AS BINARY)"


def parse(scheme: str, statement: str) -> SqlSelect:
    return parse_statement("reads.x.statement", statement, DIALECTS[scheme], ["id", "nik"])


@pytest.mark.parametrize(
    ("scheme", "statement"),
    [
        ("mysql", GOOD),
        ("mariadb", GOOD),
        ("sqlite", GOOD),
        ("postgresql", "SELECT id, nik FROM umkm WHERE nik = ANY(:keys)"),
        ("postgresql", "WITH own AS (SELECT id, nik FROM umkm WHERE nik = ANY(:keys)) SELECT id, nik FROM own"),
        ("mysql", "SELECT id, nik FROM a WHERE nik IN :keys UNION ALL SELECT id, nik FROM b WHERE nik IN :keys"),
        ("sqlite", "SELECT COUNT(*) AS id, COALESCE(u.nik, '-') AS nik FROM umkm u WHERE nik IN :keys GROUP BY nik"),
    ],
)
def test_a_select_that_names_its_columns_and_asks_for_the_keys_is_allowed(scheme: str, statement: str) -> None:
    assert parse(scheme, statement).place == "reads.x.statement"


@pytest.mark.parametrize(
    ("scheme", "statement", "problem"),
    [
        ("mysql", f"{GOOD}; {GOOD}", "2 statements; write one"),
        (
            "sqlite",
            "SELECT id, nik FROM umkm WHERE nik = :keys",
            "it compares a column with one key; write IN",
        ),
        ("sqlite", GOOD + "; DROP TABLE umkm", "2 statements; write one"),
        ("mysql", "DELETE FROM umkm WHERE nik IN :keys", "it is no SELECT"),
        ("mysql", "UPDATE umkm SET nik = 1 WHERE nik IN :keys", "it is no SELECT"),
        ("postgresql", "DROP TABLE umkm", "it is no SELECT"),
        ("postgresql", "COPY umkm TO PROGRAM 'sh'", "it is no SELECT"),
        (
            "postgresql",
            "WITH gone AS (DELETE FROM umkm RETURNING id, nik) SELECT id, nik FROM gone WHERE nik = ANY(:keys)",
            "it changes data",
        ),
        ("postgresql", "SELECT id, nik INTO copied FROM umkm WHERE nik = ANY(:keys)", "it writes its result"),
        ("mysql", f"{GOOD} FOR UPDATE", "it locks rows"),
        ("mysql", "SELECT * FROM umkm WHERE nik IN :keys", "it does not name its columns"),
        ("mysql", "SELECT umkm.* FROM umkm WHERE nik IN :keys", "it does not name its columns"),
        ("mysql", "SELECT id, SLEEP(9) AS nik FROM umkm WHERE nik IN :keys", "the function SLEEP"),
        ("postgresql", "SELECT id, pg_read_file('/etc/passwd') AS nik FROM u WHERE nik = ANY(:keys)", "PG_READ_FILE"),
        ("mysql", "SELECT id, @@version AS nik FROM umkm WHERE nik IN :keys", "it uses a variable of the server"),
        ("mysql", "SELECT id, nik /*! , pin */ FROM umkm WHERE nik IN :keys", "it has a comment"),
        ("mysql", "SELECT id, nik FROM umkm WHERE nik IN :keys -- OR 1 = 1", "it has a comment"),
        ("mysql", "SELECT id, nik FROM umkm", "the statement uses no parameter; ask for the keys with :keys"),
        ("mysql", "SELECT id, nik FROM umkm WHERE nik IN :keys AND pin = :pin", "ask for the keys with :keys"),
        ("mysql", "SELECT id FROM umkm WHERE nik IN :keys", "the statement does not select the column 'nik'"),
        ("mysql", "SELECT id, nik FROM umkm WHERE (nik IN :keys", "is no SQL that mysql speaks"),
        ("mysql", "SELECT id, nik FROM umkm WHERE nik IN :keys INTO OUTFILE '/tmp/x'", "is no SQL that mysql speaks"),
        ("mysql", " ", "0 statements; write one"),
        ("postgresql", "SELECT id, ' :x' AS nik FROM u WHERE nik IN :keys", "a text in it holds ':' before a word"),
        (
            "mysql",
            "SELECT id, nik FROM umkm WHERE nik = ANY(:keys)",
            "mysql does not speak = ANY(:keys); write IN :keys",
        ),
        ("sqlite", "SELECT id, nik FROM umkm WHERE nik = ANY(:keys)", "sqlite does not speak ANY; write IN"),
        (
            "mariadb",
            "SELECT id::char AS id, nik FROM umkm WHERE nik IN :keys",
            "mariadb does not speak `::`; write CAST",
        ),
        ("mysql", "SELECT id, nik FROM umkm WHERE nik IN :keys AND nama ILIKE 'a%'", "mysql does not speak ILIKE"),
        ("mysql", f"{GOOD} FETCH FIRST 3 ROWS ONLY", "mysql does not speak FETCH FIRST; write LIMIT"),
        ("sqlite", "SELECT DISTINCT ON (id) id, nik FROM u WHERE nik IN :keys", "sqlite does not speak DISTINCT ON"),
        ("mysql", "SELECT a.id, nik FROM a FULL JOIN b ON a.id = b.id WHERE nik IN :keys", "does not speak FULL JOIN"),
        (
            "mariadb",
            "SELECT a.id, b.nik FROM a CROSS JOIN LATERAL (SELECT nik FROM c LIMIT 1) AS b WHERE b.nik IN :keys",
            "mariadb does not speak LATERAL",
        ),
    ],
)
def test_everything_else_is_refused_with_its_place(scheme: str, statement: str, problem: str) -> None:
    with pytest.raises(NotDeclarableError) as refused:
        parse(scheme, statement)
    assert problem in str(refused.value)
    assert refused.value.place == "reads.x.statement"


@pytest.mark.parametrize(
    ("scheme", "statement", "sent"),
    [
        ("postgresql", GOOD, "SELECT id, nik FROM umkm WHERE nik = ANY(:keys) ORDER BY id"),
        (
            "postgresql",
            "SELECT id, nik FROM umkm WHERE nik NOT IN (:keys)",
            "SELECT id, nik FROM umkm WHERE NOT nik = ANY(:keys)",
        ),
        ("mysql", GOOD, GOOD.replace("nik IN :keys", f"(nik IN :keys AND {COMPARED} IN :keys)")),
        (
            "sqlite",
            "SELECT id, nik FROM umkm WHERE NOT nik IN (:keys)",
            "SELECT id, nik FROM umkm WHERE NOT (nik IN :keys AND CAST(nik AS TEXT) COLLATE BINARY IN :keys)",
        ),
    ],
)
def test_keys_are_sent_as_the_database_takes_them_and_compared_exactly(scheme: str, statement: str, sent: str) -> None:
    assert parse(scheme, statement).render() == sent


def test_numbers_need_no_second_comparison() -> None:
    assert parse("mysql", GOOD).render(exact=False) == GOOD


class TestFacetStatements:
    JOINED = (
        "SELECT w.id, w.nik, a.jalan, k.nama FROM warga AS w LEFT JOIN alamat AS a ON a.nik = w.nik"
        " LEFT JOIN kelurahan AS k ON k.kode = a.kode WHERE w.nik IN :keys"
    )

    @pytest.mark.parametrize(
        ("columns", "sent"),
        [
            ({"id", "nik"}, "SELECT w.id, w.nik FROM warga AS w WHERE w.nik = ANY(:keys)"),
            (
                {"id", "nik", "jalan"},
                JOINED.replace(", k.nama", "")
                .replace(" LEFT JOIN kelurahan AS k ON k.kode = a.kode", "")
                .replace("IN :keys", "= ANY(:keys)"),
            ),
            ({"id", "nik", "nama"}, JOINED.replace(" a.jalan,", "").replace("IN :keys", "= ANY(:keys)")),
        ],
    )
    def test_left_joins_that_no_wanted_column_needs_are_left_out(self, columns: set[str], sent: str) -> None:
        statement = parse("postgresql", self.JOINED)
        statement.require_prunable()
        assert statement.select(columns).render() == sent

    def test_inner_joins_stay_because_they_select_rows(self) -> None:
        statement = parse("postgresql", self.JOINED.replace("LEFT JOIN alamat", "JOIN alamat"))
        assert "JOIN alamat" in statement.select({"id", "nik"}).render()

    @pytest.mark.parametrize(
        ("statement", "problem"),
        [
            (f"{GOOD.removesuffix(' ORDER BY id')} UNION {GOOD}", "facets come from one SELECT, without UNION"),
            (GOOD.replace("SELECT", "SELECT DISTINCT"), "remove DISTINCT and GROUP BY"),
            (
                "SELECT id, nik FROM umkm LEFT JOIN produk ON produk.umkm = umkm.id WHERE nik IN :keys",
                "with joins, name the table of each column, as in t.id",
            ),
        ],
    )
    def test_statements_that_cannot_be_cut_down_are_refused(self, statement: str, problem: str) -> None:
        with pytest.raises(NotDeclarableError, match=problem):
            parse("sqlite", statement).require_prunable()
