"""The SQL of a manifest: one SELECT that only reads."""

from __future__ import annotations

import pytest

from connectors.declared.sql.statements import check_statement
from connectors.declared.tables import NotDeclarableError

GOOD = "SELECT id, nik FROM umkm WHERE nik IN :keys ORDER BY id"


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
    check_statement("reads.x.statement", statement, scheme, ["id", "nik"])


@pytest.mark.parametrize(
    ("scheme", "statement", "problem"),
    [
        ("mysql", f"{GOOD}; {GOOD}", "2 statements; write one"),
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
    ],
)
def test_everything_else_is_refused_with_its_place(scheme: str, statement: str, problem: str) -> None:
    with pytest.raises(NotDeclarableError) as refused:
        check_statement("reads.x.statement", statement, scheme, ["id", "nik"])
    assert problem in str(refused.value)
    assert refused.value.place == "reads.x.statement"
