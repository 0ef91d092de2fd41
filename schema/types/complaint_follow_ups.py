"""Commands that follow a complaint: publish, support, comment, rate, withdraw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any, Final

import strawberry

from auth.caller import Caller
from auth.policy.rules import Rule
from engine.batch import Batch
from engine.command import Command
from records.complaints import (
    ComplaintPublication,
    ComplaintPublishing,
    ComplaintSupport,
    ComplaintWithdrawal,
    NewComplaintComment,
    ResolutionRating,
)
from records.hub.commands import NewCommand
from records.identifiers import Nik
from records.languages import Language
from resolvers.complaint_follow_ups import (
    COMMENT_COMPLAINT,
    PUBLISH_COMPLAINT,
    RATE_RESOLUTION,
    SUPPORT_COMPLAINT,
    WITHDRAW_COMPLAINT,
    PublicationRequest,
    comment_complaints,
    publish_complaints,
    rate_resolutions,
    support_complaints,
    withdraw_complaints,
)
from resolvers.complaints import Complaints
from schema.declarations.additions import adds_to_mutation
from schema.declarations.fields import derived, root
from schema.declarations.nodes import open_node_argument
from schema.declarations.publishing import get_publication, publishes
from schema.declarations.request_context import RequestContext
from schema.types.commands import (
    WRITABLE,
    CommandProblemType,
    CommandReceiptType,
    ForPerson,
    Key,
    check_key,
    get_author,
    get_subject,
)
from schema.types.complaints import ComplaintType
from schema.types.regions import CoordinatesType

ComplaintId = Annotated[strawberry.ID, strawberry.argument(description="The `id` of a `Complaint`.")]
Text = strawberry.argument(description="1 to 1,000 characters. Name no other person.")

CommandResult = Annotated[
    CommandReceiptType | CommandProblemType,
    strawberry.union("CommandResult", description="The receipt, or why the command was not accepted."),
]


_WARNINGS: Final = {
    Language.ENGLISH: "Everybody will see this text, the place, the photos, the steps and the comments, without your"
    " name. Copies can stay on the internet, so it cannot be undone.",
    Language.INDONESIAN: "Semua orang akan melihat teks, lokasi, foto, langkah, dan komentar ini, tanpa nama Anda."
    " Salinannya bisa tetap ada di internet, jadi ini tidak bisa dibatalkan.",
}


@publishes(
    ComplaintPublication,
    rule=Rule.PUBLIC,
    shows=("description", "address", "coordinates", "photo_count", "confirmation"),
    nested=(CoordinatesType,),
)
class ComplaintPublicationType:
    """The published `ComplaintPublication`. It is an answer to the reporter alone."""

    @derived(returns=str)
    def warning(record: ComplaintPublication, language: Language) -> str:
        """What the person should know before they confirm, in the language of `Accept-Language`."""
        return _WARNINGS[language]


PublishComplaintResult = Annotated[
    CommandReceiptType | CommandProblemType | ComplaintPublicationType,
    strawberry.union(
        "PublishComplaintResult",
        description="The receipt, why the complaint cannot be published, or what everybody would see of it.",
    ),
]


def _open_case(wanted: NewCommand | None, context: RequestContext) -> NewCommand | None:
    """The command with the complaint's identifier and agency, which are sealed in the id. Raises `BadInput`."""
    if wanted is None:
        return None
    name = get_publication(ComplaintType).name
    case, agency = open_node_argument(wanted.case or "", name, Complaints, context)
    return replace(wanted, case=case, agency=agency)


def _open_publication(wanted: PublicationRequest | None, context: RequestContext) -> PublicationRequest | None:
    command = None if wanted is None else _open_case(wanted.command, context)
    return None if wanted is None or command is None else replace(wanted, command=command)


def _get_publisher(wanted: PublicationRequest | None) -> Nik | None:
    return None if wanted is None else wanted.command.subject


def _build(command: Command[Any], author: Nik | None, id_: str, key: str, payload: object) -> NewCommand | None:
    """The command of an author; None without one. Raises `BadInput`."""
    if author is None:
        return None
    return NewCommand(subject=author, key=check_key(key), name=command.name, payload=payload, case=id_)


def _follow_up(batch: Batch[NewCommand, Any]) -> Callable[[Callable[..., Any]], Any]:
    """A mutation that the batch answers with a receipt or a problem."""
    return root(batch, returns=CommandResult | None, rule=WRITABLE, subject=get_subject, prepare_key=_open_case)


@adds_to_mutation
class ComplaintFollowUps:
    """The commands that follow a complaint."""

    @root(
        publish_complaints,
        returns=PublishComplaintResult | None,
        rule=WRITABLE,
        subject=_get_publisher,
        prepare_key=_open_publication,
    )
    def publish_complaint(
        caller: Caller,
        id: ComplaintId,  # noqa: A002 - the name of ids in the graph
        key: Key,
        confirmation: Annotated[
            str | None, strawberry.argument(description="The `confirmation` of the answer without it.")
        ] = None,
        for_person: ForPerson = None,
    ) -> PublicationRequest | None:
        """Show your complaint to everybody, in two steps.

        Without `confirmation`, nothing is stored, and the answer is a `ComplaintPublication`: show it to the person.
        If they agree, repeat the mutation with its `confirmation`.
        """
        command = _build(PUBLISH_COMPLAINT, get_author(caller, for_person), id, key, ComplaintPublishing())
        return None if command is None else PublicationRequest(command=command, confirmation=confirmation)

    @_follow_up(support_complaints)
    def support_complaint(
        caller: Caller,
        id: ComplaintId,  # noqa: A002 - the name of ids in the graph
        key: Key,
        for_person: ForPerson = None,
    ) -> NewCommand | None:
        """Support a public complaint of another person, once."""
        return _build(SUPPORT_COMPLAINT, get_author(caller, for_person), id, key, ComplaintSupport())

    @_follow_up(comment_complaints)
    def comment_complaint(
        caller: Caller,
        id: ComplaintId,  # noqa: A002 - the name of ids in the graph
        text: Annotated[str, Text],
        key: Key,
        for_person: ForPerson = None,
    ) -> NewCommand | None:
        """Comment on your complaint, or on a public one. Everybody sees comments on a public complaint."""
        return _build(COMMENT_COMPLAINT, get_author(caller, for_person), id, key, NewComplaintComment(text=text))

    @_follow_up(rate_resolutions)
    def rate_resolution(
        caller: Caller,
        id: ComplaintId,  # noqa: A002 - the name of ids in the graph
        rating: Annotated[int, strawberry.argument(description="From 1 (bad) to 5 (good).")],
        key: Key,
        text: Annotated[str | None, Text] = None,
        for_person: ForPerson = None,
    ) -> NewCommand | None:
        """Rate the resolution of your complaint, once."""
        payload = ResolutionRating(rating=rating, text=text)
        return _build(RATE_RESOLUTION, get_author(caller, for_person), id, key, payload)

    @_follow_up(withdraw_complaints)
    def withdraw_complaint(
        caller: Caller,
        id: ComplaintId,  # noqa: A002 - the name of ids in the graph
        key: Key,
        reason: Annotated[str | None, Text] = None,
        for_person: ForPerson = None,
    ) -> NewCommand | None:
        """Withdraw your open complaint. It is closed, and stays in your list."""
        return _build(WITHDRAW_COMPLAINT, get_author(caller, for_person), id, key, ComplaintWithdrawal(reason=reason))
