"""People and households."""

import pytest

from engine.agencies.bindings import Agencies
from records.calls.failures import AgencyTimeout
from records.population import Citizen, Identity
from resolvers.batch_context import HubBatchContext
from resolvers.population import citizens, households_of, known_citizens, person_facets
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import BUDI, CALL, CALLERS, NOBODY, SITI, household, identity
from tests.resolvers.batch_contexts import build_context


async def test_people_whose_existence_is_certain_are_not_looked_up() -> None:
    city = SmallCity()
    assert await citizens.run([SITI, NOBODY], build_context(city)) == {
        SITI: Citizen(nik=SITI),
        NOBODY: Citizen(nik=NOBODY),
    }
    assert city.calls == []


async def test_people_that_the_register_does_not_know_are_absent() -> None:
    city = SmallCity()
    assert await known_citizens.run([SITI, NOBODY], build_context(city)) == {SITI: Citizen(nik=SITI)}
    assert city.calls == [("dukcapil", "known", (SITI, NOBODY))]


async def test_every_number_counts_as_known_while_the_register_is_down() -> None:
    found = await known_citizens.run([SITI, NOBODY], build_context(SmallCity(failing_agencies={"dukcapil"})))
    assert found == {SITI: Citizen(nik=SITI), NOBODY: Citizen(nik=NOBODY)}


async def test_one_person_counts_as_known_if_the_register_failed_only_for_them() -> None:
    city = SmallCity(failures={NOBODY: AgencyTimeout("dukcapil")})
    found = await known_citizens.run([SITI, NOBODY], build_context(city))
    assert found == {SITI: Citizen(nik=SITI), NOBODY: Citizen(nik=NOBODY)}


async def test_a_programming_error_does_not_count_as_a_register_that_is_down() -> None:
    with pytest.raises(LookupError):
        await known_citizens.run(
            [SITI], HubBatchContext(caller=CALLERS["an official"], call=CALL, agencies=_without_connectors())
        )


def _without_connectors() -> Agencies:
    return Agencies({})


async def test_only_wanted_facets_are_returned() -> None:
    city = SmallCity()
    wanted = HubBatchContext(
        caller=CALLERS["an official"], call=CALL, agencies=city.agencies(), facets=frozenset({Identity})
    )
    assert await person_facets.run([SITI, BUDI], wanted) == {
        SITI: {Identity: identity(SITI)},
        BUDI: {Identity: identity(BUDI)},
    }
    assert city.wanted_facets == [frozenset({Identity})]


async def test_households_by_member() -> None:
    assert await households_of.run([SITI, BUDI], build_context(SmallCity())) == {SITI: household()}
