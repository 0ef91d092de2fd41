"""Commands that follow a complaint: publish, support, comment, rate, withdraw; and who may give them.

The hub checks what it and the agency know now. The agency checks again when the command is delivered. A command about
a complaint that is not delivered yet waits for it, because both have the same case.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from engine.agencies.agency_routing import RoutedKey
from engine.batch import NEVER_ABSENT, batch, load_answers
from engine.command import Command
from records.calls.answers import Answers
from records.calls.failures import AgencyFailure
from records.command_state import CommandState
from records.complaints import (
    Complaint,
    ComplaintPublication,
    ComplaintPublishing,
    ComplaintStatus,
    ComplaintSupport,
    ComplaintVisibility,
    ComplaintWithdrawal,
    NewComplaintComment,
    ResolutionRating,
)
from records.hub.commands import CommandProblem, CommandProblemCode, CommandReceipt, NewCommand
from records.storable_texts import is_storable
from resolvers.batch_context import HubBatchContext
from resolvers.complaint_changes import build_pending
from resolvers.complaint_commands import SUBMIT_COMPLAINT
from resolvers.complaints import Complaints, complaints_of, public_complaints
from resolvers.hub.commands import Commands, receipts_of
from resolvers.hub.confirmations import Confirmations
from resolvers.reporter_age import is_reporter_a_child

PUBLISH_COMPLAINT: Final = Command(
    name="publish_complaint", domain=Complaints, payload=ComplaintPublishing, has_case=True
)
SUPPORT_COMPLAINT: Final = Command(name="support_complaint", domain=Complaints, payload=ComplaintSupport, has_case=True)
COMMENT_COMPLAINT: Final = Command(
    name="comment_complaint", domain=Complaints, payload=NewComplaintComment, has_case=True
)
RATE_RESOLUTION: Final = Command(name="rate_resolution", domain=Complaints, payload=ResolutionRating, has_case=True)
WITHDRAW_COMPLAINT: Final = Command(
    name="withdraw_complaint", domain=Complaints, payload=ComplaintWithdrawal, has_case=True
)
FOLLOW_UPS: Final = frozenset(
    each.name for each in (PUBLISH_COMPLAINT, SUPPORT_COMPLAINT, COMMENT_COMPLAINT, RATE_RESOLUTION, WITHDRAW_COMPLAINT)
)
MAX_COMMENT_LENGTH: Final = 1_000
MAX_RATING: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicationRequest:
    """A command to publish, with the confirmation of the first step; without it, this is the first step."""

    command: NewCommand
    confirmation: str | None


Answer = CommandReceipt | CommandProblem
_UNKNOWN: Final = CommandProblem(code=CommandProblemCode.UNKNOWN_COMPLAINT, field="id")
_OWN: Final = CommandProblem(code=CommandProblemCode.OWN_COMPLAINT, field="id")
_DONE: Final = CommandProblem(code=CommandProblemCode.ALREADY_DONE)
_CHILD: Final = CommandProblem(code=CommandProblemCode.CHILD_NOT_PUBLIC, field="id")


@dataclass(frozen=True, slots=True, kw_only=True)
class _FollowUp:
    """A command, and what the hub knows of its complaint."""

    command: NewCommand
    """Its case is the receipt number, if the person submitted the complaint through the hub."""
    submission: CommandReceipt | None
    """The receipt of that complaint."""
    is_repeated: bool
    """Whether the person gave such a command about the complaint before."""
    context: HubBatchContext

    async def find_own(self) -> Complaint | None:
        """The complaint among those that the person reported. Raises `AgencyFailure`.

        If its agency fails, it is what the person submitted through the hub, in an unknown state.
        """
        key = self._route(self.command.subject)
        try:
            listed = (await load_answers(complaints_of, [key], self.context)).get(key, ())
        except AgencyFailure as failure:
            listed = failure
        if not isinstance(listed, AgencyFailure):
            return next((each for each in listed if self.command.case in {each.id, each.agency_id}), None)
        made = self.submission
        if made is None or made.payload is None or made.state is CommandState.REJECTED:
            raise listed
        return replace(build_pending(made), status=None)

    async def find_public(self) -> Complaint | None:
        """The complaint, if everybody may see it. Raises `AgencyFailure`."""
        key = self._route(self.command.case)
        found = (await load_answers(public_complaints, [key], self.context)).get(key)
        if isinstance(found, AgencyFailure):
            raise found
        return found

    def _route(self, key: Any) -> Any:  # noqa: ANN401 - any key
        """The key for the agency of the complaint, if several answer."""
        agency = self.command.agency
        return RoutedKey(key, (agency,)) if agency and Complaints in self.context.agencies.routers else key


def find_obstacle(command: str, own: Complaint, *, is_repeated: bool) -> CommandProblemCode | None:
    """Why the reporter cannot give a command about their complaint now; None if they can."""
    if command == COMMENT_COMPLAINT.name:
        return None
    is_done = {
        PUBLISH_COMPLAINT.name: own.visibility is ComplaintVisibility.PUBLIC,
        RATE_RESOLUTION.name: own.rating is not None,
    }
    if is_repeated or is_done.get(command, False):
        return CommandProblemCode.ALREADY_DONE
    if command == RATE_RESOLUTION.name and own.status not in {None, ComplaintStatus.RESOLVED}:
        return CommandProblemCode.NOT_RESOLVED
    is_closed = command == WITHDRAW_COMPLAINT.name and own.resolved_at is not None
    return CommandProblemCode.NOT_OPEN if is_closed else None


Check = Callable[[_FollowUp], Awaitable[CommandProblem | None]]
"""Why a command cannot be accepted; None if it can. Raises `AgencyFailure`."""


@batch(domain=None, depends_on_caller=True, accepts=SUPPORT_COMPLAINT, absent=NEVER_ABSENT)
async def support_complaints(wanted: Sequence[NewCommand], context: HubBatchContext) -> Answers[NewCommand, Answer]:
    """Accept support for public complaints of other people, once for each person."""
    return await _accept_each(wanted, context, _check_support)


@batch(domain=None, depends_on_caller=True, accepts=COMMENT_COMPLAINT, absent=NEVER_ABSENT)
async def comment_complaints(wanted: Sequence[NewCommand], context: HubBatchContext) -> Answers[NewCommand, Answer]:
    """Accept comments on own complaints, and on public ones."""
    return await _accept_each(wanted, context, _check_comment)


@batch(domain=None, depends_on_caller=True, accepts=RATE_RESOLUTION, absent=NEVER_ABSENT)
async def rate_resolutions(wanted: Sequence[NewCommand], context: HubBatchContext) -> Answers[NewCommand, Answer]:
    """Accept ratings of own resolved complaints, once for each."""
    return await _accept_each(wanted, context, _check_state)


@batch(domain=None, depends_on_caller=True, accepts=WITHDRAW_COMPLAINT, absent=NEVER_ABSENT)
async def withdraw_complaints(wanted: Sequence[NewCommand], context: HubBatchContext) -> Answers[NewCommand, Answer]:
    """Accept withdrawals of own open complaints."""
    return await _accept_each(wanted, context, _check_state)


@batch(domain=None, depends_on_caller=True, accepts=PUBLISH_COMPLAINT, absent=NEVER_ABSENT)
async def publish_complaints(
    wanted: Sequence[PublicationRequest], context: HubBatchContext
) -> Answers[PublicationRequest, Answer | ComplaintPublication]:
    """Show what everybody would see of an own complaint, or accept its publication with the confirmation of that."""
    answers: dict[PublicationRequest, Answer | ComplaintPublication | AgencyFailure] = {}
    for each in wanted:
        try:
            answers[each] = await _publish(each, context)
        except AgencyFailure as failure:
            answers[each] = failure
    return answers


async def _accept_each(
    wanted: Sequence[NewCommand], context: HubBatchContext, check: Check
) -> Answers[NewCommand, Answer]:
    answers: dict[NewCommand, Answer | AgencyFailure] = {}
    for each in wanted:
        problem = find_input_problem(each)
        try:
            answers[each] = problem or await _accept(await _prepare(each, context), check)
        except AgencyFailure as failure:
            answers[each] = failure
    return answers


def find_input_problem(wanted: NewCommand) -> CommandProblem | None:
    """What is wrong with the texts and numbers of a command in themselves."""
    texts: dict[str, str | None] = {}
    match wanted.payload:
        case NewComplaintComment(text=text):
            texts = {"text": text}
        case ResolutionRating(rating=rating, text=text):
            texts = {"text": text}
            if not 1 <= rating <= MAX_RATING:
                return CommandProblem(code=CommandProblemCode.INVALID_RATING, field="rating")
        case ComplaintWithdrawal(reason=reason):
            texts = {"reason": reason}
    for field, text in texts.items():
        if text is not None and not is_storable(text, MAX_COMMENT_LENGTH):
            return CommandProblem(code=CommandProblemCode.INVALID_TEXT, field=field)
    return None


async def _prepare(wanted: NewCommand, context: HubBatchContext) -> _FollowUp:
    """Find the person's submission of the complaint, whose number is the case, and earlier commands about it."""
    receipts = (await load_answers(receipts_of, [wanted.subject], context)).get(wanted.subject, ())
    if isinstance(receipts, AgencyFailure):
        raise receipts
    at_agency = [each for each in receipts if wanted.agency in {None, each.agency}]
    made = [each for each in at_agency if each.kind == SUBMIT_COMPLAINT.name]
    submission = next((each for each in made if wanted.case in {each.number, each.agency_id}), None)
    if submission is not None:
        wanted = replace(wanted, case=submission.number, agency=submission.agency)
    is_repeated = any(
        (each.kind, each.case) == (wanted.name, wanted.case) and each.state is not CommandState.REJECTED
        for each in at_agency
    )
    return _FollowUp(command=wanted, submission=submission, is_repeated=is_repeated, context=context)


