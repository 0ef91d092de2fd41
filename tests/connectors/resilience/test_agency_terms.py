"""The terms of an agency are read strictly, with a plain error for each fault."""

from __future__ import annotations

import tomllib
from datetime import time

import pytest
from pydantic import ValidationError

from connectors.resilience.agency_terms import AgencyTerms, get_time_zone
from connectors.resilience.closed_hours import ClosedTo, ClosedWindow

WHOLE = """
deadline = 4.5
max_concurrency = 16
waiting = 32
rate = 20.0
burst = 40
daily_quota = 50000
retries = 2
retry_share = 0.2
zone = "Asia/Makassar"

[breaker]
failures = 10
pause = 2.0

[[closed]]
from = "23:00"
until = "01:00"
weekdays = ["sat", "sun"]

[[closed]]
first_day = "01-03"
last_day = "01-13"
to = "writes"
"""


def read(text: str) -> AgencyTerms:
    return AgencyTerms.model_validate(tomllib.loads(text))


def test_a_table_sets_the_terms() -> None:
    found = read(WHOLE)
    assert found.model_dump(exclude={"closed", "breaker"}) == {
        "deadline": 4.5,
        "max_concurrency": 16,
        "sessions": None,
        "waiting": 32,
        "rate": 20.0,
        "burst": 40,
        "daily_quota": 50_000,
        "max_batch_size": None,
        "retries": 2,
        "retry_share": 0.2,
        "hedge": False,
        "zone": "Asia/Makassar",
    }
    assert found.breaker is not None
    assert found.breaker.model_dump() == {
        "failures": 10,
        "share": 0.5,
        "unanswered": 2.0,
        "within": 30.0,
        "pause": 2.0,
        "longest_pause": 10.0,
    }
    assert [each.as_window for each in found.closed] == [
        ClosedWindow(start=time(23), end=time(1), weekdays=frozenset({5, 6})),
        ClosedWindow(first_day=(1, 3), last_day=(1, 13), closed_to=ClosedTo.WRITES),
    ]


def test_an_empty_table_sets_no_terms() -> None:
    assert read("") == AgencyTerms()


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("retry = 1", "retry", "Extra inputs are not permitted"),
        ("[breaker]\nfailure = 1", "breaker.failure", "Extra inputs are not permitted"),
        ("deadline = 0", "deadline", "Input should be greater than 0"),
        ("max_concurrency = 0", "max_concurrency", "Input should be greater than or equal to 1"),
        ("retries = 6", "retries", "Input should be less than or equal to 5"),
        ("rate = 0", "rate", "Input should be greater than 0"),
        ("rate = nan", "rate", "Input should be less than or equal to 10000"),
        ("rate = inf", "rate", "Input should be less than or equal to 10000"),
        ("rate = 1\nburst = 0", "burst", "Input should be greater than or equal to 1"),
        ("burst = 3", "", "burst is given without rate; say how many calls a second"),
        ("[breaker]\npause = 90", "breaker", "longest_pause is 10, less than pause, 90"),
        ("zone = 'Jakarta'", "zone", "'Jakarta' is not a time zone; write it as \"Asia/Jakarta\""),
        ("[[closed]]\nfrom = '25:00'", "closed.0.from", 'write a time as "23:00"'),
        ("[[closed]]\nfrom = 23", "closed.0.from", 'write a time as "23:00"'),
        (
            "[[closed]]\nfirst_day = '02-30'\nlast_day = '03-01'",
            "closed.0.first_day",
            'write a day of the year as month and day: "01-13"',
        ),
        ("[[closed]]\nfirst_day = '01-03'", "closed.0", "first_day and last_day belong together; give both"),
        (
            "[[closed]]\nto = 'writes'",
            "closed.0",
            "it is always closed; say when: from and until, weekdays, or first_day and last_day",
        ),
    ],
)
def test_an_error_names_the_key_and_the_fix(text: str, place: str, problem: str) -> None:
    with pytest.raises(ValidationError) as raised:
        read(text)
    [error] = raised.value.errors()
    assert (".".join(map(str, error["loc"])), error["msg"].removeprefix("Value error, ")) == (place, problem)


def test_times_can_be_toml_times() -> None:
    [entry] = read("[[closed]]\nfrom = 22:30:00\nuntil = '24:00'").closed
    assert (entry.start, entry.until) == (time(22, 30), time(0))


def test_defaults_apply_only_to_missing_terms() -> None:
    given = AgencyTerms(deadline=2.0).with_defaults(deadline=5.0, max_concurrency=8)
    assert (given.deadline, given.max_concurrency) == (2.0, 8)


def test_indonesian_time_zones_need_no_database() -> None:
    offsets = [get_time_zone(name).utcoffset(None) for name in ("Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura")]
    assert [each.total_seconds() / 3600 for each in offsets if each] == [7, 8, 9]
