"""Digital payments: the domain protocol and its batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from engine.batch import batch
from records.calls.answers import Answers, keep_date
from records.calls.call import Call
from records.calls.failures import AgencyFailure
from records.identifiers import Nik
from records.payments import PaymentIntent, PaymentStatus
from resolvers.batch_context import HubBatchContext


class Payments(Protocol):
    """The domain of digital payments. The composition root binds a connector to it."""

    async def payments_of(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Sequence[PaymentIntent]]:
        """The payments that each person was asked for, newest first."""

    async def payments(self, numbers: Sequence[str], call: Call) -> Answers[str, PaymentIntent]:
        """Payments by their number."""


class PaymentKey(NamedTuple):
    """A payment of a person. The payer is in the key so that access can be decided before the call."""

    owner: Nik
    number: str


class BillPaymentsKey(NamedTuple):
    """The payments of one bill, which the service finds through the payer."""

    owner: Nik
    bill_reference: str


@batch(domain=Payments, read="payments_of", absent=(), max_batch_size=1)
async def payments_of(niks: Sequence[Nik], context: HubBatchContext) -> Answers[Nik, Sequence[PaymentIntent]]:
    """The payments that each person was asked for, newest first. They change any moment, so they are never cached."""
    return await _load(niks, context)


@batch(domain=Payments, read="payments", max_batch_size=1)
async def payments(keys: Sequence[PaymentKey], context: HubBatchContext) -> Answers[PaymentKey, PaymentIntent]:
    """Payments by payer and number. Another person's payment is absent."""
    found = await context.agencies[Payments].payments(list(dict.fromkeys(key.number for key in keys)), context.call)
    now = datetime.now(UTC)
    answers: dict[PaymentKey, PaymentIntent | AgencyFailure] = {}
    for key in keys:
        answer = found.get(key.number)
        if isinstance(answer, AgencyFailure):
            answers[key] = answer
        elif answer is not None and answer.payer == key.owner:
            answers[key] = _apply_clock(answer, now)
    return keep_date(answers, found)


@batch(domain=Payments, read="payments_of", absent=(), max_batch_size=1)
async def bill_payments(
    keys: Sequence[BillPaymentsKey], context: HubBatchContext
) -> Answers[BillPaymentsKey, Sequence[PaymentIntent]]:
    """The payments of each bill, newest first."""
    found = await _load(list(dict.fromkeys(key.owner for key in keys)), context)
    answers = {
        key: answer
        if isinstance(answer, AgencyFailure)
        else tuple(each for each in answer if each.bill_reference == key.bill_reference)
        for key in keys
        if (answer := found.get(key.owner)) is not None
    }
    return keep_date(answers, found)


async def _load(niks: Sequence[Nik], context: HubBatchContext) -> Answers[Nik, Sequence[PaymentIntent]]:
    found = await context.agencies[Payments].payments_of(niks, context.call)
    now = datetime.now(UTC)
    answers = {
        nik: each if isinstance(each, AgencyFailure) else tuple(_apply_clock(intent, now) for intent in each)
        for nik, each in found.items()
    }
    return keep_date(answers, found)


def _apply_clock(intent: PaymentIntent, now: datetime) -> PaymentIntent:
    """The payment at this moment: the service may notice later that its time has passed."""
    is_over = intent.status is PaymentStatus.OPEN and intent.expires_at is not None and intent.expires_at <= now
    return replace(intent, read_at=now, status=PaymentStatus.EXPIRED if is_over else intent.status)
