"""Schools and pupils: the domain protocol and its batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from engine.batch import batch, forward
from records.calls.answers import Answers, keep_date
from records.calls.call import Call
from records.calls.failures import AgencyFailure
from records.education import KjpAccount, School, Student
from records.identifiers import Nik
from records.regions import PlaceQuery
from resolvers.batch_context import HubBatchContext
from resolvers.caching import ABOUT_OWNER, ABOUT_PERSON, PUBLIC


class Education(Protocol):
    """The domain of schools and pupils. A manifest binds an agency to it."""

    async def schools(self, npsns: Sequence[str], call: Call) -> Answers[str, School]:
        """Schools by their national number."""

    async def school_lists(self, queries: Sequence[PlaceQuery], call: Call) -> Answers[PlaceQuery, Sequence[School]]:
        """Pages of schools, by text and place."""

    async def students_of(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Sequence[Student]]:
        """The enrolments of each person, newest first."""

    async def kjp_accounts_of(self, nisns: Sequence[str], call: Call) -> Answers[str, Sequence[KjpAccount]]:
        """The KJP Plus accounts of each pupil, newest round first."""


class StudentKey(NamedTuple):
    """A pupil. The person is in the key so that access can be decided before the call."""

    owner: Nik
    nisn: str


schools = forward(Education, Education.schools, caching=PUBLIC)
school_lists = forward(Education, Education.school_lists, absent=(), caching=PUBLIC)
students_of = forward(Education, Education.students_of, absent=(), caching=ABOUT_PERSON)


@batch(domain=Education, absent=(), caching=ABOUT_OWNER)
async def kjp_accounts_of(
    keys: Sequence[StudentKey], context: HubBatchContext
) -> Answers[StudentKey, Sequence[KjpAccount]]:
    """The KJP Plus accounts of each pupil. Those of another person under the same number are left out."""
    found = await context.agencies[Education].kjp_accounts_of(
        list(dict.fromkeys(key.nisn for key in keys)), context.call
    )
    answers: dict[StudentKey, Sequence[KjpAccount] | AgencyFailure] = {}
    for key in keys:
        accounts = found.get(key.nisn, ())
        if isinstance(accounts, AgencyFailure):
            answers[key] = accounts
        else:
            answers[key] = tuple(each for each in accounts if each.owner == key.owner)
    return keep_date(answers, found)
