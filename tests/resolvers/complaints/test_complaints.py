"""Complaints by identifier: the agency does not name the reporter, and private complaints stay hidden from others."""

from dataclasses import replace

import pytest

from auth.caller import Caller
from records.calls.answers import Answers
from records.calls.failures import AgencyTimeout, AgencyUnavailable
from records.complaints import Complaint
from records.identifiers import Nik
from resolvers.complaints import complaints, complaints_of
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import BUDI, CALLERS, PRIVATE, PUBLIC, SITI, complaint
from tests.resolvers.batch_contexts import build_context

OWN = ("crm", "complaints_of", (SITI,))
BY_ID = ("crm", "complaints", (PUBLIC, PRIVATE))


@pytest.mark.parametrize(
    ("caller", "found", "asked"),
    [
        ("anonymous", {PUBLIC}, [BY_ID]),
        ("another citizen", {PUBLIC}, [BY_ID, ("crm", "complaints_of", (BUDI,))]),
        ("the person", {PUBLIC, PRIVATE}, [BY_ID, OWN]),
        ("an official", {PUBLIC, PRIVATE}, [BY_ID]),
    ],
)
async def test_a_private_complaint_is_unknown_to_all_but_its_reporter_and_officials(
    caller: str, found: set[str], asked: list[object]
) -> None:
    city = SmallCity()
    answers = await complaints.run([PUBLIC, PRIVATE], build_context(city, CALLERS[caller]))
    assert set(answers) == found
    assert city.calls == asked


async def test_the_reporter_gets_their_own_complaint() -> None:
    answers = await complaints.run([PRIVATE], build_context(SmallCity(), CALLERS["the person"]))
    assert answers[PRIVATE] == complaint(PRIVATE, public=False, reporter=SITI)


async def test_public_complaints_are_not_looked_up_among_the_callers_own() -> None:
    city = SmallCity()
    await complaints.run([PUBLIC], build_context(city, CALLERS["the person"]))
    assert city.calls == [("crm", "complaints", (PUBLIC,))]


async def test_a_failure_of_one_complaint_affects_only_that_one() -> None:
    timeout = AgencyTimeout("crm")
    answers = await complaints.run(
        [PUBLIC, "9"], build_context(SmallCity(failures={"9": timeout}), CALLERS["anonymous"])
    )
    assert answers == {PUBLIC: complaint(PUBLIC, public=True), "9": timeout}


class CityWithFailingReporterSearch(SmallCity):
    """An agency that answers by identifier, and fails by reporter."""

    async def complaints_of(self, _niks: object, _call: object) -> Answers[Nik, tuple[Complaint, ...]]:
        raise AgencyUnavailable("crm")


async def test_if_the_callers_own_complaints_fail_private_ones_fail_and_public_ones_answer() -> None:
    answers = await complaints.run(
        [PUBLIC, PRIVATE], build_context(CityWithFailingReporterSearch(), CALLERS["the person"])
    )
    assert answers[PUBLIC] == complaint(PUBLIC, public=True)
    assert isinstance(answers[PRIVATE], AgencyUnavailable)


async def test_if_only_the_callers_own_complaints_fail_the_private_ones_fail() -> None:
    city = SmallCity(failures={SITI: AgencyTimeout("crm")})
    answers = await complaints.run([PUBLIC, PRIVATE], build_context(city, CALLERS["the person"]))
    assert isinstance(answers[PRIVATE], AgencyTimeout)
    assert isinstance(answers[PUBLIC], Complaint)


async def test_a_complaint_that_became_private_meanwhile_is_not_shown_to_others() -> None:
    became_private = replace(complaint(PUBLIC, public=True), is_public=False)

    class Changed(SmallCity):
        async def complaints(self, _ids: object, _call: object) -> Answers[str, Complaint]:
            return {PUBLIC: became_private}

    stranger: Caller = CALLERS["another citizen"]
    assert await complaints.run([PUBLIC], build_context(Changed(), stranger)) == {}


async def test_complaints_of_people_come_in_one_call() -> None:
    city = SmallCity()
    answers = await complaints_of.run([SITI, BUDI], build_context(city))
    assert set(answers) == {SITI}
    assert city.calls == [("crm", "complaints_of", (SITI, BUDI))]
