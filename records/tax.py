"""Property tax (PBB-P2): taxed land, yearly bills, payments."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from records.description import DECIDES_ACCESS, DescribedEnum, Doc
from records.identifiers import Nik, Nop, RegionCode, Rupiah
from records.record import record


class BillStatus(DescribedEnum):
    """Whether a yearly bill is paid."""

    PAID = "paid", "Paid in full."
    UNPAID = "unpaid", "Not paid, or not in full."


@record
class TaxPayment:
    """One payment of a yearly bill."""

    owner: Annotated[Nik, Doc("The taxpayer."), DECIDES_ACCESS]
    sequence: Annotated[int, Doc("Number of the payment of this bill, from 1.")]
    amount: Annotated[Rupiah, Doc("Amount paid, including the fine, in whole Rupiah.")]
    fine: Annotated[Rupiah, Doc("Part of the amount that is a fine for late payment.")]
    paid_on: Annotated[date | None, Doc("Date of the payment.")]
    receipt: Annotated[str | None, Doc("Number of the receipt (nomor bukti).")]
    cancelled: Annotated[bool, Doc("Whether the payment was cancelled.")]


@record
class TaxBill:
    """The property tax of one object for one year (SPPT)."""

    nop: Annotated[Nop, Doc("The taxed object.")]
    owner: Annotated[Nik, Doc("The taxpayer."), DECIDES_ACCESS]
    year: Annotated[int, Doc("Tax year.")]
    land_value: Annotated[Rupiah, Doc("Assessed value of the land (NJOP bumi).")]
    building_value: Annotated[Rupiah, Doc("Assessed value of the building (NJOP bangunan).")]
    assessed_value: Annotated[Rupiah, Doc("Assessed value of land and building together (NJOP).")]
    exempt_value: Annotated[Rupiah, Doc("Tax-exempt part of the value (NJOPTKP).")]
    tax: Annotated[Rupiah, Doc("Tax before any reduction (PBB terhutang).")]
    reduction: Annotated[Rupiah, Doc("Reduction granted (faktor pengurang).")]
    amount: Annotated[Rupiah, Doc("Amount to be paid for the year, without fines.")]
    status: Annotated[BillStatus, Doc("Whether the bill is paid.")]
    issued_on: Annotated[date | None, Doc("Date of issue.")]
    due_on: Annotated[date | None, Doc("Last date to pay without a fine.")]
    payments: Annotated[tuple[TaxPayment, ...], Doc("Payments of this bill, in order.")]


@record
class TaxObject:
    """A taxed piece of land, with or without a building."""

    nop: Annotated[Nop, Doc("Number of the tax object, 18 digits. Its digits are not a Kemendagri code: use `region`.")]
    owner: Annotated[Nik, Doc("The taxpayer."), DECIDES_ACCESS]
    taxpayer_name: Annotated[str | None, Doc("Name of the taxpayer, as the tax office writes it.")]
    address: Annotated[str | None, Doc("Address of the object, as the tax office writes it.")]
    region_code: Annotated[RegionCode | None, Doc("Dotted Kemendagri code of the kelurahan the object lies in.")]
    land_area: Annotated[int | None, Doc("Area of the land, in square metres.")]
    building_area: Annotated[
        int | None, Doc("Area of the building, in square metres; null for land without a building.")
    ]
    bills: Annotated[tuple[TaxBill, ...], Doc("Yearly bills, newest first.")]
