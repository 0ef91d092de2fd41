"""Property tax: the domain protocol and its batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from engine.batch import batch, forward
from records.calls.answers import Answers, keep_date
from records.calls.call import Call
from records.calls.failures import AgencyFailure
from records.identifiers import Nik, Nop
from records.tax import TaxObject
from resolvers.batch_context import HubBatchContext
from resolvers.caching import ABOUT_OWNER, ABOUT_PERSON


class Tax(Protocol):
    """The domain of property tax. The composition root binds a connector to it."""

    async def objects_of(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Sequence[TaxObject]]:
        """The taxed objects of each person, with their bills and payments."""


class TaxObjectKey(NamedTuple):
    """A taxed object of a person; the tax office finds objects through their owner."""

    owner: Nik
    nop: Nop


tax_objects_of = forward(Tax, Tax.objects_of, name="tax_objects_of", absent=(), max_batch_size=1, caching=ABOUT_PERSON)
"""The agency takes one person per call; its connector bounds the fan-out."""


@batch(domain=Tax, read="objects_of", max_batch_size=1, caching=ABOUT_OWNER)
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
    return keep_date(answers, found)
