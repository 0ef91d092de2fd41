"""The questions that a category of complaints asks, such as the number of a street lamp."""

from __future__ import annotations

from typing import Annotated

from records.description import DescribedEnum, Doc
from records.record import record


class QuestionKind(DescribedEnum):
    """What a question wants (the datatypes of Open311 GeoReport v2)."""

    TEXT = "string", "A short text."
    LONG_TEXT = "text", "A text of several lines."
    NUMBER = "number", "A number in digits, with a point before decimals."
    MOMENT = "datetime", "A date, or a date and time, as in ISO 8601."
    SINGLE_CHOICE = "singlevaluelist", "One of `choices`, by its key."
    MULTIPLE_CHOICE = "multivaluelist", "One or several of `choices`, by their keys."
    NOTICE = "notice", "No answer: its text is for the reporter to read."


@record
class ComplaintQuestionChoice:
    """A possible answer to a question."""

    key: Annotated[str, Doc("What the answer gives.")]
    name: Annotated[str | None, Doc("The text for people.")]


@record
class ComplaintQuestion:
    """A question of a category, which a new complaint answers in `answers`."""

    code: Annotated[str, Doc("Code of the question.")]
    kind: Annotated[QuestionKind | None, Doc("What it wants; null if the complaint system does not say it.")]
    is_required: Annotated[bool, Doc("Whether it must be answered.")]
    text: Annotated[str | None, Doc("The question, or the notice.")]
    hint: Annotated[str | None, Doc("How to answer it.")]
    choices: Annotated[tuple[ComplaintQuestionChoice, ...], Doc("The possible answers, if it is a choice.")] = ()
