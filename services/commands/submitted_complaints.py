"""The complaints of one agency, with those that people submitted through the hub and that are on their way.

A submitted complaint has its receipt number as its id, before and after the agency numbers it: ids that clients keep
stay valid. Everybody else sees the agency's identifier.
"""

from __future__ import annotations

import re
from asyncio import gather
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, Final, Protocol

from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.failures import AgencyFailure, AgencyUnavailable
from records.complaints import Complaint
from records.hub.commands import SubmittedCommand
from records.identifiers import Nik
from resolvers.complaint_changes import apply_changes, build_pending
from resolvers.complaint_commands import SUBMIT_COMPLAINT
from resolvers.complaints import Complaints
from store.database_timeout import StateUnavailable

_NUMBER: Final = re.compile(r"TT-\d\d-[2-9A-HJ-NP-Z]{10}")
LISTED_WITHIN: Final = timedelta(hours=1)
"""How long the list of an agency may lack a complaint that it accepted. Later, its state is unknown."""


class Submissions(Protocol):
    """Looks up what people submitted to an agency and what it did not refuse."""

    async def list_submitted(
        self, agency: str, kind: str, people: Sequence[Nik], *, asked_at: float
    ) -> Mapping[Nik, Sequence[SubmittedCommand]]:
        """What each person submitted, newest first, and what they change that an answer may lack.

        `asked_at` is when the agency was asked for the answer, on the monotonic clock. Raises `StateUnavailable`.
        """

    async def find_submitted(self, agency: str, kind: str, numbers: Sequence[str]) -> Mapping[str, SubmittedCommand]:
        """Submissions by their numbers; raises `StateUnavailable`."""


class SubmittedComplaints:
    """Answers the domain of complaints for one agency; the reads of others' complaints are those of its connector."""

    def __init__(self, connector: Complaints, agency: str, submissions: Submissions) -> None:
        """`agency` is the code of the connector's agency."""
        self._connector: Any = connector
        self._agency = agency
        self._submissions = submissions

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any other read of the connector
        """The other reads, unchanged."""
        return getattr(self._connector, name)

    async def complaints_of(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Sequence[Complaint]]:
        """The complaints of each person, newest first, with what is on its way."""
        asked_at = monotonic()
        # Beside the agency: the database takes less time. So a failure of one waits for the other.
        results = await gather(
            self._connector.complaints_of(niks, call), self._list_submitted(niks, asked_at), return_exceptions=True
        )
        listed: Answers[Nik, Sequence[Complaint]] = _require(results[0])
        submitted: Mapping[Nik, Sequence[SubmittedCommand]] = _require(results[1])
        # The agency may list under its own number what was still on its way when the database answered.
        moving = [nik for nik in niks if any(_is_on_its_way(each) for each in submitted.get(nik, ()))]
        if moving:
            arrived = await self._list_submitted(moving, asked_at)
            submitted = {nik: each for nik, each in submitted.items() if nik not in moving} | dict(arrived)
        answers = dict(listed)
        for nik, mine in submitted.items():
            answer = listed.get(nik, ())
            if not isinstance(answer, AgencyFailure):
                answers[nik] = _merge(answer, mine)
        return answers

    async def _list_submitted(self, niks: Sequence[Nik], asked_at: float) -> Mapping[Nik, Sequence[SubmittedCommand]]:
        try:
            return await self._submissions.list_submitted(self._agency, SUBMIT_COMPLAINT.name, niks, asked_at=asked_at)
        except StateUnavailable as failure:
            raise AgencyUnavailable(self._agency, f"the hub's own database: {failure}") from None

    async def complaints(self, ids: Sequence[str], call: Call) -> Answers[str, Complaint]:
        """Complaints by their id, which is a receipt number for submitted ones."""
        numbers = [each for each in ids if _NUMBER.fullmatch(each)]
        if not numbers:
            return await self._connector.complaints(ids, call)  # type: ignore[no-any-return]  # of the protocol
        try:
            mine = await self._submissions.find_submitted(self._agency, SUBMIT_COMPLAINT.name, numbers)
        except StateUnavailable as failure:
            raise AgencyUnavailable(self._agency, f"the hub's own database: {failure}") from None
        wanted = {each: mine[each].agency_id if each in mine else each for each in ids}
        asked = [each for each in dict.fromkeys(wanted.values()) if each is not None and not _NUMBER.fullmatch(each)]
        found = await self._connector.complaints(asked, call) if asked else {}
        answers: dict[str, Complaint | AgencyFailure] = {}
        for id_, agency_id in wanted.items():
            answer = None if agency_id is None else found.get(agency_id)
            if isinstance(answer, Complaint) and id_ in mine:
                answer = _join(answer, mine[id_])
            elif answer is None and id_ in mine and mine[id_].payload is not None:
                answer = _build_unlisted(mine[id_])
            if answer is not None:
                answers[id_] = answer
        return answers


def _merge(listed: Sequence[Complaint], commands: Sequence[SubmittedCommand]) -> Sequence[Complaint]:
    """The list of a person with what they submitted, under its receipt numbers, and with what they change."""
    mine = [each for each in commands if each.case == each.number]
    changes = [each for each in commands if each.case != each.number]
    arrived = {each.agency_id: each for each in mine if each.agency_id is not None}
    known = [_join(each, arrived[each.id]) if each.id in arrived else each for each in listed]
    shown = {each.id for each in known}
    pending = [_build_unlisted(each) for each in mine if each.number not in shown and each.payload is not None]
    changed = [apply_changes(each, changes) for each in (*known, *pending)]
    return tuple(sorted(changed, key=lambda each: each.reported_at, reverse=True))


def _require(result: Any) -> Any:  # noqa: ANN401 - of any read
    if isinstance(result, BaseException):
        raise result
    return result


def _is_on_its_way(command: SubmittedCommand) -> bool:
    return command.case == command.number and command.closed_at is None


def _join(listed: Complaint, submitted: SubmittedCommand) -> Complaint:
    """The agency's complaint with the id that its reporter knows, reported when the hub accepted it.

    So its clocks start neither later because the agency could not be reached, nor earlier because its clock is wrong.
    Its reporter is known to the hub, even if the agency names none: rules decide by the person.
    """
    reporter = submitted.subject
    return replace(
        listed,
        id=submitted.number,
        agency_id=listed.id,
        reporter=reporter,
        reported_at=submitted.accepted_at,
        events=tuple(replace(each, reporter=reporter) for each in listed.events),
        comments=tuple(replace(each, reporter=reporter) for each in listed.comments),
        photos=tuple(replace(each, complaint_id=submitted.number, reporter=reporter) for each in listed.photos),
    )


def _build_unlisted(submitted: SubmittedCommand) -> Complaint:
    """The complaint that its agency does not list: it is on its way, or the agency accepted it and then lost it.

    Its reporter sees it in both cases. Its state is null if the agency should list it by now.
    """
    pending = build_pending(submitted)
    closed_at = submitted.closed_at
    if closed_at is None or datetime.now(UTC) - closed_at < LISTED_WITHIN:
        return pending
    return replace(pending, status=None)
