"""The maximum age of data in `Cache-Control` of requests, in all forms (RFC 9111, section 5.2.1)."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.middleware.max_age import parse_max_age
from web.request_headers import RequestHeaders


def parse_headers(*values: str) -> float:
    headers = [(b"cache-control", value.encode("latin-1")) for value in values]
    return parse_max_age(RequestHeaders({"type": "http", "headers": headers}))


@pytest.mark.parametrize(
    ("values", "seconds"),
    [
        ((), inf),
        (("no-cache",), 0),
        (("No-Cache",), 0),
        (("max-age=0",), 0),
        (("max-age=30",), 30),
        (('max-age="30"',), 30),
        (("max-age=30, max-age=10",), 10),
        (("max-age=30", "no-cache"), 0),
        (("max-stale=60 , max-age=5",), 5),
        ((",, max-age=5 ,",), 5),
        (('other="a, no-cache", max-age=5',), 5),
        (('other="a\\", no-cache"',), inf),
        (("no-store",), inf),
        (("only-if-cached, max-stale, min-fresh=3, no-transform",), inf),
    ],
)
def test_parses_the_directives_for_origins(values: tuple[str, ...], seconds: float) -> None:
    assert parse_headers(*values) == seconds


@pytest.mark.parametrize(
    "malformed",
    [
        "",
        "no-cache=x",
        "no-cachex",
        "no cache",
        "max-age",
        "max-age=",
        "max-age=-1",
        "max-age=1.5",
        "max-age=5s",
        "max-age=٣",
        "max-age = 5",
        'max-age="5',
        "max-age=99999999999999999999",
    ],
)
def test_ignores_malformed_directives_and_parses_the_others(malformed: str) -> None:
    value = malformed.encode("utf-8").decode("latin-1")
    assert parse_headers(value) == inf
    assert parse_headers(value, "max-age=7") == 7 or malformed == 'max-age="5'


@given(st.text(st.characters(codec="latin-1"), max_size=200))
def test_parses_any_value_without_an_error(value: str) -> None:
    assert parse_headers(value) >= 0
