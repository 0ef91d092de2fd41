"""Digital payments."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import strawberry

from auth.caller import Caller
from auth.policy.decision import get_represented_person
from auth.policy.rules import Access, Classification, Rule
from records.identifiers import Nik
from records.payments import PaymentIntent, PaymentStatus
from records.purposes import CitizenScope, Purpose
from records.tax import TaxBill
from resolvers.payments import BillPaymentsKey, PaymentKey, bill_payments, payments, payments_of
from schema.declarations.additions import adds_to, adds_to_query
from schema.declarations.fields import derived, edge, root
from schema.declarations.publishing import Refetch, publishes
from schema.declarations.relay import Node
from schema.types.population import CitizenType
from schema.types.tax import TaxBillType

READABLE = Access(
    Rule.SELF | Rule.GUARDIAN | Rule.ASSISTANT | Rule.OFFICIAL | Rule.AGENCY_SYSTEM,
    Classification.FINANCE,
    frozenset({Purpose.TAX_ASSESSMENT, Purpose.SUBJECT_REQUEST}),
    citizen_scopes=frozenset({CitizenScope.TAX}),
)
PAYABLE = replace(READABLE, rules=Rule.SELF | Rule.GUARDIAN | Rule.ASSISTANT, purposes=frozenset())
"""Who scans the code pays: officials do not need it."""


@publishes(
    PaymentIntent,
    rule=READABLE,
    field_rules={"qr_content": PAYABLE},
    subject="payer",
    shows=("number", "bill_reference", "amount", "status", "qr_content", "created_at", "expires_at", "paid_at"),
    refetch=Refetch(
        batch=payments,
        seal=lambda each: f"{each.payer}:{each.number}",
        unseal=lambda text: PaymentKey(Nik(text.partition(":")[0]), text.partition(":")[2]),
        get_subject=lambda key: key.owner,
    ),
)
class PaymentIntentType(Node):
    """The published `PaymentIntent`."""

    @derived(returns=int | None)
    def seconds_left(record: PaymentIntent) -> int | None:
        """Seconds in which it can still be paid, from the moment of this answer; null unless it is open."""
        if record.status is not PaymentStatus.OPEN or record.expires_at is None or record.read_at is None:
            return None
        return int((record.expires_at - record.read_at).total_seconds())


@adds_to(CitizenType)
class PaymentsOfCitizen:
    """The payments of a citizen."""

    payments: list[PaymentIntentType] | None = edge(
        payments_of,
        key="nik",
        rule=READABLE,
        expected_size=5,
        description="Digital payments that the citizen was asked for, newest first.",
    )


def _build_bill_key(record: TaxBill) -> BillPaymentsKey:
    return BillPaymentsKey(record.owner, f"PBB{record.year}{record.nop}")


@adds_to(TaxBillType)
class PaymentsOfTaxBill:
    """The digital payments of a bill."""

    payment_intents: list[PaymentIntentType] | None = edge(
        bill_payments,
        key=_build_bill_key,
        rule=READABLE,
        expected_size=1,
        description="Digital payments of the bill, newest first, also open and expired ones. The tax office books"
        " paid ones in `payments`.",
    )


@adds_to_query
class PaymentQueries:
    """The root field of digital payments."""

    @root(
        payments,
        returns=PaymentIntentType | None,
        rule=replace(PAYABLE, rules=Rule.SELF | Rule.ASSISTANT),
        subject=lambda key: None if key is None else key.owner,
    )
    def payment(
        caller: Caller, number: Annotated[str, strawberry.argument(description="Number of the payment.")]
    ) -> PaymentKey | None:
        """A digital payment of yours; null if you have none with this number."""
        person = get_represented_person(caller)
        return None if person is None else PaymentKey(person, number)
