"""The complaints of one agency, with those that people submitted through the hub and that are on their way.

A submitted complaint has its receipt number as its id, before and after the agency numbers it: ids that clients keep
stay valid. Everybody else sees the agency's identifier.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.failures import AgencyFailure, AgencyUnavailable
from records.command_state import CommandState
from records.complaints import Complaint, ComplaintEvent, ComplaintStatus, NewComplaint
from records.hub.commands import CommandReceipt
from records.identifiers import Nik
from resolvers.complaint_commands import SUBMIT_COMPLAINT
from resolvers.complaints import Complaints
from store.database_timeout import StateUnavailable

_NUMBER: Final = re.compile(r"TT-\d\d-[2-9A-HJ-NP-Z]{10}")
LISTED_WITHIN: Final = timedelta(hours=1)
"""How long the list of an agency may lack a complaint that it accepted. Later, it was deleted there."""


class Receipts(Protocol):
    """Looks up what people submitted."""

    async def list_receipts(self, subject: Nik) -> Sequence[CommandReceipt]:
        """The commands of a person, newest first; raises `StateUnavailable`."""

    async def find_receipts(self, numbers: Sequence[str]) -> Mapping[str, CommandReceipt]:
        """Receipts by their numbers; raises `StateUnavailable`."""


class SubmittedComplaints:
    """Answers the domain of complaints for one agency; the reads of others' complaints are those of its connector."""

    def __init__(self, connector: Complaints, agency: str, receipts: Receipts) -> None:
        """`agency` is the code of the connector's agency."""
        self._connector: Any = connector
        self._agency = agency
        self._receipts = receipts

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any other read of the connector
        """The other reads, unchanged."""
        return getattr(self._connector, name)

    async def complaints_of(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Sequence[Complaint]]:
        """The complaints of each person, newest first, with those that are on their way."""
        found = await self._connector.complaints_of(niks, call)
        answers: dict[Nik, Sequence[Complaint] | AgencyFailure] = {}
        for nik in niks:
            listed = found.get(nik, ())
            try:
                receipts = () if isinstance(listed, AgencyFailure) else await self._receipts.list_receipts(nik)
            except StateUnavailable as failure:
                listed, receipts = AgencyUnavailable(self._agency, f"the hub's own database: {failure}"), ()
            answers[nik] = listed if isinstance(listed, AgencyFailure) else self._merge(listed, receipts)
        return {nik: answer for nik, answer in answers.items() if answer}

    async def complaints(self, ids: Sequence[str], call: Call) -> Answers[str, Complaint]:
        """Complaints by their id, which is a receipt number for submitted ones."""
        numbers = [each for each in ids if _NUMBER.fullmatch(each)]
        if not numbers:
            return await self._connector.complaints(ids, call)  # type: ignore[no-any-return]  # of the protocol
        try:
            receipts = await self._receipts.find_receipts(numbers)
        except StateUnavailable as failure:
            raise AgencyUnavailable(self._agency, f"the hub's own database: {failure}") from None
        mine = {number: each for number, each in receipts.items() if self._is_mine(each)}
        wanted = {each: mine[each].agency_id if each in mine else each for each in ids}
        asked = [each for each in dict.fromkeys(wanted.values()) if each is not None and not _NUMBER.fullmatch(each)]
        found = await self._connector.complaints(asked, call) if asked else {}
        answers: dict[str, Complaint | AgencyFailure] = {}
        for id_, agency_id in wanted.items():
            answer = None if agency_id is None else found.get(agency_id)
            if isinstance(answer, Complaint) and id_ in mine:
                answer = _join(answer, mine[id_])
            elif answer is None and id_ in mine and _is_shown(mine[id_]):
                answer = _build_pending(mine[id_])
            if answer is not None:
                answers[id_] = answer
        return answers

    def _is_mine(self, receipt: CommandReceipt) -> bool:
        return receipt.agency == self._agency and receipt.kind == SUBMIT_COMPLAINT.name

    def _merge(self, listed: Sequence[Complaint], receipts: Sequence[CommandReceipt]) -> Sequence[Complaint]:
        mine = [each for each in receipts if self._is_mine(each)]
        arrived = {each.agency_id: each for each in mine if each.agency_id is not None}
        if not mine:
            return listed
        known = [_join(each, arrived[each.id]) if each.id in arrived else each for each in listed]
        shown = {each.id for each in known}
        pending = [_build_pending(each) for each in mine if each.number not in shown and _is_shown(each)]
        return tuple(sorted((*known, *pending), key=lambda each: each.reported_at, reverse=True))


def _join(listed: Complaint, receipt: CommandReceipt) -> Complaint:
    """The agency's complaint with the id that its reporter knows, reported when the hub accepted it.

    So its clocks do not start later because the agency could not be reached.
    """
    return replace(listed, id=receipt.number, reported_at=min(listed.reported_at, receipt.accepted_at))


def _is_shown(receipt: CommandReceipt) -> bool:
    """Whether a complaint that its agency does not list is shown."""
    if receipt.payload is None or receipt.state is CommandState.REJECTED:
        return False
    return receipt.closed_at is None or datetime.now(UTC) - receipt.closed_at < LISTED_WITHIN


def _build_pending(receipt: CommandReceipt) -> Complaint:
    """The complaint as its reporter submitted it."""
    written: NewComplaint = receipt.payload
    accepted = ComplaintEvent(
        sequence=1,
        at=receipt.accepted_at,
        status=ComplaintStatus.WAITING,
        note=None,
        agency=None,
        complaint_is_public=False,
        reporter=receipt.subject,
    )
    return Complaint(
        id=receipt.number,
        number=None,
        reporter=receipt.subject,
        is_public=False,
        category_code=written.category_code,
        category_name=None,
        description=written.description,
        status=ComplaintStatus.WAITING,
        responsible_agency=None,
        address=written.address,
        coordinates=written.coordinates,
        region_code=written.region_code,
        reported_at=receipt.accepted_at,
        updated_at=None,
        due_at=None,
        read_at=datetime.now(UTC),
        photo_url=None,
        events=(accepted,),
        delivery=receipt.state,
    )
