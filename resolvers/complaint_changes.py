"""What a person's open commands change of complaints: the person sees it before the agency has it, and nobody else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from records.complaint_photos import build_stored_source
from records.complaints import (
    Complaint,
    ComplaintComment,
    ComplaintEvent,
    ComplaintPhoto,
    ComplaintPublishing,
    ComplaintStatus,
    ComplaintSupport,
    ComplaintVisibility,
    ComplaintWithdrawal,
    NewComplaint,
    NewComplaintComment,
    ResolutionRating,
)
from records.hub.commands import CommandReceipt, SubmittedCommand


def apply_changes(complaint: Complaint, commands: Sequence[SubmittedCommand]) -> Complaint:
    """The complaint as the person sees it who gave the commands. It stays as private as it is."""
    for each in sorted(commands, key=lambda one: one.accepted_at):
        if each.case in {complaint.id, complaint.agency_id}:
            complaint = _apply(complaint, each)
    return complaint


def _apply(complaint: Complaint, command: SubmittedCommand) -> Complaint:
    match command.payload:
        case ComplaintPublishing():
            return replace(complaint, visibility=ComplaintVisibility.PUBLIC)
        case ComplaintSupport():
            return replace(complaint, support_count=complaint.support_count + 1)
        case NewComplaintComment(text=text):
            comment = ComplaintComment(
                at=command.accepted_at,
                text=text,
                by_reporter=None if complaint.reporter is None else complaint.reporter == command.subject,
                complaint_is_public=complaint.is_public,
                reporter=complaint.reporter,
            )
            return replace(complaint, comments=(*complaint.comments, comment))
        case ResolutionRating(rating=rating):
            return replace(complaint, rating=rating)
        case ComplaintWithdrawal():
            return replace(complaint, status=ComplaintStatus.WITHDRAWN, resolved_at=command.accepted_at)
        case _:
            return complaint


def build_pending(submitted: CommandReceipt | SubmittedCommand) -> Complaint:
    """The complaint as its reporter submitted it."""
    written: NewComplaint = submitted.payload
    accepted = ComplaintEvent(
        sequence=1,
        at=submitted.accepted_at,
        status=ComplaintStatus.WAITING,
        note=None,
        agency=None,
        complaint_is_public=False,
        reporter=submitted.subject,
    )
    return Complaint(
        id=submitted.number,
        number=None,
        reporter=submitted.subject,
        is_public=False,
        category_code=written.category_code,
        category_name=None,
        description=written.description,
        status=ComplaintStatus.WAITING,
        responsible_agency=None,
        address=written.address,
        coordinates=written.coordinates,
        region_code=written.region_code,
        reported_at=submitted.accepted_at,
        updated_at=None,
        due_at=None,
        read_at=datetime.now(UTC),
        photos=_list_waiting_photos(submitted),
        events=(accepted,),
        delivery=submitted.state,
    )


def _list_waiting_photos(submitted: CommandReceipt | SubmittedCommand) -> tuple[ComplaintPhoto, ...]:
    """Photos in the hub's store; none after the delivery, which removes them."""
    if submitted.closed_at is not None:
        return ()
    return tuple(
        ComplaintPhoto(
            agency=submitted.agency,
            complaint_id=submitted.number,
            source=build_stored_source(submitted.number, position),
            alternative_text=each.alternative_text,
            width=each.width,
            height=each.height,
            complaint_is_public=False,
            reporter=submitted.subject,
        )
        for position, each in enumerate(submitted.payload.photos)
    )
