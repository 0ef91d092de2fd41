"""Schools that everybody can look up, their pupils, and the pupils' KJP Plus accounts."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from records.description import DECIDES_ACCESS, DescribedEnum, Doc
from records.identifiers import Nik, RegionCode, Rupiah
from records.record import record
from records.regions import Coordinates


class SchoolKind(DescribedEnum):
    """The kind of a school."""

    KINDERGARTEN = "TK", "Kindergarten (TK, RA, PAUD)."
    PRIMARY = "SD", "Primary school (SD, MI)."
    JUNIOR_SECONDARY = "SMP", "Junior secondary school (SMP, MTs)."
    SENIOR_SECONDARY = "SMA", "Senior secondary school (SMA, MA)."
    VOCATIONAL = "SMK", "Vocational secondary school (SMK)."
    SPECIAL = "SLB", "School for pupils with disabilities (SLB)."


class PupilStatus(DescribedEnum):
    """Whether a pupil attends the school."""

    ENROLLED = "aktif", "Attends the school."
    TRANSFERRED = "mutasi", "Moved to another school."
    GRADUATED = "lulus", "Finished the school."
    LEFT = "keluar", "Left without finishing."


class KjpStatus(DescribedEnum):
    """The state of a KJP Plus account in one payment round."""

    PENDING = "verifikasi", "Being verified."
    PAID = "cair", "Paid out."
    BLOCKED = "blokir", "Blocked by the office."


@record
class School:
    """A school, public or private."""

    npsn: Annotated[str, Doc("National number of the school (NPSN), eight digits.")]
    name: Annotated[str, Doc("Name of the school.")]
    kind: Annotated[SchoolKind | None, Doc("Kind of school.")]
    is_public: Annotated[bool | None, Doc("Whether the government runs it (negeri).")]
    accreditation: Annotated[str | None, Doc("Accreditation; `A` is the best.")]
    address: Annotated[str | None, Doc("Address of the school.")]
    phone: Annotated[str | None, Doc("Telephone number.")]
    pupil_count: Annotated[int | None, Doc("Number of pupils.")]
    coordinates: Annotated[Coordinates | None, Doc("Location on the map.")]
    region_code: Annotated[RegionCode | None, Doc("Dotted Kemendagri code of the kelurahan it lies in.")]


@record
class Student:
    """A pupil's enrolment in a school."""

    nisn: Annotated[str, Doc("National number of the pupil (NISN), ten digits.")]
    owner: Annotated[Nik, Doc("The pupil."), DECIDES_ACCESS]
    npsn: Annotated[str | None, Doc("Number of the school (NPSN).")]
    grade: Annotated[int | None, Doc("Grade, 1 to 12.")]
    class_name: Annotated[str | None, Doc("Name of the class, such as `5-B`.")]
    school_year: Annotated[str | None, Doc("School year, such as `2026/2027`.")]
    status: Annotated[PupilStatus | None, Doc("Whether the pupil attends the school.")]


@record
class KjpAccount:
    """A pupil's KJP Plus support in one payment round."""

    id: Annotated[str, Doc("Identifier at the education office.")]
    owner: Annotated[Nik, Doc("The pupil."), DECIDES_ACCESS]
    round: Annotated[str, Doc("The payment round, such as `2026-I`.")]
    status: Annotated[KjpStatus | None, Doc("The state of the account in this round.")]
    monthly_amount: Annotated[Rupiah | None, Doc("Support of one month, in whole Rupiah.")]
    balance: Annotated[Rupiah | None, Doc("What is left of it, in whole Rupiah.")]
    paid_on: Annotated[date | None, Doc("Date of the payment; null before it.")]
