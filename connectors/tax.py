"""The property tax agency (PBB-P2): SOAP 1.1, one resident per call. `wsdl/property_tax.wsdl` is its interface.

Columns are those of SISMIOP, the tax offices' system. Answers carry `kode`, and errors come with HTTP 200 too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final, Self, TypeVar

from pydantic import Field

from connectors.batching.fan_out import fan_out
from connectors.batching.row_check import RowCheck
from connectors.connector_parts import ConnectorParts
from connectors.declared.tables import ManifestTable
from connectors.drivers.soap.driver import SoapDriver, SoapFault, SoapReply, SoapValue
from connectors.drivers.soap.service import SoapService
from connectors.readers.dates import day
from connectors.readers.money import rupiah
from connectors.readers.names import person_name, to_ordinary_case
from connectors.readers.regions import region_code
from connectors.readers.texts import text
from connectors.readers.unreadable import UnreadableError
from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.failures import AgencyFailure, AgencyMalformed, AgencyRefused, AgencyUnavailable
from records.identifiers import Nik, Nop, Rupiah
from records.tax import BillStatus, TaxBill, TaxObject, TaxPayment

WSDL: Final = Path(__file__).with_name("wsdl") / "property_tax.wsdl"

Row = Mapping[str, SoapValue]
_T = TypeVar("_T")

_PROBE_NIK: Final = Nik("0" * 16)
"""A well-formed number that no person has (there is no province 00), for the probe."""

_NOP_COLUMNS: Final = (
    ("KD_PROPINSI", 2),
    ("KD_DATI2", 2),
    ("KD_KECAMATAN", 3),
    ("KD_KELURAHAN", 3),
    ("KD_BLOK", 3),
    ("NO_URUT", 4),
    ("KD_JNS_OP", 1),
)
"""The seven columns of a NOP and how many digits each has (PER-12/PJ/2010)."""

_SHARED: Final = "9"
"""Last digit of the number of an object that several people pay for."""

_SUCCESS: Final = "00"
_UNKNOWN: Final = frozenset({"14", "15"})
"""Codes for an unknown NIK: nothing found, and not a valid NIK for the agency."""
_AGENCY_FAULT: Final = re.compile(r"9\d|5\d\d")
"""Codes for a failure of the agency's system. Every other code is a refusal, also that of closing hours (68)."""
_KODE: Final = re.compile(r"\d{1,3}")
_STATUS: Final = {"0": BillStatus.UNPAID, "1": BillStatus.PAID}
_YES_NO: Final = {"0": False, "1": True}
_WHOLE_NUMBER: Final = re.compile(r"(\d{1,12})(?:[.,]0{1,2})?", re.ASCII)


class TaxOptions(ManifestTable):
    """The options of the connector in a manifest."""

    max_concurrency: int = Field(default=8, ge=1, le=64, description="maximum concurrent calls for one batch")


class PropertyTax:
    """Tax objects with their bills and payments, of one agency.

    The agency accepts one NIK per call: `max_concurrency` limits the concurrent calls of one batch.
    """

    def __init__(self, soap: SoapDriver, *, max_concurrency: int = 8) -> None:
        """Uses a driver for `WSDL`, with the credentials in the header part `otentikasi` (see `connect`)."""
        self._soap = soap
        self._max_concurrency = max_concurrency
        self._check = RowCheck(soap.agency, soap.counts)

    @classmethod
    def connect(cls, parts: ConnectorParts) -> Self:
        """Build the connector of a manifest. The service takes the credentials in each envelope."""
        parts.refuse_batches()
        service, options = parts.require_driver(SoapService), parts.read_options(TaxOptions)
        credentials = {"otentikasi": {"pengguna": service.user, "kata_sandi": service.password}}
        return cls(
            SoapDriver(service.http, WSDL, headers=credentials, gate=parts.gate),
            max_concurrency=min(options.max_concurrency, parts.gate.max_concurrency),
        )

    async def objects_of(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Sequence[TaxObject]]:
        """The tax objects of each person, with one SOAP call per person. A person without objects is absent."""

        async def ask_one(nik: Nik) -> Sequence[TaxObject] | None:
            reply = await self._soap.ask("GetObjekByNik", {"nik": nik}, call, find_failure=self._trouble_in)
            return await self._long(reply, nik) if reply.is_long else tax_objects(self._soap.agency, reply, nik)

        return self._of_one_owner_each(await fan_out(niks, ask_one, limit=self._max_concurrency))

    def _trouble_in(self, reply: SoapReply) -> AgencyFailure | None:
        """Find the failure of a reply, also if its contents are inconsistent."""
        failure = find_failure(self._soap.agency, reply)
        if failure is None and not isinstance(reply.content, SoapFault) and not has_matching_bills(reply.content):
            return self._check.record_mismatch("a bill has the number of another object")
        return failure

    def _of_one_owner_each(self, found: Answers[Nik, Sequence[TaxObject]]) -> Answers[Nik, Sequence[TaxObject]]:
        """Fail the answers of people that claim the same object.

        The agency's answers do not name the person. An object has one taxpayer, unless its number marks it as shared.
        So the same object for two people means that one of them got the other's answer.
        """
        pairs = [
            (nik, each) for nik, answer in found.items() if not isinstance(answer, AgencyFailure) for each in answer
        ]
        groups = self._check.group_by_key(pairs, tuple(found), key_of=_payer, id_of=_taxed)
        failed = {nik: each for nik, each in groups.items() if isinstance(each, AgencyFailure)}
        return {**found, **failed} if failed else found

    async def _long(self, reply: SoapReply, owner: Nik) -> Sequence[TaxObject] | None:
        """Like `tax_objects`, but object by object, because hundreds take longer than a slice."""
        rows = _object_rows(self._soap.agency, reply)
        if rows is None:
            return None
        found = await self._soap.work.map(rows, partial(_object_or_failure, self._soap.agency, owner))
        for each in found:
            if isinstance(each, AgencyFailure):
                raise each
        return tuple(each for each in found if isinstance(each, TaxObject))

    async def probe(self, call: Call) -> None:
        """Request a number that no person has, to check that the agency answers and accepts the credentials."""
        reply = await self._soap.ask("GetObjekByNik", {"nik": _PROBE_NIK}, call, find_failure=self._trouble_in)
        tax_objects(self._soap.agency, reply, _PROBE_NIK)

    async def close(self) -> None:
        """Close the connections."""
        await self._soap.close()


