"""Small businesses."""

from __future__ import annotations

from dataclasses import replace

from auth.policy.rules import Access, Classification, Rule
from records.identifiers import Nik
from records.msmes import Msme, Product
from records.purposes import CitizenScope, Purpose, Scope
from resolvers.msmes import MsmeKey, msmes, products_of
from resolvers.regions import regions
from schema.declarations.fields import edge
from schema.declarations.publishing import Refetch, publishes
from schema.declarations.relay import Node
from schema.types.regions import RegionType

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
PRODUCTS = replace(READABLE, rules=READABLE.rules & ~Rule.BUSINESS)
"""Without `BUSINESS`: a product names its owner, but no NIB."""


@publishes(
    Product,
    rule=PRODUCTS,
    subject="owner",
    public_when="in_public_catalogue",
    shows=("name", "price", "in_public_catalogue"),
)
class ProductType:
    """The published `Product`."""


def _build_key(record: Msme) -> MsmeKey:
    return MsmeKey(record.owner, record.id)


@publishes(
    Msme,
    rule=READABLE,
    field_rules={"monthly_revenue": REVENUE},
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
        get_subject=lambda key: key.owner,
    ),
)
class MsmeType(Node):
    """The published `Msme`."""

    region: RegionType | None = edge(regions, key="region_code", description="The district it operates in.")
    products: list[ProductType] | None = edge(products_of, key=_build_key, expected_size=5, description="Its products.")
