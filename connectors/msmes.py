"""The JakPreneur programme (Dinas PPKUKM): its MariaDB of enterprises and products, by owner or identifier."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Generic, TypeVar

from connectors.batching.chunks import ask_in_chunks
from connectors.batching.row_check import RowCheck
from connectors.drivers.sql.driver import Row, SqlDriver
from connectors.readers.dates import day
from connectors.readers.money import rupiah
from connectors.readers.names import to_ordinary_case
from connectors.readers.phones import phone
from connectors.readers.regions import region_code
from connectors.readers.texts import text
from connectors.readers.unreadable import UnreadableError
from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.failures import AgencyFailure, AgencyMalformed
from records.identifiers import Nib, Nik
from records.msmes import Msme, Product, ProgrammeStage

AGENCY = "jakpreneur"

_MSME = (
    "SELECT id, nik, nib, nama_usaha, kbli, kode_kec, tahap, grade, omzet_bulanan, tgl_daftar, telp, alamat FROM umkm"
)
_BY_OWNER = f"{_MSME} WHERE nik IN :keys ORDER BY id"
_BY_ID = f"{_MSME} WHERE id IN :keys ORDER BY id"
_PRODUCTS = (
    "SELECT produk.id, produk.umkm_id, umkm.nik, produk.nama_produk, produk.harga, produk.katalog_publik"
    " FROM produk JOIN umkm ON umkm.id = produk.umkm_id WHERE produk.umkm_id IN :keys ORDER BY produk.id"
)
_PROBE = "SELECT id FROM umkm LIMIT 1"

_STAGES = {stage.value: stage for stage in ProgrammeStage}
_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}")
"""Identifiers as the programme writes them; 18 digits fit every database's integers."""
_NIB_DIGITS = 13
_KBLI_DIGITS = 5

K = TypeVar("K", bound=str)
R = TypeVar("R")


class JakPreneur:
    """Queries the programme. Each read is one statement for any number of keys, unless `max_batch_size` limits it."""

    agency: ClassVar[str] = AGENCY

    def __init__(self, sql: SqlDriver, *, max_batch_size: int | None = None) -> None:
        self._sql = sql
        self._max_batch_size = max_batch_size
        self._check = RowCheck(AGENCY, sql.counts)

    async def msmes_of(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Sequence[Msme]]:
        """The enterprises each person registered, by identifier; people without one are absent.

        An owner with an unreadable enterprise gets `AgencyMalformed`. Raises `AgencyFailure`.
        """

        async def ask(some: Sequence[Nik]) -> Answers[Nik, Sequence[Msme]]:
            return await self._grouped(_KeyedStatement(_BY_OWNER, "nik", some, list(some)), read_msme, call)

        return await ask_in_chunks(niks, ask, max_batch_size=self._max_batch_size)

    async def msmes(self, ids: Sequence[str], call: Call) -> Answers[str, Msme]:
        """Enterprises by identifier; unknown ones are absent. Raises `AgencyFailure`."""

        async def ask(some: Sequence[str]) -> Answers[str, Msme]:
            found = await self._grouped(_KeyedStatement(_BY_ID, "id", some, _numbers(some)), read_msme, call)
            return {key: answer if isinstance(answer, AgencyFailure) else answer[0] for key, answer in found.items()}

        return await ask_in_chunks(ids, ask, max_batch_size=self._max_batch_size)

    async def products_of(self, msme_ids: Sequence[str], call: Call) -> Answers[str, Sequence[Product]]:
        """The products of each enterprise, by identifier; enterprises without products are absent.

        An enterprise with an unreadable product gets `AgencyMalformed`. Raises `AgencyFailure`.
        """

        async def ask(some: Sequence[str]) -> Answers[str, Sequence[Product]]:
            return await self._grouped(_KeyedStatement(_PRODUCTS, "umkm_id", some, _numbers(some)), read_product, call)

        return await ask_in_chunks(msme_ids, ask, max_batch_size=self._max_batch_size)

    async def probe(self, call: Call) -> None:
        """Check that the programme's database answers. Raises `AgencyFailure`."""
        await self._sql.rows(_PROBE, {}, call)

    async def _grouped(
        self, asked: _KeyedStatement[K], read: Callable[[Row], R], call: Call
    ) -> Mapping[K, Sequence[R] | AgencyFailure]:
        """Group the records by requested key; an unreadable row is the failure of its key."""
        if not asked.values:
            return {}

        def key_of(row: Row) -> str:
            return str(row[asked.column])

        rows = await self._sql.rows(
            asked.statement,
            {"keys": asked.values},
            call,
            lists=("keys",),
            check=lambda rows: self._check.require_requested(map(key_of, rows), asked.keys),
        )
        groups = self._check.group_by_key(rows, asked.keys, key_of=key_of, id_of=lambda row: row["id"])
        every = [row for each in groups.values() if not isinstance(each, AgencyFailure) for row in each]
        found = iter(await self._sql.work.map(every, partial(_read_or_failure, read)))
        return {
            key: each if isinstance(each, AgencyFailure) else _all_or_failure([next(found) for _ in each])
            for key, each in groups.items()
        }


