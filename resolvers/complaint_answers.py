"""Checks the answers of a new complaint against the questions of its category."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from records.complaint_questions import ComplaintQuestion, QuestionKind
from records.complaints import ComplaintAnswer
from records.hub.commands import CommandProblem, CommandProblemCode

_NUMBER: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,9})?", re.ASCII)
_SINGLE: Final = frozenset(QuestionKind) - {QuestionKind.MULTIPLE_CHOICE}


def find_answer_problem(
    answers: Sequence[ComplaintAnswer], questions: Sequence[ComplaintQuestion]
) -> CommandProblem | None:
    """What is wrong with the answers, by the path of the first wrong one, such as `answers.LAMPU`."""
    asked = {each.code: each for each in questions if each.kind is not QuestionKind.NOTICE}
    given: set[str] = set()
    for each in answers:
        problem = _find_problem(each, asked.get(each.code), is_repeated=each.code in given)
        if problem is not None:
            return CommandProblem(code=problem, field=f"answers.{each.code}")
        if each.values:
            given.add(each.code)
    for code, question in asked.items():
        if question.is_required and code not in given:
            return CommandProblem(code=CommandProblemCode.ANSWER_REQUIRED, field=f"answers.{code}")
    return None


def _find_problem(
    answer: ComplaintAnswer, question: ComplaintQuestion | None, *, is_repeated: bool
) -> CommandProblemCode | None:
    if question is None:
        return CommandProblemCode.UNKNOWN_QUESTION
    if is_repeated or (len(answer.values) > 1 and question.kind in _SINGLE):
        return CommandProblemCode.TOO_MANY_VALUES
    if question.choices and not {each.key for each in question.choices}.issuperset(answer.values):
        return CommandProblemCode.UNKNOWN_CHOICE
    if question.kind is QuestionKind.NUMBER and not all(map(_NUMBER.fullmatch, answer.values)):
        return CommandProblemCode.INVALID_NUMBER
    if question.kind is QuestionKind.MOMENT and not all(map(_is_moment, answer.values)):
        return CommandProblemCode.INVALID_MOMENT
    return None


def _is_moment(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
