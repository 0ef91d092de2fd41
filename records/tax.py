"""Property tax (PBB-P2): taxed land, yearly bills, payments."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from records.description import DescribedEnum, Doc
from records.identifiers import Nik, Nop, RegionCode, Rupiah
from records.record import record


class BillStatus(DescribedEnum):
    """Whether a yearly bill still has to be paid."""

    PAID = "paid", "Paid in full."
    UNPAID = "unpaid", "Nothing or not everything paid yet."


@record
class TaxPayment:
    """One payment of a yearly bill."""

    owner: Annotated[Nik, Doc("The taxpayer.")]
    sequence: Annotated[int, Doc("First, second, ... payment of the bill.")]
    amount: Annotated[Rupiah, Doc("Amount paid, fine included, in whole Rupiah.")]
    fine: Annotated[Rupiah, Doc("Part of the amount that is a fine for paying late.")]
    paid_on: Annotated[date | None, Doc("Day of the payment.")]
    receipt: Annotated[str | None, Doc("Number of the receipt (nomor bukti).")]
    cancelled: Annotated[bool, Doc("Whether the payment was taken back.")]


@record
class TaxBill:
    """The property tax of one object for one year (SPPT)."""

    nop: Annotated[Nop, Doc("The taxed object.")]
    owner: Annotated[Nik, Doc("The taxpayer.")]
    year: Annotated[int, Doc("Tax year.")]
    land_value: Annotated[Rupiah, Doc("Assessed value of the land (NJOP bumi).")]
    building_value: Annotated[Rupiah, Doc("Assessed value of the building (NJOP bangunan).")]
    assessed_value: Annotated[Rupiah, Doc("Assessed value of land and building together (NJOP).")]
    exempt_value: Annotated[Rupiah, Doc("Part of the value that is not taxed (NJOPTKP).")]
    tax: Annotated[Rupiah, Doc("Tax owed before any reduction (PBB terhutang).")]
    reduction: Annotated[Rupiah, Doc("Reduction granted (faktor pengurang).")]
    amount: Annotated[Rupiah, Doc("Amount to be paid for the year, without fines.")]
    status: Annotated[BillStatus, Doc("Whether the bill still has to be paid.")]
    issued_on: Annotated[date | None, Doc("Day the bill was issued.")]
    due_on: Annotated[date | None, Doc("Last day to pay without a fine.")]
    payments: Annotated[tuple[TaxPayment, ...], Doc("Payments of this bill, in order.")]


@record
class TaxObject:
    """A piece of land, with or without a building, on which property tax is paid."""

    nop: Annotated[
        Nop, Doc("Number of the tax object, 18 digits. Read `region` for the place: the digits are no Kemendagri code.")
    ]
    owner: Annotated[Nik, Doc("The taxpayer.")]
    taxpayer_name: Annotated[str | None, Doc("Name of the taxpayer, as the tax office writes it.")]
    address: Annotated[str | None, Doc("Where the object lies, as the tax office writes it.")]
    region_code: Annotated[RegionCode | None, Doc("Dotted Kemendagri code of the kelurahan the object lies in.")]
    land_area: Annotated[int | None, Doc("Area of the land, in square metres.")]
    building_area: Annotated[int | None, Doc("Area of the building, in square metres; none for bare land.")]
    bills: Annotated[tuple[TaxBill, ...], Doc("Yearly bills, newest first.")]
