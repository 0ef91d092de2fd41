"""Social assistance: what the register of households in need (DTSEN, formerly DTKS) says of a person, and payments."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Annotated, Final

from records.description import DECIDES_ACCESS, DescribedEnum, Doc
from records.identifiers import Nik, RegionCode, Rupiah
from records.link_confidence import LinkConfidence
from records.record import record

_WOMAN_DAY_OFFSET: Final = 40


class AssistanceStatus(DescribedEnum):
    """The state of a record in the register of households in need."""

    ACTIVE = "aktif", "Active."
    SUSPENDED = "ditangguhkan", "Suspended until the data is checked."
    REMOVED = "keluar", "Removed from the register."
    DECEASED = "meninggal", "The person has died."


class AidProgramme(DescribedEnum):
    """A programme of social assistance."""

    KLJ = "KLJ", "Kartu Lansia Jakarta, for the elderly."
    KAJ = "KAJ", "Kartu Anak Jakarta, for children up to six years."
    KPDJ = "KPDJ", "Kartu Penyandang Disabilitas Jakarta, for people with disabilities."
    KJP_PLUS = "KJP", "Kartu Jakarta Pintar Plus, for pupils."
    PKH = "PKH", "Program Keluarga Harapan, for families."
    BPNT = "BPNT", "Food for families, as credit on a card."
    PBI = "PBI", "Health insurance whose contributions the state pays (PBI-JK)."


class AidEligibility(DescribedEnum):
    """Whether a person is entitled to a programme."""

    RECEIVING = "penerima", "Receives it."
    ELIGIBLE = "layak", "Entitled to it, and waiting."
    SUSPENDED = "ditangguhkan", "Suspended."
    NOT_ELIGIBLE = "tidak layak", "Not entitled to it."


class AidPaymentStatus(DescribedEnum):
    """The state of a payment of social assistance."""

    PLANNED = "rencana", "Planned."
    PAID = "salur", "Paid to the person's account."
    COLLECTED = "cair", "Collected by the person."
    RETURNED = "retur", "Returned by the bank."


@record
class AssistanceRecord:
    """A person's record in the register of households in need (DTSEN)."""

    id: Annotated[str, Doc("Identifier in the register.")]
    owner: Annotated[Nik, Doc("The person it is about."), DECIDES_ACCESS]
    birth_date: Annotated[date | None, Doc("Day of birth, as the register has it."), DECIDES_ACCESS]
    is_confirmed: Annotated[bool, Doc("Whether the population register confirmed the number."), DECIDES_ACCESS]
    status: Annotated[AssistanceStatus | None, Doc("State of the record.")]
    decile: Annotated[int | None, Doc("Tenth of all households by welfare (desil): 1 is the poorest, 10 the richest.")]
    region_code: Annotated[RegionCode | None, Doc("Dotted Kemendagri code of the kelurahan that proposed the person.")]
    updated_on: Annotated[date | None, Doc("Day of the last change.")]
    as_of: Annotated[
        datetime | None, Doc("Date of the agency's data that answered; null if the agency answered itself.")
    ] = None
    is_shared: Annotated[bool, Doc("Whether several records hold the number.")] = False

    @property
    def link_confidence(self) -> LinkConfidence:
        """How surely it is about its owner: a NIK holds the day of birth, with 40 more for women."""
        born = self.birth_date
        days = () if born is None else (born.day, born.day + _WOMAN_DAY_OFFSET)
        agrees = born is not None and self.owner[6:12] in {f"{each:02}{born:%m%y}" for each in days}
        if self.is_shared or not (agrees or self.is_confirmed):
            return LinkConfidence.DOUBTFUL
        return LinkConfidence.CONFIRMED if self.is_confirmed else LinkConfidence.LIKELY

    def withhold_doubtful(self) -> AssistanceRecord:
        """The record, without its contents if it may be about another person."""
        if self.link_confidence is not LinkConfidence.DOUBTFUL:
            return self
        return replace(self, id="", status=None, decile=None, region_code=None, updated_on=None)


@record
class AidEntitlement:
    """A person's entitlement to a programme of social assistance."""

    record_id: Annotated[str, Doc("The record in the register.")]
    owner: Annotated[Nik, Doc("The person it is about."), DECIDES_ACCESS]
    programme: Annotated[AidProgramme, Doc("The programme.")]
    eligibility: Annotated[AidEligibility, Doc("Whether the person is entitled to it.")]
    reason: Annotated[str | None, Doc("Reason for the decision, in the agency's words.")]


@record
class AidPayment:
    """A payment of social assistance."""

    record_id: Annotated[str, Doc("The record in the register.")]
    owner: Annotated[Nik, Doc("The person who gets it."), DECIDES_ACCESS]
    programme: Annotated[AidProgramme, Doc("The programme.")]
    period: Annotated[str, Doc("Period that it is for, such as `2026-10`.")]
    amount: Annotated[Rupiah, Doc("Amount in whole Rupiah.")]
    status: Annotated[AidPaymentStatus, Doc("State of the payment.")]
    paid_on: Annotated[date | None, Doc("Day on which it was paid; null before that.")]