def tax_objects(agency: str, reply: SoapReply, owner: Nik) -> tuple[TaxObject, ...] | None:
    """Read the answer of `GetObjekByNik`; None if the agency does not know the person.

    Raises AgencyRefused or AgencyUnavailable for a fault or a `kode` of failure, AgencyMalformed for an unreadable
    answer.
    """
    rows = _object_rows(agency, reply)
    if rows is None:
        return None
    found = []
    for row in rows:
        read = _object_or_failure(agency, owner, row)
        if isinstance(read, AgencyFailure):
            raise read
        found.append(read)
    return tuple(found)


def _object_rows(agency: str, reply: SoapReply) -> Sequence[Row] | None:
    """The objects in an answer; None if the agency does not know the person. Raises the failure of the answer."""
    failure = find_failure(agency, reply)
    if failure is not None:
        raise failure
    answer = reply.content
    return None if isinstance(answer, SoapFault) or _code(answer) in _UNKNOWN else _rows(answer, "objek")


def _object_or_failure(agency: str, owner: Nik, row: Row) -> TaxObject | AgencyMalformed:
    try:
        return _tax_object(row, owner)
    except UnreadableError as error:
        return AgencyMalformed(agency, f"GetObjekByNik: a value is {error}")


def has_matching_bills(answer: Row) -> bool:
    """Whether each bill of an answer has the number of its object."""
    return all(_key(bill) == _key(row) for row in _rows(answer, "objek") for bill in _rows(row, "SPPT"))


def _key(row: Row) -> tuple[str, ...]:
    """The seven columns of a number, comparable even if zeros were lost."""
    return tuple(str(row.get(column) or "").strip().lstrip("0") for column, _ in _NOP_COLUMNS)


def _payer(pair: tuple[Nik, TaxObject]) -> Nik:
    return pair[0]


def _taxed(pair: tuple[Nik, TaxObject]) -> tuple[str, str]:
    """The identity of an object; with the payer if its number marks it as shared (PER-12/PJ/2010)."""
    nik, each = pair
    return each.nop, nik if each.nop.endswith(_SHARED) else ""


def find_failure(agency: str, reply: SoapReply) -> AgencyFailure | None:
    """Find the failure of a whole reply: a fault, or a `kode` other than success and unknown."""
    answer = reply.content
    if isinstance(answer, SoapFault):
        return build_fault_failure(agency, answer, reply.retry_after)
    code = _code(answer)
    if code is None:
        return AgencyMalformed(agency, "the answer has no kode")
    return None if code == _SUCCESS or code in _UNKNOWN else _build_code_failure(agency, code, reply.retry_after)


def build_fault_failure(agency: str, fault: SoapFault, retry_after: float | None = None) -> AgencyFailure:
    """A fault of the caller is a refusal (`kode` 401: the credentials); any other is a failure of the agency."""
    code = fault.detail.get("kode", "").strip()
    detail = f"SOAP fault {fault.code}" + (f", kode {code}" if _KODE.fullmatch(code) else "")
    kind = AgencyRefused if fault.code.partition(".")[0] == "Client" else AgencyUnavailable
    return kind(agency, detail, retry_after=retry_after)


def _code(answer: Row) -> str | None:
    code = str(answer.get("kode") or "").strip()
    return code.zfill(2) if _KODE.fullmatch(code) else None


