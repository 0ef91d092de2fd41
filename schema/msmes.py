"""Small businesses, in the graph."""

from __future__ import annotations

from dataclasses import replace

from auth.rules import Access, Classification, Rule
from records.identifiers import Nik
from records.msmes import Msme, Product
from records.purposes import CitizenScope, Purpose, Scope
from resolvers.msmes import MsmeKey, msmes, products_of
from resolvers.regions import regions
from schema.fields import edge
from schema.publishing import Refetch, publishes
from schema.regions import RegionType
from schema.relay import Node

READABLE = Access(
    Rule.SELF | Rule.GUARDIAN | Rule.ASSISTANT | Rule.BUSINESS | Rule.OFFICIAL | Rule.AGENCY_SYSTEM | Rule.PARTNER,
    purposes=frozenset(
        {
            Purpose.BUSINESS_SUPPORT,
            Purpose.TAX_ASSESSMENT,
            Purpose.SOCIAL_ASSISTANCE,
            Purpose.SUBJECT_REQUEST,
            Purpose.CREDIT_ASSESSMENT,
        }
    ),
    scope=Scope.MSMES,
    citizen_scopes=frozenset({CitizenScope.MSMES}),
)
REVENUE = replace(READABLE, classification=Classification.FINANCE)
PRODUCTS = replace(READABLE, rule=READABLE.rule & ~Rule.BUSINESS)
"""A product names its owner, and no NIB."""


@publishes(
    Product,
    rule=PRODUCTS,
    subject="owner",
    public_when="in_public_catalogue",
    shows=("name", "price", "in_public_catalogue"),
)
class ProductType:
    """A product in the graph."""


def _key(record: Msme) -> MsmeKey:
    return MsmeKey(record.owner, record.id)


@publishes(
    Msme,
    rule=READABLE,
    apart={"monthly_revenue": REVENUE},
    subject="owner",
    business="nib",
    shows=(
        "nib",
        "name",
        "industry_code",
        "stage",
        "grade",
        "monthly_revenue",
        "registered_on",
        "phone",
        "address",
    ),
    refetch=Refetch(
        batch=msmes,
        seal=lambda each: f"{each.owner}:{each.id}",
        unseal=lambda text: MsmeKey(Nik(text.partition(":")[0]), text.partition(":")[2]),
        subject=lambda key: key.owner,
    ),
)
class MsmeType(Node):
    """An enterprise in the graph."""

    region: RegionType | None = edge(regions, by="region_code", says="The district it works in.")
    products: list[ProductType] | None = edge(products_of, by=_key, about=5, says="What it sells.")
