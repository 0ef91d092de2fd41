"""The city's services: pages of the catalogue, and those that fit a person."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

from auth.policy.children import get_city_date, is_under_age
from engine.agencies.agency_codes import HUB
from engine.agencies.routing_log import MissingPart
from engine.batch import NEVER_ABSENT, Batch, batch, load_answers
from records.calls.answers import Answers
from records.calls.failures import AgencyFailure
from records.city_services import (
    NO_SERVICES,
    CityService,
    CityServicePage,
    CityServiceQuery,
    OwnService,
    OwnServicesQuery,
    ServiceAudience,
    ServiceCatalogue,
)
from records.identifiers import Nik
from records.population import Household
from resolvers.batch_context import HubBatchContext
from resolvers.msmes import msmes_of
from resolvers.population import households_of

_OLDER_YEARS: Final = 60
"""UU 13/1998, article 1."""
_OF_EVERY_CITIZEN: Final = (
    ServiceAudience.RESIDENTS,
    ServiceAudience.PEOPLE_WITH_DISABILITIES,
    ServiceAudience.EVERYONE,
)
"""The hub knows of no disabilities, and shows what is for people with them to all."""


@batch(domain=None, is_fixed=True)
async def city_services(codes: Sequence[str], context: HubBatchContext) -> Answers[str, CityService]:
    """Services by code."""
    catalogue = context.agencies.get(ServiceCatalogue, NO_SERVICES)
    found = {code: catalogue.get(code) for code in codes}
    return {code: each for code, each in found.items() if each is not None}


@batch(domain=None, is_fixed=True, absent=NEVER_ABSENT)
async def city_service_pages(
    queries: Sequence[CityServiceQuery], context: HubBatchContext
) -> Answers[CityServiceQuery, CityServicePage]:
    """Pages of the catalogue."""
    catalogue = context.agencies.get(ServiceCatalogue, NO_SERVICES)
    return {query: catalogue.list(query) for query in queries}


@batch(domain=None, absent=(), depends_on_caller=True, reads=(households_of, msmes_of))
async def services_of(
    queries: Sequence[OwnServicesQuery], context: HubBatchContext
) -> Answers[OwnServicesQuery, Sequence[OwnService]]:
    """The services that fit people, by what their agencies know. The most specific ones come first.

    Services for families, for example, are missing where the population register does not answer.
    """
    catalogue = context.agencies.get(ServiceCatalogue, NO_SERVICES)
    people = list(dict.fromkeys(each.person for each in queries))
    households, msmes = await asyncio.gather(_read(households_of, people, context), _read(msmes_of, people, context))
    answers: dict[OwnServicesQuery, Sequence[OwnService]] = {}
    for query in queries:
        household, own_msmes = households.get(query.person), msmes.get(query.person)
        failures = {
            MissingPart(context.agencies.codes.get(each.domain) or HUB, answer.code): answer
            for each, answer in ((households_of, household), (msmes_of, own_msmes))
            if isinstance(answer, AgencyFailure)
        }
        _record_missing(context, query, failures)
        audiences = [
            *(_find_family(query.person, household, get_city_date()) if isinstance(household, Household) else ()),
            *([ServiceAudience.BUSINESS_OWNERS] if own_msmes and not isinstance(own_msmes, AgencyFailure) else ()),
            *_OF_EVERY_CITIZEN,
        ]
        answers[query] = _choose(catalogue, query, audiences)
    return answers


async def _read(read: Batch[Nik, Any], people: Sequence[Nik], context: HubBatchContext) -> Mapping[Nik, Any]:
    """The answer or failure for each person; nothing where no agency answers the domain."""
    if not context.agencies.codes.answers(read.domain, read.domain_read):
        return {}
    try:
        return await load_answers(read, people, context, None)
    except AgencyFailure as failure:
        return dict.fromkeys(people, failure)


def _find_family(person: Nik, household: Household, today: date) -> Iterator[ServiceAudience]:
    born_of = {each.nik: each.birth_date for each in household.members}
    if any(born is not None and is_under_age(born, today) for nik, born in born_of.items() if nik != person):
        yield ServiceAudience.FAMILIES
    born = born_of.get(person)
    if born is not None and (today.year - _OLDER_YEARS, today.month, today.day) >= (born.year, born.month, born.day):
        yield ServiceAudience.OLDER_PEOPLE


def _choose(
    catalogue: ServiceCatalogue, query: OwnServicesQuery, audiences: Sequence[ServiceAudience]
) -> Sequence[OwnService]:
    """Each fitting service once, for the first audience that it is for."""
    chosen: dict[str, OwnService] = {}
    for audience in audiences:
        for each in catalogue.list(query.for_audience(audience)).services:
            chosen.setdefault(each.code, OwnService(person=query.person, service=each, audience=audience))
    return tuple(chosen.values())[: query.first]


def _record_missing(
    context: HubBatchContext, query: OwnServicesQuery, failures: Mapping[MissingPart, AgencyFailure]
) -> None:
    """Name the agencies that did not answer in `extensions.incomplete`."""
    if failures:
        context.routing_log.incomplete.setdefault(services_of, {})[query] = tuple(failures)
