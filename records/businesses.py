"""Registered businesses, their activities and their licences."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from records.description import DECIDES_ACCESS, DescribedEnum, Doc
from records.identifiers import Nib, Nik, RegionCode
from records.record import record


class BusinessStatus(DescribedEnum):
    """State of a business number (NIB)."""

    ACTIVE = "ACTIVE", "Valid."
    NOT_ACTIVE = "NOT_ACTIVE", "Issued, and not yet valid."
    MAY_PREPARE = "MAY_PREPARE", "The business may prepare: build, buy and test."
    MAY_OPERATE = "MAY_OPERATE", "The business may operate."
    SUSPENDED = "SUSPENDED", "Suspended (dibekukan)."
    REVOKED = "REVOKED", "Revoked (dicabut)."


class BusinessForm(DescribedEnum):
    """Legal form of a business."""

    INDIVIDUAL = "INDIVIDUAL", "A person (perseorangan)."
    LIMITED_COMPANY = "LIMITED_COMPANY", "Limited company (PT), also of one person."
    PARTNERSHIP = "PARTNERSHIP", "Partnership: CV, firma or persekutuan perdata."
    COOPERATIVE = "COOPERATIVE", "Cooperative (koperasi)."
    FOUNDATION = "FOUNDATION", "Foundation (yayasan)."
    PUBLIC = "PUBLIC", "Company or body of the state, a region or a village."
    OTHER = "OTHER", "Another form."


class BusinessScale(DescribedEnum):
    """Size of a business (PP 7/2021)."""

    MICRO = "MICRO", "Micro."
    SMALL = "SMALL", "Small."
    MEDIUM = "MEDIUM", "Medium."
    LARGE = "LARGE", "Large."


class RiskLevel(DescribedEnum):
    """Risk of a business activity, which decides the licences that it needs (PP 28/2025)."""

    LOW = "LOW", "Low: the NIB is enough."
    MEDIUM_LOW = "MEDIUM_LOW", "Medium-low: NIB and a standard certificate by declaration."
    MEDIUM_HIGH = "MEDIUM_HIGH", "Medium-high: NIB and a verified standard certificate."
    HIGH = "HIGH", "High: NIB and a licence."


class LicenceStatus(DescribedEnum):
    """State of a licence or of its application."""

    IN_PROGRESS = "IN_PROGRESS", "Applied for, and not decided."
    PROVISIONAL = "PROVISIONAL", "Issued provisionally: conditions remain."
    ISSUED = "ISSUED", "Issued."
    WARNED = "WARNED", "Issued, with a warning or a fine."
    SUSPENDED = "SUSPENDED", "Suspended."
    REJECTED = "REJECTED", "Rejected."


@record
class BusinessSummary:
    """What everybody may know about a business number: whose it is, and whether it is valid."""

    nib: Annotated[Nib, Doc("Business number (NIB), 13 digits.")]
    name: Annotated[str, Doc("Registered name.")]
    status: Annotated[BusinessStatus | None, Doc("State of the number.")]


@record
class BusinessActivity:
    """An activity of a business at a place (proyek)."""

    nib: Annotated[Nib, Doc("The business."), DECIDES_ACCESS]
    owners: Annotated[tuple[Nik, ...], Doc("The people who are responsible for the business."), DECIDES_ACCESS]
    id: Annotated[str, Doc("Identifier in the licensing system.")]
    industry_code: Annotated[str | None, Doc("Industry code (KBLI 2020), five digits.")]
    description: Annotated[str | None, Doc("Name of the activity (Indonesian).")]
    risk: Annotated[RiskLevel | None, Doc("Risk of the activity.")]


@record
class BusinessLicence:
    """A licence of a business, or the application for one."""

    nib: Annotated[Nib, Doc("The business."), DECIDES_ACCESS]
    owners: Annotated[tuple[Nik, ...], Doc("The people who are responsible for the business."), DECIDES_ACCESS]
    id: Annotated[str, Doc("Identifier in the licensing system.")]
    name: Annotated[str | None, Doc("Name of the licence (Indonesian).")]
    number: Annotated[str | None, Doc("Number of the licence; null before it is issued.")]
    authority: Annotated[str | None, Doc("Office that issues it (Indonesian).")]
    status: Annotated[LicenceStatus | None, Doc("State of the licence.")]
    issued_on: Annotated[date | None, Doc("Date of issue.")]


@record
class Business:
    """A registered business."""

    nib: Annotated[Nib, Doc("Business number (NIB), 13 digits."), DECIDES_ACCESS]
    owners: Annotated[tuple[Nik, ...], Doc("The people who are responsible for the business."), DECIDES_ACCESS]
    name: Annotated[str, Doc("Registered name.")]
    form: Annotated[BusinessForm | None, Doc("Legal form.")]
    scale: Annotated[BusinessScale | None, Doc("Size of the business.")]
    status: Annotated[BusinessStatus | None, Doc("State of the number.")]
    address: Annotated[str | None, Doc("Registered address.")]
    region_code: Annotated[RegionCode | None, Doc("Dotted Kemendagri code of the kelurahan of the address.")]
    issued_on: Annotated[date | None, Doc("Date of issue of the number.")]
    activities: Annotated[tuple[BusinessActivity, ...], Doc("What it does, and with which risk.")]
    licences: Annotated[tuple[BusinessLicence, ...], Doc("Its licences and applications.")]
