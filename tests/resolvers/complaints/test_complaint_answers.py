"""Answers that do not fit the questions of a category are refused by their path."""

from __future__ import annotations

import pytest

from records.complaint_questions import ComplaintQuestion, ComplaintQuestionChoice, QuestionKind
from records.complaints import ComplaintAnswer
from records.hub.commands import CommandProblem, CommandProblemCode
from resolvers.complaint_answers import find_answer_problem


def ask(code: str, kind: QuestionKind | None, *choices: str, required: bool = False) -> ComplaintQuestion:
    listed = tuple(ComplaintQuestionChoice(key=each, name=None) for each in choices)
    return ComplaintQuestion(code=code, kind=kind, is_required=required, text="?", hint=None, choices=listed)


QUESTIONS = (
    ask("NOTICE", QuestionKind.NOTICE, required=True),
    ask("SIZE", QuestionKind.SINGLE_CHOICE, "BIG", "SMALL", required=True),
    ask("LANES", QuestionKind.MULTIPLE_CHOICE, "1", "2"),
    ask("DEPTH", QuestionKind.NUMBER),
    ask("SINCE", QuestionKind.MOMENT),
    ask("NAME", QuestionKind.TEXT),
    ask("MORE", QuestionKind.LONG_TEXT),
    ask("OPEN", QuestionKind.SINGLE_CHOICE),
    ask("OTHER", None),
)
BIG = ("SIZE", "BIG")


def find(*given: tuple[str, ...]) -> tuple[str, str | None] | None:
    answers = [ComplaintAnswer(code=code, values=values) for code, *listed in given for values in [tuple(listed)]]
    found = find_answer_problem(answers, QUESTIONS)
    return None if found is None else (found.code.name, found.field)


@pytest.mark.parametrize(
    "given",
    [
        (BIG,),
        (BIG, ("LANES", "1"), ("DEPTH", "-12.5"), ("SINCE", "2026-11-29"), ("NAME", "x"), ("MORE", "x")),
        (BIG, ("LANES", "1", "2")),
        (BIG, ("SINCE", "2026-11-29T08:30:00+07:00")),
        (BIG, ("SINCE", "2026-11-29T08:30:00Z")),
        (BIG, ("DEPTH", "0")),
        (BIG, ("DEPTH",)),
        (BIG, ("OPEN", "a server that lists no choices checks itself")),
        (BIG, ("OTHER", "anything")),
    ],
)
def test_answers_that_fit_are_no_problem(given: tuple[tuple[str, ...], ...]) -> None:
    assert find(*given) is None


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        ((), "ANSWER_REQUIRED", "answers.SIZE"),
        ((("LANES", "1"),), "ANSWER_REQUIRED", "answers.SIZE"),
        ((("SIZE",),), "ANSWER_REQUIRED", "answers.SIZE"),
        ((BIG, ("COLOUR", "red")), "UNKNOWN_QUESTION", "answers.COLOUR"),
        ((BIG, ("NOTICE", "read")), "UNKNOWN_QUESTION", "answers.NOTICE"),
        ((BIG, ("", "x")), "UNKNOWN_QUESTION", "answers."),
        ((("SIZE", "HUGE"),), "UNKNOWN_CHOICE", "answers.SIZE"),
        ((("SIZE", "big"),), "UNKNOWN_CHOICE", "answers.SIZE"),
        ((BIG, ("LANES", "1", "3")), "UNKNOWN_CHOICE", "answers.LANES"),
        ((("SIZE", "BIG", "SMALL"),), "TOO_MANY_VALUES", "answers.SIZE"),
        ((BIG, ("NAME", "x", "y")), "TOO_MANY_VALUES", "answers.NAME"),
        ((BIG, BIG), "TOO_MANY_VALUES", "answers.SIZE"),
        *(((BIG, ("DEPTH", each)), "INVALID_NUMBER", "answers.DEPTH") for each in ("x", "", "1,5", "1e9", "٣", "NaN")),
        *(
            ((BIG, ("SINCE", each)), "INVALID_MOMENT", "answers.SINCE")
            for each in ("x", "", "29/11/2026", "2026-13-01")
        ),
    ],
)
def test_the_first_wrong_answer_is_named(given: tuple[tuple[str, ...], ...], code: str, field: str) -> None:
    assert find(*given) == (code, field)


def test_a_category_without_questions_takes_no_answers() -> None:
    answer = ComplaintAnswer(code="SIZE", values=("BIG",))
    assert find_answer_problem([answer], ()) == CommandProblem(
        code=CommandProblemCode.UNKNOWN_QUESTION, field="answers.SIZE"
    )
    assert find_answer_problem([], ()) is None
