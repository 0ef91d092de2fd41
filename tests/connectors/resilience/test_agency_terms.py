"""The file of agency terms is read strictly, with a plain error for each fault."""

from __future__ import annotations

from datetime import time
from pathlib import Path

import pytest

from connectors.resilience.agency_terms import AgencyTerms, AgencyTermsFile, get_time_zone, load_agency_terms
from connectors.resilience.closed_hours import ClosedTo, ClosedWindow

WHOLE = """
[pbb]
deadline = 4.5
max_concurrency = 16
waiting = 32
rate = 20.0
burst = 40
daily_quota = 50000
retries = 2
retry_share = 0.2
zone = "Asia/Makassar"

[pbb.breaker]
failures = 10
pause = 2.0

[[pbb.closed]]
from = "23:00"
until = "01:00"
weekdays = ["sat", "sun"]

[[pbb.closed]]
first_day = "01-03"
last_day = "01-13"
to = "writes"

[dukcapil]
max_batch_size = 500

[pangan]
hedge = true
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "agencies.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_table_sets_the_terms_of_its_agency(tmp_path: Path) -> None:
    found = load_agency_terms(written(tmp_path, WHOLE))
    assert found.pbb.model_dump(exclude={"closed", "breaker"}) == {
        "deadline": 4.5,
        "max_concurrency": 16,
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
    assert found.pbb.breaker is not None
    assert found.pbb.breaker.model_dump() == {
        "failures": 10,
        "share": 0.5,
        "unanswered": 2.0,
        "within": 30.0,
        "pause": 2.0,
        "longest_pause": 60.0,
    }
    assert [each.as_window for each in found.pbb.closed] == [
        ClosedWindow(start=time(23), end=time(1), weekdays=frozenset({5, 6})),
        ClosedWindow(first_day=(1, 3), last_day=(1, 13), closed_to=ClosedTo.WRITES),
    ]
    assert (found.dukcapil.max_batch_size, found.pangan.hedge, found.crm) == (500, True, AgencyTerms())


def test_an_empty_file_sets_no_terms(tmp_path: Path) -> None:
    assert load_agency_terms(written(tmp_path, "")) == AgencyTermsFile()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[dinkes]", "dinkes: Extra inputs are not permitted"),
        ("[pbb]\nretry = 1", "pbb, retry: Extra inputs are not permitted"),
        ("[pbb.breaker]\nfailure = 1", "pbb, breaker, failure: Extra inputs are not permitted"),
        ("[pbb]\ndeadline = 0", "pbb, deadline: Input should be greater than 0"),
        ("[pbb]\nmax_concurrency = 0", "pbb, max_concurrency: Input should be greater than or equal to 1"),
        ("[pbb]\nretries = 6", "pbb, retries: Input should be less than or equal to 5"),
        ("[pbb]\nburst = 3", "pbb: burst is given without rate; say how many calls a second"),
        ("[pbb.breaker]\npause = 90", "pbb, breaker: longest_pause is 60, less than pause, 90"),
        ("[pbb]\nzone = 'Jakarta'", "pbb, zone: 'Jakarta' is not a time zone; write it as \"Asia/Jakarta\""),
        ("[[pbb.closed]]\nfrom = '25:00'", 'pbb, closed 1, from: write a time as "23:00"'),
        ("[[pbb.closed]]\nfrom = 23", 'pbb, closed 1, from: write a time as "23:00"'),
        (
            "[[pbb.closed]]\nfirst_day = '02-30'\nlast_day = '03-01'",
            'pbb, closed 1, first_day: write a day of the year as month and day: "01-13"',
        ),
        (
            "[[pbb.closed]]\nfirst_day = '01-03'",
            "pbb, closed 1: first_day and last_day belong together; give both",
        ),
        ("[pbb]\nmax_batch_size = 10", "pbb, max_batch_size: the agency takes one key per call; remove this line"),
        ("[dukcapil]\nhedge = true", "dukcapil, hedge: the agency is not called by GET; remove this line"),
        (
            "[[crm.closed]]\nto = 'writes'",
            "crm, closed 1: it is always closed; say when: from and until, weekdays, or first_day and last_day",
        ),
    ],
)
def test_an_error_names_the_key_and_the_fix(text: str, told: str, tmp_path: Path) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ValueError, match="file of agencies") as raised:
        load_agency_terms(path)
    assert str(raised.value) == f"the file of agencies '{path}': {told}"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "none.toml"
    with pytest.raises(ValueError, match="cannot be read: No such file or directory"):
        load_agency_terms(missing)
    with pytest.raises(ValueError, match="invalid TOML"):
        load_agency_terms(written(tmp_path, "[pbb"))
    with pytest.raises(ValueError, match="larger than 1048576 bytes"):
        load_agency_terms(written(tmp_path, "#" * 1_100_000))


def test_times_can_be_toml_times(tmp_path: Path) -> None:
    [entry] = load_agency_terms(written(tmp_path, "[[crm.closed]]\nfrom = 22:30:00\nuntil = '24:00'")).crm.closed
    assert (entry.start, entry.until) == (time(22, 30), time(0))


def test_defaults_apply_only_to_missing_terms() -> None:
    given = AgencyTerms(deadline=2.0).with_defaults(deadline=5.0, max_concurrency=8)
    assert (given.deadline, given.max_concurrency) == (2.0, 8)


def test_indonesian_time_zones_need_no_database() -> None:
    offsets = [get_time_zone(name).utcoffset(None) for name in ("Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura")]
    assert [each.total_seconds() / 3600 for each in offsets if each] == [7, 8, 9]
