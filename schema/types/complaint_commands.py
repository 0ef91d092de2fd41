"""Commands about complaints."""

from __future__ import annotations

from typing import Annotated

import strawberry

from auth.caller import Caller
from records.complaints import ComplaintAnswer, NewComplaint
from records.hub.commands import NewCommand
from records.identifiers import RegionCode
from records.regions import Coordinates
from records.uploads import PhotoUpload, UploadedFile
from resolvers.complaint_commands import SUBMIT_COMPLAINT, submit_complaints
from resolvers.complaint_photos import MAX_PHOTOS
from schema.declarations.additions import adds_to_mutation
from schema.declarations.fields import root
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


@strawberry.input(description="An answer to a question of the category.")
class ComplaintAnswerInput:
    """One of `answers`."""

    code: str = strawberry.field(description="Code of the question.")
    values: list[str] = strawberry.field(description="The answer; several values if the question allows them.")


@strawberry.input(description="A point on the map.")
class PointInput:
    """The place of a complaint."""

    latitude: float = strawberry.field(description="Degrees north (WGS 84).")
    longitude: float = strawberry.field(description="Degrees east.")


@strawberry.input(description="A photo of what is wrong, and its alternative text.")
class NewPhotoInput:
    """One of `photos`."""

    file: UploadedFile = strawberry.field(
        description="A still photo in JPEG, PNG or WebP, of at most 12 MB and 50 million pixels. The hub removes its"
        " metadata, such as the place, and scales it to at most 2,048 pixels."
    )
    alternative_text: str = strawberry.field(
        description="What the photo shows, for people who cannot see it: 1 to 300 characters."
    )


@strawberry.input(description="A complaint to submit. It is private: only you and the city see it.")
class NewComplaintInput:
    """The input of `submitComplaint`."""

    category_code: str = strawberry.field(description="Code of one of `complaintCategories`.")
    description: str = strawberry.field(description="What is wrong, in your words. Name no other person.")
    point: PointInput | None = strawberry.field(default=None, description="The place on the map.")
    region: RegionCode | None = strawberry.field(
        default=None, description="Code of the kelurahan, if there is no point; needed where several agencies answer."
    )
    address: str | None = strawberry.field(default=None, description="The place in words.")
    answers: list[ComplaintAnswerInput] | None = strawberry.field(
        default=None, description="Answers to the questions of the category."
    )
    photos: list[NewPhotoInput] | None = strawberry.field(
        default=None, description=f"Photos, at most {MAX_PHOTOS}, sent in a multipart/form-data request."
    )


SubmitComplaintResult = Annotated[
    CommandReceiptType | CommandProblemType,
    strawberry.union("SubmitComplaintResult", description="The receipt, or why the complaint was not accepted."),
]


@adds_to_mutation
class ComplaintMutations:
    """The commands of complaints."""

    @root(submit_complaints, returns=SubmitComplaintResult | None, rule=WRITABLE, subject=get_subject)
    def submit_complaint(
        caller: Caller,
        complaint: Annotated[NewComplaintInput, strawberry.argument(description="The complaint.")],
        key: Key,
        for_person: ForPerson = None,
    ) -> NewCommand | None:
        """Submit a complaint to the city, in the city's own apps. It is private.

        The receipt is valid as soon as the mutation is answered, whatever the state of the complaint system.
        """
        author = get_author(caller, for_person)
        if author is None:
            return None
        return NewCommand(
            subject=author,
            key=check_key(key),
            name=SUBMIT_COMPLAINT.name,
            payload=_build_complaint(complaint),
            region=complaint.region,
            uploads=tuple(
                PhotoUpload(file=each.file, alternative_text=each.alternative_text) for each in complaint.photos or ()
            ),
        )


def _build_complaint(given: NewComplaintInput) -> NewComplaint:
    point = given.point
    return NewComplaint(
        category_code=given.category_code,
        description=given.description,
        coordinates=None if point is None else Coordinates(latitude=point.latitude, longitude=point.longitude),
        region_code=given.region,
        address=given.address,
        answers=tuple(ComplaintAnswer(code=each.code, values=tuple(each.values)) for each in given.answers or ()),
    )
