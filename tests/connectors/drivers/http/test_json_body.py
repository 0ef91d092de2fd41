"""JSON up to the size that may be parsed in one turn."""

from __future__ import annotations

import pytest

from connectors.drivers.http.body_format import UnparsableBody
from connectors.drivers.http.json_body import MAX_VALUES, count_values, parse_json


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"[1]", [1]),
        (b'\xef\xbb\xbf{"a": "\xc3\xa9"}', {"a": "é"}),
        (b" null\n", None),
        (b"[" + b"1," * (MAX_VALUES - 2) + b"1]", [1] * (MAX_VALUES - 1)),
        (b'"' + b"a" * 4_000_000 + b'"', "a" * 4_000_000),
        (b"[" * 1000 + b"]" * 1000, None),
    ],
    ids=["list", "byte order mark", "null", "as many values as may be", "a long text", "deep"],
)
def test_read(body: bytes, value: object) -> None:
    found = parse_json(body)
    assert found == value or (value is None and isinstance(found, list))


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b'{"a": ', b"NaN", b'"\xe9"', b"[" * 100_000, b"[" * 1100 + b"]" * 1100, b"[1e9999]x"],
    ids=["empty", "html", "cut", "nan", "latin-1", "open lists", "too deep", "rest"],
)
def test_invalid_json_is_reported_without_its_content(body: bytes) -> None:
    with pytest.raises(UnparsableBody, match=r"^(is not JSON|holds more than 60000 values)$") as caught:
        parse_json(body)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("unit", [b"[],", b"{},", b'{"a":1},', b"1,", b'"a",', b"[[[]]],"])
def test_too_many_values_of_any_kind_are_not_parsed(unit: bytes) -> None:
    body = b"[" + unit * (MAX_VALUES // count_values(unit) + 1) + b"0]"
    with pytest.raises(UnparsableBody, match=r"^holds more than 60000 values$"):
        parse_json(body)


@pytest.mark.parametrize(
    ("body", "values"), [(b"1", 1), (b"[1, 2]", 3), (b'{"a": 1, "b": [2]}', 4), (b"[[], {}]", 3), (b'["a,b"]', 2)]
)
def test_no_value_is_missed_in_the_count(body: bytes, values: int) -> None:
    assert count_values(body) + 1 >= values