def _build_code_failure(agency: str, code: str, retry_after: float | None) -> AgencyFailure:
    kind = AgencyUnavailable if _AGENCY_FAULT.fullmatch(code) else AgencyRefused
    return kind(agency, f"kode {code}", retry_after=retry_after)


def _tax_object(row: Row, owner: Nik) -> TaxObject:
    bill_rows = sorted(_rows(row, "SPPT"), key=_year, reverse=True)
    newest: Row = bill_rows[0] if bill_rows else {}
    name = text(newest.get("NM_WP_SPPT"))
    return TaxObject(
        nop=_nop(row),
        owner=owner,
        taxpayer_name=person_name(name) if name else None,
        address=_address(row),
        region_code=region_code(row.get("KD_KEMENDAGRI")),
        land_area=_area(newest.get("LUAS_BUMI_SPPT")),
        building_area=_area(newest.get("LUAS_BNG_SPPT")),
        bills=tuple(_bill(bill, owner) for bill in bill_rows),
    )


def _bill(row: Row, owner: Nik) -> TaxBill:
    return TaxBill(
        nop=_nop(row),
        owner=owner,
        year=_year(row),
        land_value=_money(row, "NJOP_BUMI_SPPT"),
        building_value=rupiah(row.get("NJOP_BNG_SPPT")) or Rupiah(0),
        assessed_value=_money(row, "NJOP_SPPT"),
        exempt_value=_money(row, "NJOPTKP_SPPT"),
        tax=_money(row, "PBB_TERHUTANG_SPPT"),
        reduction=rupiah(row.get("FAKTOR_PENGURANG_SPPT")) or Rupiah(0),
        amount=_money(row, "PBB_YG_HARUS_DIBAYAR_SPPT"),
        status=_one_of(row, "STATUS_PEMBAYARAN_SPPT", _STATUS, "a payment status"),
        issued_on=day(row.get("TGL_TERBIT_SPPT")),
        due_on=day(row.get("TGL_JATUH_TEMPO_SPPT")),
        payments=tuple(
            sorted((_payment(one, owner) for one in _rows(row, "PEMBAYARAN")), key=lambda one: one.sequence)
        ),
    )


def _payment(row: Row, owner: Nik) -> TaxPayment:
    return TaxPayment(
        owner=owner,
        sequence=_whole(row.get("PEMBAYARAN_SPPT_KE"), "the number of a payment"),
        amount=_money(row, "JML_SPPT_YG_DIBAYAR"),
        fine=rupiah(row.get("DENDA_SPPT")) or Rupiah(0),
        paid_on=day(row.get("TGL_PEMBAYARAN_SPPT")),
        receipt=text(row.get("NO_BUKTI")),
        cancelled=_one_of(row, "DIBATALKAN", _YES_NO, "a yes or no"),
    )


def _rows(row: Row, name: str) -> list[Row]:
    """The rows of an element that may repeat; none for a nil element."""
    value = row.get(name)
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, tuple) else []


def _nop(row: Row) -> Nop:
    """Read the number from its seven columns, whose leading zeros may be lost."""
    digits = ""
    for column, width in _NOP_COLUMNS:
        part = str(row.get(column) or "").strip()
        if not (part.isascii() and part.isdigit() and len(part) <= width):
            raise UnreadableError("a NOP")
        digits += part.zfill(width)
    return Nop(digits)


def _address(row: Row) -> str | None:
    """Build the address from street, RT and RW, kelurahan: `Jl. Melati No. 5, RT 003/RW 007, Gambir`."""
    street, village = text(row.get("JALAN_OP")), text(row.get("NM_KELURAHAN_OP"))
    block = "/".join(
        f"{kind} {number}" for kind in ("RT", "RW") if (number := text(row.get(f"{kind}_OP"))) and number.strip("0")
    )
    parts = (to_ordinary_case(street) if street else "", block, to_ordinary_case(village) if village else "")
    return ", ".join(part for part in parts if part) or None


def _year(row: Row) -> int:
    return _whole(row.get("THN_PAJAK_SPPT"), "a tax year")


def _area(raw: object) -> int | None:
    """Read square metres; None for 0, which the agency writes for land without a building."""
    return _whole(raw, "an area") or None if text(raw) else None


def _money(row: Row, column: str) -> Rupiah:
    amount = rupiah(row.get(column))
    if amount is None:
        raise UnreadableError("an amount of money")
    return amount


def _whole(raw: object, kind: str) -> int:
    number = _WHOLE_NUMBER.fullmatch(text(raw, kind) or "")
    if number is None:
        raise UnreadableError(kind)
    return int(number[1])


def _one_of(row: Row, column: str, meanings: Mapping[str, _T], kind: str) -> _T:
    sign = text(row.get(column), kind)
    if sign is None or sign not in meanings:
        raise UnreadableError(kind)
    return meanings[sign]
