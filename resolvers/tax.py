"""Property tax: what can be asked, and how it is answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol

from engine.batch import batch
from records.answers import Answers
from records.call import Call
from records.failures import AgencyFailure
from records.freshness import Freshness, hours, minutes
from records.identifiers import Nik, Nop
from records.tax import TaxObject
from resolvers.ask import Ask
from resolvers.tags import by_owner, by_person

_OBJECTS = Freshness(
    fresh=minutes(10), revalidating=minutes(5), failing=hours(24), absent=minutes(1), for_a_purpose=0, tags=by_person
)
"""Bills change once a year, and when one is paid: then what is kept of the payer is invalidated."""


class Tax(Protocol):
    """The domain of property tax. The composition root binds a connector to it."""

    async def objects_of(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Sequence[TaxObject]]:
        """The taxed objects of each person, with their bills and payments."""


class TaxObjectKey(NamedTuple):
    """A taxed object of a person; the tax office finds objects through their owner."""

    owner: Nik
    nop: Nop


@batch(agency="pbb", absent=(), keys_a_call=1, freshness=_OBJECTS)
async def tax_objects_of(niks: Sequence[Nik], ask: Ask) -> Answers[Nik, Sequence[TaxObject]]:
    """The taxed objects of each person. The agency takes one person a call; its connector bounds the fan-out."""
    return await ask.agencies[Tax].objects_of(niks, ask.call)


@batch(agency="pbb", keys_a_call=1, freshness=replace(_OBJECTS, tags=by_owner))
async def tax_objects(keys: Sequence[TaxObjectKey], ask: Ask) -> Answers[TaxObjectKey, TaxObject]:
    """Taxed objects by owner and number."""
    owners = list(dict.fromkeys(key.owner for key in keys))
    found = await ask.agencies[Tax].objects_of(owners, ask.call)
    answers: dict[TaxObjectKey, TaxObject | AgencyFailure] = {}
    for key in keys:
        objects = found.get(key.owner, ())
        if isinstance(objects, AgencyFailure):
            answers[key] = objects
        else:
            answers.update((key, each) for each in objects if each.nop == key.nop)
    return answers
