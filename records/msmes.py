"""Micro, small and medium enterprises of the JakPreneur programme."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from records.description import DECIDES_ACCESS, DescribedEnum, Doc
from records.identifiers import Nib, Nik, RegionCode, Rupiah
from records.record import record


class ProgrammeStage(DescribedEnum):
    """The seven stages of the JakPreneur programme."""

    P1_REGISTRATION = "P1", "P1: registered."
    P2_COACHING = "P2", "P2: coaching."
    P3_TRAINING = "P3", "P3: training."
    P4_LICENSING = "P4", "P4: licensing (NIB, trade mark, halal)."
    P5_MARKETING = "P5", "P5: marketing."
    P6_REPORTING = "P6", "P6: financial reporting."
    P7_CAPITAL = "P7", "P7: access to capital."


@record
class Product:
    """A product that an enterprise sells."""

    id: Annotated[str, Doc("Identifier in the JakPreneur programme.")]
    msme_id: Annotated[str, Doc("The enterprise that sells it.")]
    owner: Annotated[Nik, Doc("The enterprise's owner."), DECIDES_ACCESS]
    name: Annotated[str, Doc("Name of the product.")]
    price: Annotated[Rupiah | None, Doc("Price of one unit, in whole Rupiah.")]
    in_public_catalogue: Annotated[bool, Doc("Whether the owner opted in to the public catalogue."), DECIDES_ACCESS]


@record
class Msme:
    """A micro, small or medium enterprise enrolled in the JakPreneur programme."""

    id: Annotated[str, Doc("Identifier in the JakPreneur programme.")]
    owner: Annotated[Nik, Doc("Who registered the enterprise."), DECIDES_ACCESS]
    nib: Annotated[
        Nib | None, Doc("Business number (NIB), 13 digits; null if the enterprise has none."), DECIDES_ACCESS
    ]
    name: Annotated[str, Doc("Trading name.")]
    industry_code: Annotated[str | None, Doc("Industry code (KBLI 2020), five digits.")]
    region_code: Annotated[RegionCode | None, Doc("Dotted Kemendagri code of the district it works in.")]
    stage: Annotated[ProgrammeStage | None, Doc("The enterprise's stage in the programme.")]
    grade: Annotated[str | None, Doc("Curation grade; `A` is the best, null before curation.")]
    monthly_revenue: Annotated[Rupiah | None, Doc("Monthly revenue, as the owner stated it, in whole Rupiah.")]
    registered_on: Annotated[date | None, Doc("Date of enrolment.")]
    phone: Annotated[str | None, Doc("Telephone number in international form, `+62...`.")]
    address: Annotated[str | None, Doc("Business address, as the owner stated it.")]


@record
class CatalogueProduct:
    """A product in the public catalogue of small businesses, with the business that sells it. It names no owner."""

    id: Annotated[str, Doc("Identifier in the JakPreneur programme.")]
    name: Annotated[str, Doc("Name of the product.")]
    price: Annotated[Rupiah | None, Doc("Price of one unit, in whole Rupiah.")]
    seller: Annotated[str, Doc("Trading name of the business.")]
    industry_code: Annotated[str | None, Doc("Industry code of the business (KBLI 2020), five digits.")]
    region_code: Annotated[RegionCode | None, Doc("Dotted Kemendagri code of the district the business works in.")]
    in_public_catalogue: Annotated[bool, Doc("Whether the owner opted in to the public catalogue."), DECIDES_ACCESS]


@record
class CatalogueQuery:
    """A page of the public catalogue, ordered by identifier."""

    search: str = ""
    region_code: RegionCode | None = None
    first: int = 20
    after: str | None = None
