"""Commands about complaints: what their agencies take, and what the hub checks before it accepts one."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from engine.batch import NEVER_ABSENT, batch, load_answers
from engine.command import Command
from records.calls.answers import Answers
from records.calls.failures import AgencyFailure
from records.city_areas import NO_CITY_AREAS, CityAreas
from records.complaint_questions import ComplaintQuestion
from records.complaints import NewComplaint
from records.hub.commands import CommandProblem, CommandProblemCode, CommandReceipt, NewCommand
from records.storable_texts import is_storable
from resolvers.batch_context import HubBatchContext
from resolvers.complaint_answers import find_answer_problem
from resolvers.complaint_photos import check_photos, find_photo_problem
from resolvers.complaint_places import find_place_problem
from resolvers.complaints import Complaints, categories, category_questions
from resolvers.hub.commands import Commands
from resolvers.regions import regions

SUBMIT_COMPLAINT: Final = Command(
    name="submit_complaint",
    domain=Complaints,
    payload=NewComplaint,
)

MAX_DESCRIPTION_LENGTH: Final = 2_000
MAX_ADDRESS_LENGTH: Final = 200
MAX_ANSWER_LENGTH: Final = 1_000
MAX_ANSWERS: Final = 20
"""Maximum number of answers, and of values of each."""


def find_problem(complaint: NewComplaint) -> CommandProblem | None:
    """What is wrong with a complaint in itself."""
    texts = [("description", complaint.description, MAX_DESCRIPTION_LENGTH)]
    texts += [("address", complaint.address, MAX_ADDRESS_LENGTH)] if complaint.address is not None else []
    texts += [("answers", each, MAX_ANSWER_LENGTH) for one in complaint.answers for each in (one.code, *one.values)]
    for field, text, longest in texts:
        if not is_storable(text, longest):
            return CommandProblem(code=CommandProblemCode.INVALID_TEXT, field=field)
    if len(complaint.answers) > MAX_ANSWERS or any(len(each.values) > MAX_ANSWERS for each in complaint.answers):
        return CommandProblem(code=CommandProblemCode.TOO_MANY_VALUES, field="answers")
    return None


@batch(domain=None, depends_on_caller=True, accepts=SUBMIT_COMPLAINT, absent=NEVER_ABSENT)
async def submit_complaints(
    wanted: Sequence[NewCommand], context: HubBatchContext
) -> Answers[NewCommand, CommandReceipt | CommandProblem]:
    """Accept complaints, and check what the list of categories and their questions can tell, if they can be read.

    A complaint is accepted even if the complaint system cannot be reached. It checks category and answers again.
    """
    city = context.agencies.get(CityAreas, NO_CITY_AREAS)
    refused = {
        each: problem
        for each in wanted
        if (
            problem := find_problem(each.payload)
            or find_place_problem(each.payload, city)
            or find_photo_problem(each.uploads)
        )
        is not None
    }
    sound = [each for each in wanted if each not in refused]
    codes = dict.fromkeys(each.region for each in sound if each.region is not None)
    codes_given = list(dict.fromkeys(each.payload.category_code for each in sound))
    places, known, questions = await asyncio.gather(
        load_answers(regions, list(codes), context),
        _load_categories(codes_given, context),
        _load_questions(codes_given, context),
    )
    for each in sound:
        if each.payload.category_code not in known:
            refused[each] = CommandProblem(code=CommandProblemCode.UNKNOWN_CATEGORY, field="categoryCode")
        elif each.region is not None and each.region not in places:
            refused[each] = CommandProblem(code=CommandProblemCode.UNKNOWN_PLACE, field="region")
        elif problem := _find_answer_problem(each.payload, questions):
            refused[each] = problem
    checked = await check_photos([each for each in sound if each not in refused], context)
    whole = {each: command for each, command in checked.items() if isinstance(command, NewCommand)}
    accepted = await context.agencies[Commands].accept(list(whole.values()), context.call)
    answers = {each: accepted[command] for each, command in whole.items()}
    refused |= {each: problem for each, problem in checked.items() if isinstance(problem, CommandProblem)}
    return {**refused, **answers}


async def _load_categories(codes: Sequence[str], context: HubBatchContext) -> Collection[str]:
    """The codes that are categories, or may be: all of them, if the list cannot be read."""
    try:
        return (await load_answers(categories, codes, context)).keys()
    except AgencyFailure:
        return codes


async def _load_questions(codes: Sequence[str], context: HubBatchContext) -> Mapping[str, Sequence[ComplaintQuestion]]:
    """The questions of categories; a category whose questions cannot be read is absent."""
    if not codes or not context.agencies.codes.answers(Complaints, category_questions.domain_read):
        return {}
    try:
        found = await load_answers(category_questions, codes, context)
    except AgencyFailure:
        return {}
    return {code: each for code, each in found.items() if not isinstance(each, AgencyFailure)}


def _find_answer_problem(
    complaint: NewComplaint, questions: Mapping[str, Sequence[ComplaintQuestion]]
) -> CommandProblem | None:
    asked = questions.get(complaint.category_code)
    return None if asked is None else find_answer_problem(complaint.answers, asked)
