"""A child's words are never shown to everybody: by the identity number, or by the population register."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from auth.policy.children import get_city_date
from records.complaints import ComplaintPublication, ComplaintPublishing, NewComplaintComment
from records.hub.commands import CommandProblem, CommandProblemCode, NewCommand
from records.identifiers import Nik
from records.population import Identity
from resolvers.complaint_follow_ups import (
    COMMENT_COMPLAINT,
    PUBLISH_COMPLAINT,
    PublicationRequest,
    comment_complaints,
    publish_complaints,
)
from resolvers.reporter_age import is_reporter_a_child
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import AYU, PRIVATE, PUBLIC, SITI, complaint, facets, identity
from tests.resolvers.batch_contexts import build_context

CHILD_NOT_PUBLIC = CommandProblem(code=CommandProblemCode.CHILD_NOT_PUBLIC, field="id")
EIGHTEEN = date(get_city_date().year - 18, 1, 1)


class CityOfAges(SmallCity):
    """A city whose register says that everybody was born on a day, and that has complaints of everybody."""

    born: date | None = date(1990, 6, 5)

    async def load_facets(self, niks: Any, wanted: Any, call: Any) -> Any:  # noqa: ANN401 - of the domain
        await super().load_facets(niks, wanted, call)
        return {nik: {**facets(nik), Identity: replace(identity(nik), birth_date=self.born)} for nik in niks}

    async def complaints_of(self, niks: Any, _call: Any) -> Any:  # noqa: ANN401 - of the domain
        return {nik: (complaint(PRIVATE, public=False, reporter=nik),) for nik in niks}


def build_city(born: date | None) -> CityOfAges:
    city = CityOfAges()
    city.born = born
    return city


@pytest.mark.parametrize(
    ("nik", "born", "expected"),
    [
        (AYU, date(1990, 6, 5), True),
        (SITI, date(1990, 6, 5), False),
        (SITI, EIGHTEEN, False),
        (SITI, get_city_date() - timedelta(days=17 * 365), True),
        (SITI, None, False),
    ],
)
async def test_a_child_is_one_by_the_number_or_by_the_register(nik: Nik, born: date | None, *, expected: bool) -> None:
    assert await is_reporter_a_child(nik, build_context(build_city(born))) is expected


async def test_only_the_identity_is_read_and_only_if_the_number_does_not_tell() -> None:
    city = build_city(date(1990, 6, 5))
    await is_reporter_a_child(AYU, build_context(city))
    assert city.calls == []
    await is_reporter_a_child(SITI, build_context(city))
    assert city.wanted_facets == [frozenset({Identity})]


async def test_without_the_register_the_number_decides() -> None:
    city = SmallCity(failing_agencies={"dukcapil"})
    assert await is_reporter_a_child(AYU, build_context(city)) is True
    assert await is_reporter_a_child(SITI, build_context(city)) is False


@pytest.mark.parametrize("confirmation", [None, "any"])
async def test_a_child_cannot_publish_a_complaint(confirmation: str | None) -> None:
    city = build_city(date(1990, 6, 5))
    command = NewCommand(subject=AYU, key="1", name=PUBLISH_COMPLAINT.name, payload=ComplaintPublishing(), case=PRIVATE)
    wanted = PublicationRequest(command=command, confirmation=confirmation)
    assert await publish_complaints.run([wanted], build_context(city)) == {wanted: CHILD_NOT_PUBLIC}
    assert city.accepted_commands == []


async def test_an_adult_is_shown_what_they_would_publish() -> None:
    command = NewCommand(
        subject=SITI, key="1", name=PUBLISH_COMPLAINT.name, payload=ComplaintPublishing(), case=PRIVATE
    )
    wanted = PublicationRequest(command=command, confirmation=None)
    found = await publish_complaints.run([wanted], build_context(build_city(date(1990, 6, 5))))
    assert isinstance(found[wanted], ComplaintPublication)


@pytest.mark.parametrize(
    ("nik", "case", "accepted"), [(AYU, PUBLIC, False), (AYU, PRIVATE, True), (SITI, PUBLIC, True)]
)
async def test_a_child_comments_on_private_complaints_only(nik: Nik, case: str, *, accepted: bool) -> None:
    city = build_city(date(1990, 6, 5))
    payload = NewComplaintComment(text="Masih rusak.")
    command = NewCommand(subject=nik, key="1", name=COMMENT_COMPLAINT.name, payload=payload, case=case)
    found = await comment_complaints.run([command], build_context(city))
    assert (found[command] == CHILD_NOT_PUBLIC) is not accepted
    assert bool(city.accepted_commands) is accepted
