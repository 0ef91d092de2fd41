"""People and family cards that a test enters into the running population register, and takes out again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date

import asyncpg  # type: ignore[import-untyped]  # it ships no types

from sandbox.dukcapil.register import BIODATA, BIODATA_COLUMNS, KELUARGA, KELUARGA_COLUMNS
from tests.sandbox_agencies import HOST, RunningAgency

_OWNER = "siak_owner"
_SAMPLE: dict[str, object] = {
    "tmpt_lhr": "JAKARTA",
    "jenis_klmin": "PEREMPUAN",
    "gol_darah": "AB",
    "agama": "HINDU",
    "status_kawin": "BELUM KAWIN",
    "pddk_akh": "SLTA/SEDERAJAT",
    "jenis_pkrjn": "PEDAGANG",
    "nama_lgkp_ibu": "IBU RAHASIA",
    "nama_lgkp_ayah": "BAPAK RAHASIA",
    "no_prop": 31,
    "no_kab": 71,
    "no_kec": 1,
    "no_kel": 1001,
    "no_rt": 1,
    "no_rw": 1,
    "alamat": "JL. RAHASIA NO. 1",
    "ektp_status": "Y",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One person as the register holds them."""

    nik: str
    card: str
    relation: str
    born: date
    name: str = "ORANG RAHASIA"

    @property
    def row(self) -> tuple[object, ...]:
        """In the order of the register's columns."""
        values = _SAMPLE | {
            "nik": self.nik,
            "no_kk": self.card,
            "stat_hbkel": self.relation,
            "tgl_lhr": self.born,
            "nama_lgkp": self.name,
        }
        return tuple(values.get(column) for column in BIODATA_COLUMNS)


@asynccontextmanager
async def insert_family_cards(
    register: RunningAgency, people: Sequence[Entry], heads: Sequence[tuple[str, str]] = ()
) -> AsyncIterator[None]:
    """The register with these people, and cards with these heads, for the length of the block."""
    secret = (register.state / "postgres" / "owner.secret").read_text(encoding="utf-8")
    connection = await asyncpg.connect(
        host=HOST, port=register.port, user=_OWNER, password=secret, database="siak", timeout=5
    )
    try:
        await connection.copy_records_to_table(BIODATA, records=[each.row for each in people], columns=BIODATA_COLUMNS)
        await connection.copy_records_to_table(KELUARGA, records=heads, columns=KELUARGA_COLUMNS)
        register.reset_calls()
        yield
    finally:
        await connection.execute(f"DELETE FROM {BIODATA} WHERE nik = ANY($1)", [each.nik for each in people])  # noqa: S608 - our name of a table
        await connection.execute(f"DELETE FROM {KELUARGA} WHERE no_kk = ANY($1)", [card for card, _ in heads])  # noqa: S608 - our name of a table
        await connection.close(timeout=5)
        register.reset_calls()
