"""The questions of categories of complaints."""

from __future__ import annotations

from auth.policy.rules import Rule
from records.complaint_questions import ComplaintQuestion, ComplaintQuestionChoice, QuestionKind
from schema.declarations.publishing import publishes
from schema.declarations.scalars import publish_enum

publish_enum(QuestionKind)


@publishes(ComplaintQuestionChoice, rule=Rule.PUBLIC, shows=("key", "name"))
class ComplaintQuestionChoiceType:
    """The published `ComplaintQuestionChoice`."""


@publishes(
    ComplaintQuestion,
    rule=Rule.PUBLIC,
    shows=("code", "kind", "is_required", "text", "hint", "choices"),
    nested=(ComplaintQuestionChoiceType,),
)
class ComplaintQuestionType:
    """The published `ComplaintQuestion`."""
