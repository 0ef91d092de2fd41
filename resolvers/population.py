"""People and households: the domain protocol and its batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from auth.policy.children import find_guarded_children, get_city_date
from engine.batch import NEVER_ABSENT, batch
from records.calls.answers import Answers, DatedAnswers, keep_date
from records.calls.call import Call
from records.calls.failures import AgencyFailure
from records.identifiers import Nik
from records.population import Citizen, Household, PersonFacet
from resolvers.batch_context import HubBatchContext
from resolvers.caching import ABOUT_PERSON, FOR_PERSON


class Population(Protocol):
    """The domain of people and households. The composition root binds a connector to it."""

    async def load_known(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Citizen]:
        """The people among them that the register knows."""

    async def load_facets(
        self, niks: Sequence[Nik], wanted: frozenset[type[PersonFacet]], call: Call
    ) -> Answers[Nik, Mapping[type[PersonFacet], PersonFacet]]:
        """The wanted facets of each person, and no other data about them."""

    async def households(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Household]:
        """The household in which each person is registered."""


@batch(domain=None, is_fixed=True, absent=NEVER_ABSENT)
async def citizens(niks: Sequence[Nik], context: HubBatchContext) -> Answers[Nik, Citizen]:  # noqa: ARG001 - the key is the answer
    """People whose existence is certain (the caller, the members of a family card). No agency is called."""
    return {nik: Citizen(nik=nik) for nik in niks}


@batch(domain=Population, read="load_known", works_without_agency=True)
async def known_citizens(niks: Sequence[Nik], context: HubBatchContext) -> Answers[Nik, Citizen]:
    """People by a number from the request; numbers that the register does not know are absent.

    While the register is down, or without a register, every number counts as known: fields of other agencies must
    still answer, and the register's own fields report the failure.
    """
    if not context.agencies.codes.answers(Population, Population.load_known.__name__):
        return {nik: Citizen(nik=nik) for nik in niks}
    try:
        found = await context.agencies[Population].load_known(niks, context.call)
    except AgencyFailure:
        return {nik: Citizen(nik=nik) for nik in niks}
    return {nik: Citizen(nik=nik) if isinstance(answer, AgencyFailure) else answer for nik, answer in found.items()}


@batch(domain=Population, read="load_facets", has_facets=True, caching=ABOUT_PERSON)
async def person_facets(
    niks: Sequence[Nik], context: HubBatchContext
) -> Answers[Nik, Mapping[type[PersonFacet], PersonFacet]]:
    """The facets of each person that this operation selects and this caller may see."""
    return await context.agencies[Population].load_facets(niks, context.facets, context.call)


@batch(domain=Population, read="households", caching=FOR_PERSON)
async def households_of(niks: Sequence[Nik], context: HubBatchContext) -> Answers[Nik, Household]:
    """The household in which each person is registered."""
    found = await context.agencies[Population].households(niks, context.call)
    if not isinstance(found, DatedAnswers):  # a decision by a copy has the copy's date, so it reads for itself
        context.fetched.update({(households_of, nik): found.get(nik) for nik in niks})
    return found


@batch(domain=Population, read="households")
async def family_cards_of(niks: Sequence[Nik], context: HubBatchContext) -> Answers[Nik, Household]:
    """The households that decide whose guardian a caller is.

    Never cached: who was removed from a card is no parent any longer. Only a card that this request has fetched for its
    answer decides as well.
    """
    fetched = {nik: context.fetched[households_of, nik] for nik in niks if (households_of, nik) in context.fetched}
    if len(fetched) == len(niks):
        return {nik: card for nik, card in fetched.items() if card is not None}
    return await context.agencies[Population].households(niks, context.call)


@batch(domain=Population, read="households", absent=())
async def children_of(niks: Sequence[Nik], context: HubBatchContext) -> Answers[Nik, Sequence[Citizen]]:
    """The children whose guardian each person is, by the family card. Never cached, as for decisions."""
    found = await family_cards_of.run(niks, context)
    today = get_city_date()
    answers: dict[Nik, Sequence[Citizen] | AgencyFailure] = {
        nik: card
        if isinstance(card, AgencyFailure)
        else tuple(Citizen(nik=each) for each in sorted(find_guarded_children(nik, card, today)))
        for nik, card in found.items()
    }
    return keep_date(answers, found)
