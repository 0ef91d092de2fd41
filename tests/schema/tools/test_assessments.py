"""The hub checks its impact assessments at the start and daily."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import date, timedelta

import pytest

from auth.policy.access_policy import AccessPolicy, parse_purposes
from auth.policy.data_contracts import DataContract, MissingAssessment
from schema.tools import assessments
from schema.tools.assessments import check_daily, judge_today, refuse_unassessed_agencies
from settings.city.folder import DEFAULT_CITY, load_city
from tests.fakes.city import build_policy
from tests.schema.requests import build_engine

CONTRACTS, POLICY = load_city(DEFAULT_CITY).contracts, build_policy()
RUN_OUT = max(each.assessment.review_by for each in CONTRACTS.values()) + timedelta(days=1)
SOON = min(each.assessment.review_by for each in CONTRACTS.values())


def set_today(day: date, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assessments, "get_city_date", lambda: day)


def get_log_messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.name == "simpul.contracts"]


@pytest.mark.parametrize(
    ("contracts", "count"), [(CONTRACTS, len(CONTRACTS)), ({}, len(CONTRACTS))], ids=["run out", "none"]
)
def test_production_refuses_to_start_and_development_logs(
    contracts: Mapping[str, DataContract],
    count: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    set_today(RUN_OUT, monkeypatch)
    with pytest.raises(MissingAssessment):
        refuse_unassessed_agencies(contracts, POLICY, build_engine().schema, development=False)
    assert get_log_messages(caplog) == []
    refuse_unassessed_agencies(contracts, POLICY, build_engine().schema, development=True)
    assert len(get_log_messages(caplog)) == count


def test_an_assessment_that_expires_soon_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    set_today(SOON, monkeypatch)
    refuse_unassessed_agencies(CONTRACTS, POLICY, build_engine().schema, development=False)
    assert len(get_log_messages(caplog)) == len(CONTRACTS)
    assert all("expires on" in each for each in get_log_messages(caplog))


def test_purposes_beyond_the_contract_are_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    set_today(SOON - timedelta(days=100), monkeypatch)
    more = AccessPolicy(purposes=parse_purposes(("crm/desk:COMPLAINT_HANDLING,HEALTHCARE",)))
    refuse_unassessed_agencies(CONTRACTS, more, build_engine().schema, development=False)
    [line] = get_log_messages(caplog)
    assert line.startswith(
        "Data contracts: the city's purposes allow officials of 'crm' to state HEALTHCARE, which its data"
    )


async def test_findings_are_logged_daily(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    days = iter([SOON - timedelta(days=100), SOON - timedelta(days=99), RUN_OUT, RUN_OUT + timedelta(days=1)])
    monkeypatch.setattr(assessments, "get_city_date", lambda: next(days))
    monkeypatch.setattr(assessments, "CHECK_INTERVAL", 0.0)
    with pytest.raises(RuntimeError, match="StopIteration"):  # the days of the test are over
        await asyncio.wait_for(check_daily(CONTRACTS, POLICY, build_engine().schema), 5)
    assert len(get_log_messages(caplog)) == 2 * len(CONTRACTS)
    assert all("expired on" in each for each in get_log_messages(caplog))


def test_the_hubs_own_graph_is_reviewed() -> None:
    assert [each.agency for each in judge_today(CONTRACTS, POLICY, build_engine().schema)] == sorted(CONTRACTS)
