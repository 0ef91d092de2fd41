"""Digital payments to the city: what a person was asked to pay, and what became of it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from records.description import DECIDES_ACCESS, DescribedEnum, Doc
from records.identifiers import Nik, Rupiah
from records.record import record


class PaymentStatus(DescribedEnum):
    """What became of a digital payment."""

    OPEN = "open", "It can be paid."
    PENDING = "pending", "The payer's bank is carrying it out."
    PAID = "paid", "Paid."
    REFUNDED = "refunded", "Paid, and paid back."
    CANCELLED = "cancelled", "Cancelled before it was paid."
    FAILED = "failed", "The payer's bank did not carry it out."
    EXPIRED = "expired", "Its time passed before it was paid."


@record
class PaymentIntent:
    """A digital payment to the city, from the request to pay to its end."""

    number: Annotated[str, Doc("Number of the payment, which the payer's bank shows.")]
    payer: Annotated[Nik, Doc("The person who was asked to pay."), DECIDES_ACCESS]
    bill_reference: Annotated[
        str | None, Doc("Number of the bill that it pays: `PBB`, year and NOP of a property tax bill.")
    ]
    amount: Annotated[Rupiah, Doc("Amount to pay, in whole Rupiah.")]
    currency: Annotated[str, Doc("Currency of the amount, always `IDR`.")]
    status: Annotated[PaymentStatus, Doc("What became of it. An open one whose time has passed is expired.")]
    qr_content: Annotated[str | None, Doc("Content of its QR code (QRIS), which a bank's app scans.")]
    created_at: Annotated[datetime | None, Doc("When it was requested.")]
    expires_at: Annotated[datetime | None, Doc("Until when it can be paid.")]
    paid_at: Annotated[datetime | None, Doc("When it was paid.")]
    read_at: Annotated[datetime | None, Doc("When the hub read it; its clock is taken at this moment.")] = None
