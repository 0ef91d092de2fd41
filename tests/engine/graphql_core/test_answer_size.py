"""The size of an answer that graphql-core builds."""

from __future__ import annotations

import pytest

from engine.document.limits import TooLarge
from engine.graphql_core.answer_size import AnswerSize


def test_an_answer_is_counted_by_its_objects() -> None:
    size = AnswerSize(10)
    for count in (1, 1, 3, 5):
        size.add(count)
    assert repr(size) == "<AnswerSize 10 of 10>"
    assert not size.is_exceeded
    with pytest.raises(TooLarge, match=r"^The answer would hold more than 10 objects\. Use several operations\.$"):
        size.add(1)
    assert size.is_exceeded