@dataclass(frozen=True, slots=True)
class _KeyedStatement(Generic[K]):
    """One statement, its key column, and the keys as the hub and as the database writes them."""

    statement: str
    column: str
    keys: Sequence[K]
    values: Sequence[str] | Sequence[int]


def read_msme(row: Row) -> Msme:
    """One row of `umkm`. Raises `UnreadableError`."""
    return Msme(
        id=_required(row["id"], "an identifier"),
        owner=Nik(_required(row["nik"], "a NIK")),
        nib=_nib(row["nib"]),
        name=to_ordinary_case(_required(row["nama_usaha"], "a name")),
        industry_code=_industry_code(row["kbli"]),
        region_code=region_code(row["kode_kec"]),
        stage=_STAGES.get((text(row["tahap"]) or "").upper()),
        grade=text(row["grade"]),
        monthly_revenue=rupiah(row["omzet_bulanan"]),
        registered_on=day(row["tgl_daftar"]),
        phone=phone(row["telp"]),
        address=_ordinary_or_none(row["alamat"]),
    )


def read_product(row: Row) -> Product:
    """One row of `produk` with its enterprise's owner. Raises `UnreadableError`."""
    return Product(
        id=_required(row["id"], "an identifier"),
        msme_id=_required(row["umkm_id"], "an identifier"),
        owner=Nik(_required(row["nik"], "a NIK")),
        name=to_ordinary_case(_required(row["nama_produk"], "a name")),
        price=rupiah(row["harga"]),
        # Private by default: only a clear yes makes a product public.
        in_public_catalogue=(text(row["katalog_publik"]) or "").upper() == "Y",
    )


def _numbers(ids: Iterable[str]) -> Sequence[int]:
    """Convert identifiers to the agency's integers; other identifiers are unknown and not requested.

    MariaDB would take `12abc` for 12.
    """
    return [int(key) for key in ids if _NUMBER.fullmatch(key)]


def _read_or_failure(read: Callable[[Row], R], row: Row) -> R | AgencyFailure:
    try:
        return read(row)
    except UnreadableError as error:
        return AgencyMalformed(AGENCY, str(error))


def _all_or_failure(found: Sequence[R | AgencyFailure]) -> Sequence[R] | AgencyFailure:
    failed = next((each for each in found if isinstance(each, AgencyFailure)), None)
    return failed or tuple(each for each in found if not isinstance(each, AgencyFailure))


def _required(raw: object, kind: str) -> str:
    value = text(raw, kind)
    if value is None:
        raise UnreadableError(kind)
    return value


def _ordinary_or_none(raw: object) -> str | None:
    value = text(raw)
    return value and to_ordinary_case(value)


def _nib(raw: object) -> Nib | None:
    digits = _digits(raw, _NIB_DIGITS, "a NIB")
    return None if digits is None else Nib(digits)


def _industry_code(raw: object) -> str | None:
    return _digits(raw, _KBLI_DIGITS, "an industry code (KBLI)")


def _digits(raw: object, width: int, kind: str) -> str | None:
    """Read a code, with the leading zeros that a numeric column lost; None if it is all zeros."""
    written = text(raw, kind)
    if written is None or not written.strip("0"):
        return None
    if not (written.isascii() and written.isdigit() and len(written) <= width):
        raise UnreadableError(kind)
    return written.zfill(width)
