"""The services that fit a person, by what the city's agencies know."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from auth.policy.children import get_city_date
from engine.agencies.routing_log import MissingPart, RoutingLog
from records.city_services import OwnServicesQuery, ServiceAudience, ServiceCatalogue
from records.identifiers import Nik
from resolvers.city_services import services_of
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import AYU, SITI, household, msme
from tests.records.city_service_samples import service
from tests.resolvers.batch_contexts import build_context

CATALOGUE = ServiceCatalogue([service(each.value, audience=each) for each in ServiceAudience])
OF_ALL = ["residents", "people_with_disabilities", "everyone"]
TODAY = get_city_date()


class Town(SmallCity):
    """A city where Siti lives alone, or with the people that a test names."""

    born: date = date(1990, 6, 5)
    child_born: date | None = None
    owns: bool = False

    async def households(self, niks: Any, _call: Any) -> Any:  # noqa: ANN401 - of the domain
        siti = replace(household().members[0], nik=SITI, birth_date=self.born)
        child = replace(siti, nik=AYU, birth_date=self.child_born)
        members = (siti, child) if self.child_born else (siti,)
        return self._answers("register", "households", niks, {SITI: replace(household(), members=members)})

    async def msmes_of(self, niks: Any, _call: Any) -> Any:  # noqa: ANN401 - of the domain
        return self._answers("shops", "msmes_of", niks, {SITI: (msme(),) if self.owns else ()})


async def list_codes(city: Town, person: Nik = SITI, first: int = 100, search: str = "") -> list[str]:
    context = build_context(city)
    context = replace(context, agencies=context.agencies.extended_with({ServiceCatalogue: CATALOGUE}))
    query = OwnServicesQuery(person=person, first=first, search=search)
    found = await services_of.run([query], context)
    answer = found[query]
    assert not isinstance(answer, Exception)
    return [each.service.code for each in answer]


async def test_a_grown_up_alone_gets_what_is_for_all_people() -> None:
    assert await list_codes(Town()) == OF_ALL


async def test_children_at_home_age_and_a_business_bring_their_services_first() -> None:
    city = Town()
    city.born, city.child_born, city.owns = date(1950, 1, 1), date(TODAY.year - 5, 1, 1), True
    assert await list_codes(city) == ["families", "older_people", "business_owners", *OF_ALL]
    assert await list_codes(city, first=2) == ["families", "older_people"]


@pytest.mark.parametrize(
    ("born", "is_older"),
    [
        (date(TODAY.year - 60, 1, 1), True),
        (date(TODAY.year - 59, 1, 1), False),
        (date(TODAY.year - 61, 12, 31), True),
    ],
)
async def test_a_person_is_older_from_the_sixtieth_birthday(born: date, *, is_older: bool) -> None:
    city = Town()
    city.born = born
    assert ("older_people" in await list_codes(city)) is is_older


async def test_a_register_that_is_down_costs_only_what_follows_from_it_and_is_named() -> None:
    city = Town(failing_agencies={"register"})
    city.owns = True
    context = build_context(city)
    log = RoutingLog()
    context = replace(context, agencies=context.agencies.extended_with({ServiceCatalogue: CATALOGUE}), routing_log=log)
    query = OwnServicesQuery(person=SITI, first=100)
    found = (await services_of.run([query], context))[query]
    assert not isinstance(found, Exception)
    assert [each.service.code for each in found] == ["business_owners", *OF_ALL]
    assert [part.code for part in log.incomplete[services_of][query]] == ["AGENCY_UNAVAILABLE"]
    assert all(isinstance(part, MissingPart) for part in log.incomplete[services_of][query])