async def _accept(asked: _FollowUp, check: Check) -> Answer:
    """Accept a command, unless something is wrong. A repetition with the same key has its former receipt."""
    commands, call = asked.context.agencies[Commands], asked.context.call
    repeated = (await commands.find_repeated([asked.command], call)).get(asked.command)
    answer = repeated or await check(asked)
    if answer is None:
        answer = (await commands.accept([asked.command], call))[asked.command]
    if isinstance(answer, AgencyFailure):
        raise answer
    return answer


async def _check_support(asked: _FollowUp) -> CommandProblem | None:
    if asked.is_repeated:
        return _DONE
    if asked.submission is not None:
        return _OWN
    if await asked.find_public() is None:
        return _UNKNOWN
    return None if await asked.find_own() is None else _OWN


async def _check_comment(asked: _FollowUp) -> CommandProblem | None:
    if asked.submission is not None:
        return _UNKNOWN if asked.submission.state is CommandState.REJECTED else None
    if await asked.find_public() is not None:
        return _CHILD if await is_reporter_a_child(asked.command.subject, asked.context) else None
    return _UNKNOWN if await asked.find_own() is None else None


async def _check_state(asked: _FollowUp) -> CommandProblem | None:
    """What the state of the own complaint says against a command."""
    if asked.is_repeated:
        return _DONE
    if (own := await asked.find_own()) is None:
        return _UNKNOWN
    code = find_obstacle(asked.command.name, own, is_repeated=False)
    return None if code is None else CommandProblem(code=code)


