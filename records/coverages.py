"""Health insurance: whether a person takes part in the national scheme, and where they are treated first."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from records.description import DECIDES_ACCESS, DescribedEnum, Doc
from records.identifiers import Nik
from records.record import record


class CoverageStatus(DescribedEnum):
    """Whether the insurance pays."""

    ACTIVE = "active", "It pays."
    SUSPENDED = "suspended", "It does not pay while contributions are owed."
    ENDED = "ended", "It ended."


@record
class Coverage:
    """A person's participation in the national health insurance (BPJS Kesehatan)."""

    card_number: Annotated[str, Doc("Number of the participant's card (nomor kartu), 13 digits.")]
    participant: Annotated[Nik, Doc("The insured person."), DECIDES_ACCESS]
    name: Annotated[str | None, Doc("Name of the participant, as the insurance writes it.")]
    birth_date: Annotated[date | None, Doc("Day of birth, as the insurance has it.")]
    status: Annotated[CoverageStatus | None, Doc("Whether the insurance pays.")]
    status_text: Annotated[str | None, Doc("The same in the insurance's words (Indonesian).")]
    care_class: Annotated[int | None, Doc("Class of hospital rooms, 1 to 3.")]
    kind: Annotated[str | None, Doc("Kind of participant, in the insurance's words (Indonesian).")]
    facility_code: Annotated[str | None, Doc("The insurance's code of the facility that treats the person first.")]
    facility_name: Annotated[str | None, Doc("Name of that facility.")]
    valid_from: Annotated[date | None, Doc("First day of the insurance.")]
    valid_until: Annotated[date | None, Doc("Last day of the insurance.")]
