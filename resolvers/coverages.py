"""Health insurance: the domain protocol and its batches."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Final, NamedTuple, Protocol

from engine.batch import batch, forward
from records.calls.answers import Answers, keep_date
from records.calls.call import Call
from records.calls.failures import AgencyFailure
from records.coverages import Coverage
from records.identifiers import Nik
from records.link_confidence import LinkConfidence
from records.population import Identity
from resolvers.batch_context import HubBatchContext
from resolvers.caching import ABOUT_PERSON
from resolvers.population import Population

_WORD: Final = re.compile(r"[^\W\d_]+")


class Coverages(Protocol):
    """The domain of health insurance. The composition root binds a connector to it."""

    async def coverages_of(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Coverage]:
        """The insurance of each person."""


class LinkKey(NamedTuple):
    """What an agency's record says about the person whose number it has."""

    owner: Nik
    name: str | None
    birth_date: date | None


coverages_of = forward(Coverages, Coverages.coverages_of, max_batch_size=1, caching=ABOUT_PERSON)


@batch(domain=Population, read="load_facets")
async def link_confidences(keys: Sequence[LinkKey], context: HubBatchContext) -> Answers[LinkKey, LinkConfidence]:
    """How well each record agrees with the population register. People without an entry are absent."""
    niks = list(dict.fromkeys(key.owner for key in keys))
    found = await context.agencies[Population].load_facets(niks, frozenset({Identity}), context.call)
    answers: dict[LinkKey, LinkConfidence | AgencyFailure] = {}
    for key in keys:
        facets = found.get(key.owner)
        if isinstance(facets, AgencyFailure):
            answers[key] = facets
        elif facets is not None and isinstance(identity := facets.get(Identity), Identity):
            answers[key] = compare_identity(key, identity)
    return keep_date(answers, found)


def compare_identity(key: LinkKey, identity: Identity) -> LinkConfidence:
    """Compare name and day of birth. Titles, signs and the order of a name make no difference, nor do cut names."""
    is_same_name = _is_same_name(key.name, identity.name)
    is_same_day = key.birth_date is not None and key.birth_date == identity.birth_date
    if is_same_name and is_same_day:
        return LinkConfidence.CONFIRMED
    return LinkConfidence.LIKELY if is_same_name or is_same_day else LinkConfidence.DOUBTFUL


def _is_same_name(one: str | None, other: str | None) -> bool:
    """Whether all words of the shorter name, at least two or its only one, are in the longer one."""
    words = sorted((set(_WORD.findall((each or "").casefold())) for each in (one, other)), key=len)
    return bool(words[0]) and words[0] <= words[1] and (len(words[0]) > 1 or len(words[1]) == 1)
