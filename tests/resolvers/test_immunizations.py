"""Vaccinations of people, through their numbers in the health register."""

from __future__ import annotations

from records.calls.failures import AgencyTimeout
from resolvers.immunizations import immunizations_of, vaccination_appointments_of
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import AYU, BUDI, SITI
from tests.resolvers.batch_contexts import build_context
from tests.resolvers.health_register import HealthCity, vaccination


async def test_the_numbers_of_all_people_are_one_call_and_their_vaccinations_another() -> None:
    city = HealthCity()
    assert await immunizations_of.run([SITI, AYU, BUDI], build_context(city)) == {
        SITI: (
            vaccination("P01-2", "2023-02", nik=SITI),
            vaccination("P01-0", "2019", nik=SITI),
            vaccination("P01-1", None, nik=SITI),
        ),
        AYU: (vaccination("P02-1", "2013", nik=AYU), vaccination("P02-0", "2012-08-01", nik=AYU)),
    }
    assert city.calls == [
        ("satusehat", "patients", (SITI, AYU, BUDI)),
        ("satusehat", "immunizations_of", ("P01", "P02")),
    ]


async def test_nobody_in_the_register_costs_no_second_call() -> None:
    city = HealthCity()
    assert await immunizations_of.run([BUDI], build_context(city)) == {}
    assert city.calls == [("satusehat", "patients", (BUDI,))]


async def test_a_number_that_cannot_be_found_and_a_list_that_cannot_be_read_fail_for_one_person() -> None:
    timeout = AgencyTimeout("satusehat")
    found = await immunizations_of.run([SITI, AYU], build_context(HealthCity(failures={SITI: timeout})))
    assert (found[SITI], len(found[AYU])) == (timeout, 2)  # type: ignore[arg-type]  # a list, here
    found = await immunizations_of.run([SITI, AYU], build_context(HealthCity(failures={"P02": timeout})))
    assert (len(found[SITI]), found[AYU]) == (3, timeout)  # type: ignore[arg-type]  # a list, here


async def test_appointments_are_found_in_the_same_way() -> None:
    city = SmallCity()
    [[found]] = (await vaccination_appointments_of.run([SITI], build_context(city))).values()  # type: ignore[misc]  # a list, here
    assert found.patient_nik == SITI
    assert [question for _, question, _ in city.calls] == ["patients", "appointments_of"]