async def _publish(wanted: PublicationRequest, context: HubBatchContext) -> Answer | ComplaintPublication:
    asked = await _prepare(wanted.command, context)
    if wanted.confirmation is not None:
        return await _accept(asked, lambda one: _check_confirmation(one, wanted.confirmation or ""))
    shown = await _find_shown(asked)
    if isinstance(shown, CommandProblem):
        return shown
    code = context.agencies[Confirmations].build_code(asked.command.subject, _describe_content(asked, shown))
    return replace(shown, confirmation=code)


async def _check_confirmation(asked: _FollowUp, code: str) -> CommandProblem | None:
    shown = await _find_shown(asked)
    if isinstance(shown, CommandProblem):
        return shown
    confirmations, content = asked.context.agencies[Confirmations], _describe_content(asked, shown)
    if confirmations.is_valid(code, asked.command.subject, content):
        return None
    return CommandProblem(code=CommandProblemCode.CONFIRMATION_INVALID, field="confirmation")


async def _find_shown(asked: _FollowUp) -> ComplaintPublication | CommandProblem:
    """What everybody would see, without a confirmation; or why the person cannot publish it."""
    if asked.is_repeated:
        return _DONE
    if (own := await asked.find_own()) is None:
        return _UNKNOWN
    if find_obstacle(asked.command.name, own, is_repeated=False) is not None:
        return _DONE
    if await is_reporter_a_child(asked.command.subject, asked.context):
        return _CHILD
    return ComplaintPublication(
        description=own.description,
        address=own.address,
        coordinates=own.coordinates,
        photo_count=_count_photos(own, asked.submission),
        confirmation="",
    )


def _count_photos(own: Complaint, submission: CommandReceipt | None) -> int:
    """As many as the person submitted; of a complaint from another channel, those that the agency lists."""
    if submission is not None and submission.payload is not None:
        return len(submission.payload.photos)
    return len(own.photos)


def _describe_content(asked: _FollowUp, shown: ComplaintPublication) -> str:
    """The complaint and what is shown of it, for the code."""
    point = shown.coordinates
    place = None if point is None else [point.latitude, point.longitude]
    parts = [asked.command.agency, asked.command.case, shown.description, shown.address, place, shown.photo_count]
    return json.dumps(parts)
