"""Property tax."""

from __future__ import annotations

from typing import Annotated

import strawberry

from auth.policy.rules import Access, Classification, Rule
from records.identifiers import Nik, Nop, Rupiah
from records.purposes import CitizenScope, Purpose, Scope
from records.tax import BillStatus, TaxBill, TaxObject, TaxPayment
from resolvers.regions import regions
from resolvers.tax import TaxObjectKey, tax_objects
from schema.declarations.fields import derived, edge
from schema.declarations.publishing import Refetch, publishes
from schema.declarations.relay import Node
from schema.types.regions import RegionType

READABLE = Access(
    Rule.SELF | Rule.GUARDIAN | Rule.ASSISTANT | Rule.OFFICIAL | Rule.AGENCY_SYSTEM | Rule.PARTNER,
    Classification.FINANCE,
    frozenset(
        {
            Purpose.TAX_ASSESSMENT,
            Purpose.SOCIAL_ASSISTANCE,
            Purpose.SUBJECT_REQUEST,
            Purpose.CREDIT_ASSESSMENT,
            Purpose.PAYMENT,
        }
    ),
    Scope.TAX,
    citizen_scopes=frozenset({CitizenScope.TAX}),
)


@publishes(
    TaxPayment,
    rule=READABLE,
    subject="owner",
    shows=("sequence", "amount", "fine", "paid_on", "receipt", "cancelled"),
)
class TaxPaymentType:
    """The published `TaxPayment`."""


@publishes(
    TaxBill,
    rule=READABLE,
    subject="owner",
    shows=(
        "year",
        "land_value",
        "building_value",
        "assessed_value",
        "exempt_value",
        "tax",
        "reduction",
        "amount",
        "status",
        "issued_on",
        "due_on",
        "payments",
    ),
    nested=(TaxPaymentType,),
)
class TaxBillType:
    """The published `TaxBill`."""

    @derived(returns=Rupiah | None)
    def paid(record: TaxBill) -> Rupiah:
        """Total of the payments so far, including fines, without cancelled payments."""
        return Rupiah(sum(payment.amount for payment in record.payments if not payment.cancelled))


@publishes(
    TaxObject,
    rule=READABLE,
    subject="owner",
    shows=("nop", "taxpayer_name", "address", "land_area", "building_area"),
    refetch=Refetch(
        batch=tax_objects,
        seal=lambda each: f"{each.owner}:{each.nop}",
        unseal=lambda text: TaxObjectKey(Nik(text.partition(":")[0]), Nop(text.partition(":")[2])),
        get_subject=lambda key: key.owner,
    ),
)
class TaxObjectType(Node):
    """The published `TaxObject`."""

    region: RegionType | None = edge(regions, key="region_code", description="The kelurahan of its location.")

    @derived(returns=list[TaxBillType] | None, expected_size=5)
    def bills(
        record: TaxObject,
        unpaid: Annotated[bool, strawberry.argument(description="Only unpaid bills.")] = False,
        year: Annotated[int | None, strawberry.argument(description="Only the bill of this tax year.")] = None,
    ) -> list[TaxBill]:
        """Yearly bills, newest first."""
        return [
            bill
            for bill in record.bills
            if (not unpaid or bill.status is BillStatus.UNPAID) and (year is None or bill.year == year)
        ]
