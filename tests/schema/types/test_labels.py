"""Labels of the graph, by the language of the request or a chosen one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from records.languages import Language
from tests.fakes.small_records import CALL
from tests.schema.requests import get_codes, run, run_for_data

QUERY = "{{ labels(types: {types}{more}) {{ coordinate text language }} }}"


@pytest.mark.parametrize(
    ("language", "more", "text", "shown"),
    [
        (Language.INDONESIAN, "", "menunggu", "INDONESIAN"),
        (Language.ENGLISH, "", "received", "ENGLISH"),
        (Language.ENGLISH, ", locale: INDONESIAN", "menunggu", "INDONESIAN"),
        (
            Language.ENGLISH,
            ", plain: true",
            "Your complaint has arrived. No office has started yet.",
            "ENGLISH",
        ),
    ],
)
async def test_a_caption_is_in_the_language_of_the_request_or_the_chosen_one(
    language: Language, more: str, text: str, shown: str
) -> None:
    query = QUERY.format(types='["ComplaintStatus"]', more=more)
    found = (await run_for_data(query, caller="anonymous", call=replace(CALL, language=language)))["labels"]
    assert found[0] == {"coordinate": "ComplaintStatus.WAITING", "text": text, "language": shown}
    assert len(found) == 7


async def test_several_types_are_one_list_and_unknown_ones_have_no_labels() -> None:
    query = QUERY.format(types='["Sex", "TaxBill", "Query", "Sex", "Nothing"]', more=", locale: ENGLISH")
    found = (await run_for_data(query, caller="anonymous"))["labels"]
    texts = {each["coordinate"]: each["text"] for each in found}
    assert (texts["Sex.FEMALE"], texts["TaxBill.year"]) == ("female", "Tax year")
    assert {each.partition(".")[0] for each in texts} == {"Sex", "TaxBill"}
    assert len(texts) == len(found)


async def test_an_answer_in_a_language_is_not_shared_with_callers_of_another() -> None:
    response = await run(QUERY.format(types='["Sex"]', more=""), caller="anonymous")
    assert not response.is_public


async def test_more_than_fifty_types_are_refused() -> None:
    names = ", ".join(f'"T{number}"' for number in range(51))
    assert get_codes(await run(QUERY.format(types=f"[{names}]", more=""))) == [("labels", "BAD_USER_INPUT")]
