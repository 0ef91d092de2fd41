"""The README's query without one of its parts."""

from __future__ import annotations

import pytest

from benchmarks.micro.city_stages import leave_out


def test_a_field_is_left_out_with_everything_below_it() -> None:
    assert leave_out("markets", "{ me { name } markets(first: 1) { name prices { price } } }") == (
        "{\n  me {\n    name\n  }\n}"
    )


def test_a_field_that_is_not_there_cannot_be_left_out() -> None:
    with pytest.raises(ValueError, match="the document has no field markets"):
        leave_out("markets", "{ me { name } }")
