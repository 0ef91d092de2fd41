"""Answers as bytes: every record decodes to its equal, and other bytes are refused."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cache.answers.record_codec import RecordCodec
from records.calls.answers import CountedList
from records.complaints import Complaint
from records.population import Household, Identity
from records.prices import Market, Price
from records.tax import TaxObject
from tests.fakes import small_records as city

ANSWERS: list[tuple[Any, Any]] = [
    (tuple[Price, ...], (city.PRICE, city.PRICE)),
    (tuple[Price, ...], ()),
    (Market, city.MARKET),
    (tuple[TaxObject, ...], (city.tax_object(),)),
    (Household, city.household()),
    (Complaint, city.complaint("1", public=True, reporter=city.SITI)),
    *((type(each), each) for each in city.facets(city.SITI).values()),
]


@pytest.mark.parametrize(("type_", "answer"), ANSWERS, ids=lambda each: type(each).__name__)
def test_an_answer_decodes_to_its_equal(type_: Any, answer: Any) -> None:  # noqa: ANN401 - any record
    codec = RecordCodec(type_)
    body = codec.encode(answer)
    assert body
    assert codec.decode(body) == answer
    assert type(codec.decode(body)) is type(answer)


def test_a_list_keeps_the_number_of_all_its_items() -> None:
    codec = RecordCodec(tuple[Price, ...])
    decoded = codec.decode(codec.encode(CountedList.build((city.PRICE,), 9_302)))
    assert (type(decoded), decoded, decoded.total) == (CountedList, (city.PRICE,), 9_302)


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"nik": 5},
        [1, 2],
        None,
        "text",
        {"nik": "1", "name": None, "sex": "X", "birth_place": "", "birth_date": "2026-13-45"},
    ],
)
def test_bytes_of_another_type_do_not_become_a_record(value: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        RecordCodec(Identity).decode(msgspec.msgpack.encode(value))


@settings(max_examples=300, derandomize=True, database=None, deadline=None)
@given(st.binary(max_size=200))
def test_invalid_bytes_are_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        RecordCodec(Identity).decode(body)


def test_another_form_of_a_record_has_another_form_digest() -> None:
    assert RecordCodec(Identity).form == RecordCodec(Identity).form
    assert RecordCodec(Identity).form != RecordCodec(Household).form
    assert RecordCodec(tuple[Price, ...]).form != RecordCodec(Price).form
