"""Social assistance: the domain protocol and its batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol

from engine.batch import batch
from records.calls.answers import Answers, DatedAnswers, keep_date
from records.calls.call import Call
from records.calls.failures import AgencyFailure
from records.identifiers import Nik
from records.social_assistance import AidEntitlement, AidPayment, AssistanceRecord
from resolvers.batch_context import HubBatchContext
from resolvers.caching import ABOUT_OWNER, ABOUT_PERSON


class SocialAssistance(Protocol):
    """The domain of social assistance. A manifest binds an agency to it."""

    async def assistance_of(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Sequence[AssistanceRecord]]:
        """The records of each identity number: more than one if the register has mixed people up."""

    async def entitlements_of(self, record_ids: Sequence[str], call: Call) -> Answers[str, Sequence[AidEntitlement]]:
        """The entitlements of each record."""

    async def aid_payments_of(self, record_ids: Sequence[str], call: Call) -> Answers[str, Sequence[AidPayment]]:
        """The payments of each record."""


class AssistanceKey(NamedTuple):
    """A record of a person. The owner is in the key so that access can be decided before the call."""

    owner: Nik
    id: str


@batch(domain=SocialAssistance, caching=ABOUT_PERSON)
async def assistance_of(keys: Sequence[Nik], context: HubBatchContext) -> Answers[Nik, AssistanceRecord]:
    """The record of each person, with the date of the data; without contents if it may be another person's."""
    found = await context.agencies[SocialAssistance].assistance_of(keys, context.call)
    as_of = found.as_of if isinstance(found, DatedAnswers) else None
    answers: dict[Nik, AssistanceRecord | AgencyFailure] = {}
    for key, answer in found.items():
        if isinstance(answer, AgencyFailure):
            answers[key] = answer
        elif answer:
            first = replace(answer[0], as_of=as_of, is_shared=len(answer) > 1)
            answers[key] = first.withhold_doubtful()
    return keep_date(answers, found)


@batch(domain=SocialAssistance, absent=(), caching=ABOUT_OWNER)
async def entitlements_of(
    keys: Sequence[AssistanceKey], context: HubBatchContext
) -> Answers[AssistanceKey, Sequence[AidEntitlement]]:
    """The entitlements of each record."""
    found = await context.agencies[SocialAssistance].entitlements_of([key.id for key in keys], context.call)
    return keep_date({key: found[key.id] for key in keys if key.id in found}, found)


@batch(domain=SocialAssistance, absent=(), caching=ABOUT_OWNER)
async def aid_payments_of(
    keys: Sequence[AssistanceKey], context: HubBatchContext
) -> Answers[AssistanceKey, Sequence[AidPayment]]:
    """The payments of each record."""
    found = await context.agencies[SocialAssistance].aid_payments_of([key.id for key in keys], context.call)
    return keep_date({key: found[key.id] for key in keys if key.id in found}, found)
