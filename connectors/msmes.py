"""The JakPreneur programme (Dinas PPKUKM): its MariaDB of enterprises and products, by owner or identifier."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import ClassVar, TypeVar

from connectors.chunks import in_chunks
from connectors.drivers.sql import Row, SqlDriver
from connectors.reading.absent import text
from connectors.reading.dates import day
from connectors.reading.money import rupiah
from connectors.reading.names import ordinary
from connectors.reading.phones import phone
from connectors.reading.regions import region_code
from connectors.reading.unreadable import UnreadableError
from records.answers import Answers
from records.call import Call
from records.failures import AgencyFailure, AgencyMalformed
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
_LONGEST_ID = 18
"""Digits that fit every database's integers."""
_NIB_DIGITS = 13
_KBLI_DIGITS = 5

K = TypeVar("K", bound=str)
R = TypeVar("R")


class JakPreneur:
    """Asks the programme. Each read is one statement, for any number of keys unless `keys_a_call` bounds it."""

    agency: ClassVar[str] = AGENCY

    def __init__(self, sql: SqlDriver, *, keys_a_call: int | None = None) -> None:
        self._sql = sql
        self._keys_a_call = keys_a_call

    async def msmes_of(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Sequence[Msme]]:
        """The enterprises each person registered, by identifier; people without one are absent.

        An owner one of whose enterprises cannot be read is answered with `AgencyMalformed`. Raises `AgencyFailure`.
        """

        async def ask(some: Sequence[Nik]) -> Answers[Nik, Sequence[Msme]]:
            return await self._grouped(await self._rows(_BY_OWNER, some, call), some, "nik", read_msme)

        return await in_chunks(niks, ask, most=self._keys_a_call)

    async def msmes(self, ids: Sequence[str], call: Call) -> Answers[str, Msme]:
        """Enterprises by identifier; unknown ones are absent. Raises `AgencyFailure`."""

        async def ask(some: Sequence[str]) -> Answers[str, Msme]:
            found = await self._grouped(await self._rows(_BY_ID, _numbers(some), call), some, "id", read_msme)
            return {key: answer if isinstance(answer, AgencyFailure) else answer[0] for key, answer in found.items()}

        return await in_chunks(ids, ask, most=self._keys_a_call)

    async def products_of(self, msme_ids: Sequence[str], call: Call) -> Answers[str, Sequence[Product]]:
        """What each enterprise sells, by identifier; enterprises that sell nothing are absent.

        An enterprise one of whose products cannot be read is answered with `AgencyMalformed`. Raises `AgencyFailure`.
        """

        async def ask(some: Sequence[str]) -> Answers[str, Sequence[Product]]:
            rows = await self._rows(_PRODUCTS, _numbers(some), call)
            return await self._grouped(rows, some, "umkm_id", read_product)

        return await in_chunks(msme_ids, ask, most=self._keys_a_call)

    async def probe(self, call: Call) -> None:
        """Make sure that the programme's database answers. Raises `AgencyFailure`."""
        await self._sql.rows(_PROBE, {}, call)

    async def _rows(self, statement: str, keys: Sequence[str] | Sequence[int], call: Call) -> Sequence[Row]:
        return await self._sql.rows(statement, {"keys": list(keys)}, call, lists=("keys",)) if keys else ()

    async def _grouped(
        self, rows: Sequence[Row], keys: Collection[K], column: str, read: Callable[[Row], R]
    ) -> Mapping[K, Sequence[R] | AgencyFailure]:
        """What was read, by the key it was asked for; one unreadable row is the failure of its key.

        Databases compare more loosely than we do (blanks behind a text, zeros before a number): a row of a key that was
        not asked for is left out.
        """
        groups: defaultdict[str, list[R | AgencyFailure]] = defaultdict(list)
        for row, each in zip(rows, await self._sql.work.map(rows, partial(_read_or_failure, read)), strict=True):
            groups[str(row[column])].append(each)
        return {key: _all_or_failure(groups[key]) for key in keys if key in groups}


def read_msme(row: Row) -> Msme:
    """One row of `umkm`. Raises `UnreadableError`."""
    return Msme(
        id=_required(row["id"], "an identifier"),
        owner=Nik(_required(row["nik"], "a NIK")),
        nib=_nib(row["nib"]),
        name=ordinary(_required(row["nama_usaha"], "a name")),
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
        name=ordinary(_required(row["nama_produk"], "a name")),
        price=rupiah(row["harga"]),
        # Private by default: only a clear yes makes a product public.
        in_public_catalogue=(text(row["katalog_publik"]) or "").upper() == "Y",
    )


def _numbers(ids: Iterable[str]) -> Sequence[int]:
    """Identifiers as the integers they are at the agency; what is no such number is nobody's and is not asked for.

    MariaDB would take `12abc` for 12.
    """
    return [int(key) for key in ids if key.isascii() and key.isdigit() and len(key) <= _LONGEST_ID]


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
    return value and ordinary(value)


def _nib(raw: object) -> Nib | None:
    digits = _digits(raw, _NIB_DIGITS, "a NIB")
    return None if digits is None else Nib(digits)


def _industry_code(raw: object) -> str | None:
    return _digits(raw, _KBLI_DIGITS, "an industry code (KBLI)")


def _digits(raw: object, width: int, kind: str) -> str | None:
    """A code of so many digits, with the zeros in front that a numeric column lost; none for zeros only."""
    written = text(raw, kind)
    if written is None or not written.strip("0"):
        return None
    if not (written.isascii() and written.isdigit() and len(written) <= width):
        raise UnreadableError(kind)
    return written.zfill(width)
