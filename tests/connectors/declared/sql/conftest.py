"""The databases of tests of declared reads, with permits, their places and an empty table."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest

from tests.connectors.declared.sql.databases import (
    SCHEMES,
    Database,
    create_sqlite,
    fill_postgres,
    run_mariadb,
    run_postgres,
)

_MOMENT = {"postgresql": "TIMESTAMPTZ", "mariadb": "DATETIME", "sqlite": "TEXT"}
_LATIN = {"mariadb": " CHARACTER SET latin1"}
_COLUMNS = "id INTEGER PRIMARY KEY, kode VARCHAR(20){0}, nama VARCHAR(100){0}, status VARCHAR(5), kode_kel VARCHAR(20)"
_INSERT = "INSERT INTO izin VALUES "
_ZONE = {"postgresql": "+07", "mariadb": "", "sqlite": ""}
_ROWS = (
    (1, "A1", "Warung Siti", "B", "31.71.01.1001", "2026-11-01 08:00:00"),
    (2, "a1", "Bengkel Budi", "b", "3171021002", "2026-11-02 08:00:00"),
    (3, "A1 ", "Warung 100%_asli", "T", "31.72.01.1001", "2026-11-02 08:00:00"),
    (12, "12", "Toko Dewi", "B", "36.71.01.1001", "2026-11-03 08:00:00"),
    (13, "13", "Kedai Agus", "X", None, "2026-11-04 08:00:00"),
)


def write_statements(scheme: str) -> Sequence[str]:
    """The tables, and their rows."""
    values = [
        "({}, '{}', '{}', '{}', {}, '{}{}')".format(
            *each[:4], "NULL" if each[4] is None else f"'{each[4]}'", each[5], _ZONE[scheme]
        )
        for each in _ROWS
    ]
    return [
        f"CREATE TABLE izin ({_COLUMNS.format(_LATIN.get(scheme, ''))}, dibuat {_MOMENT[scheme]} NOT NULL)",
        "CREATE INDEX izin_kode ON izin (kode)",
        "CREATE INDEX izin_dibuat ON izin (dibuat, id)",
        _INSERT + ", ".join(values),
        "CREATE TABLE alamat (izin_id INTEGER PRIMARY KEY, jalan VARCHAR(100))",
        "INSERT INTO alamat VALUES (1, 'JL. KENANGA'), (12, 'JL. MAWAR')",
    ]


@pytest.fixture(scope="session", params=SCHEMES)
async def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Database]:
    """Each kind of database in turn."""
    scheme: str = request.param
    folder = tmp_path_factory.mktemp(scheme)
    if scheme == "postgresql":
        with run_postgres(folder) as found:
            await fill_postgres(found, write_statements(scheme))
            yield found
    elif scheme == "mariadb":
        async with run_mariadb(write_statements(scheme)) as found:
            yield found
    else:
        yield create_sqlite(folder, write_statements(scheme))
