"""Property tax: the domain protocol and its batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol

from engine.batch import batch, forward
from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.failures import AgencyFailure
from records.calls.freshness import Freshness, hours, minutes
from records.identifiers import Nik, Nop
from records.tax import TaxObject
from resolvers.batch_context import HubBatchContext
from resolvers.cache_tags import get_owner_tags, get_person_tags

_OBJECTS = Freshness(
    fresh=minutes(10),
    stale_while_revalidate=minutes(5),
    stale_if_error=hours(24),
    unknown_key_seconds=minutes(1),
    max_age_for_purpose=0,
    tags=get_person_tags,
)
"""Bills change once a year, and when one is paid: the payment invalidates the payer's cached answers."""


class Tax(Protocol):
    """The domain of property tax. The composition root binds a connector to it."""

    async def objects_of(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Sequence[TaxObject]]:
        """The taxed objects of each person, with their bills and payments."""


class TaxObjectKey(NamedTuple):
    """A taxed object of a person; the tax office finds objects through their owner."""

    owner: Nik
    nop: Nop


tax_objects_of = forward(Tax, Tax.objects_of, name="tax_objects_of", absent=(), max_batch_size=1, freshness=_OBJECTS)
"""The agency takes one person per call; its connector bounds the fan-out."""


@batch(domain=Tax, max_batch_size=1, freshness=replace(_OBJECTS, tags=get_owner_tags))
async def tax_objects(keys: Sequence[TaxObjectKey], context: HubBatchContext) -> Answers[TaxObjectKey, TaxObject]:
    """Taxed objects by owner and number."""
    owners = list(dict.fromkeys(key.owner for key in keys))
    found = await context.agencies[Tax].objects_of(owners, context.call)
    answers: dict[TaxObjectKey, TaxObject | AgencyFailure] = {}
    for key in keys:
        objects = found.get(key.owner, ())
        if isinstance(objects, AgencyFailure):
            answers[key] = objects
        else:
            answers.update((key, each) for each in objects if each.nop == key.nop)
    return answers
