"""Texts about commands are in the language of the caller, and say the same in each language."""

from __future__ import annotations

from dataclasses import replace

import pytest

from records.command_state import CommandState
from records.hub.commands import CommandProblem, CommandProblemCode
from records.languages import Language
from tests.fakes.small_records import CALL
from tests.schema.requests import run

ENGLISH = replace(CALL, language=Language.ENGLISH)
SUBMIT = """
mutation {
  submitComplaint(complaint: { categoryCode: "C-9", description: "x", address: "y" }, key: "1") {
    ... on CommandProblem { message }
    ... on CommandReceipt { stateText }
  }
}
"""
RECEIPTS = "{ me { receipts { state stateText } } }"


@pytest.mark.parametrize("text", [*CommandProblemCode, *CommandState], ids=lambda each: each.name)
def test_each_text_exists_in_both_languages(text: CommandProblemCode | CommandState) -> None:
    english, indonesian = text.get_text(Language.ENGLISH), text.get_text(Language.INDONESIAN)
    assert english != indonesian
    for each in (english, indonesian):
        assert each.endswith(".")
        assert each == each.strip()


@pytest.mark.parametrize("code", CommandProblemCode, ids=lambda each: each.name)
def test_each_problem_says_what_is_wrong_and_the_fix(code: CommandProblemCode) -> None:
    for language in Language:
        assert len(code.get_text(language).rstrip(".").split(". ")) >= 2


@pytest.mark.parametrize(
    ("field", "english", "indonesian"),
    [
        ("categoryCode", "Category: ", "Kategori: "),
        ("answers.UKURAN", "Answer UKURAN: ", "Jawaban UKURAN: "),
        ("answers.1.5", "Answer 1.5: ", "Jawaban 1.5: "),
        ("photos", "Photo: ", "Foto: "),
        ("photos.0.alternativeText", "Photo 1: ", "Foto 1: "),
        ("photos.2.file", "Photo 3: ", "Foto 3: "),
        ("forPerson", "forPerson: ", "forPerson: "),
        (None, "", ""),
    ],
)
def test_a_message_names_the_argument(field: str | None, english: str, indonesian: str) -> None:
    problem = CommandProblem(code=CommandProblemCode.INVALID_TEXT, field=field)
    assert problem.get_message(Language.ENGLISH) == english + CommandProblemCode.INVALID_TEXT.description
    assert problem.get_message(Language.INDONESIAN) == indonesian + CommandProblemCode.INVALID_TEXT.indonesian


async def test_a_problem_is_in_the_language_of_the_caller() -> None:
    indonesian = await run(SUBMIT, caller="the person")
    english = await run(SUBMIT, caller="the person", call=ENGLISH)
    assert (indonesian.data or {})["submitComplaint"] == {
        "message": "Kategori: Tidak ada kategori seperti itu. Pilih salah satu kategori yang tersedia."
    }
    assert (english.data or {})["submitComplaint"] == {
        "message": "Category: There is no such category. Name one of `complaintCategories`."
    }


async def test_the_state_of_a_receipt_is_in_the_language_of_the_caller() -> None:
    indonesian = await run(RECEIPTS, caller="the person")
    english = await run(RECEIPTS, caller="the person", call=ENGLISH)
    [found] = (indonesian.data or {})["me"]["receipts"]
    state = CommandState[found["state"]]
    assert found["stateText"] == state.indonesian
    assert (english.data or {})["me"]["receipts"] == [{"state": state.name, "stateText": state.description}]
