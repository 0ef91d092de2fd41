"""A hub looks at its impact assessments when it starts, and every day that it runs."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

import pytest

from auth.data_contracts import DataContract, Unassessed, contracts_of
from auth.policy import DEFAULT_POLICY, Policy, purposes_from
from schema import assessments
from schema.assessments import judged_today, keep_looking, refuse_unassessed_agencies
from tests.city import ROOT
from tests.schema.asking import engine

CONTRACTS = contracts_of(ROOT / "sandbox" / "contracts.toml")
RUN_OUT = max(each.assessment.review_by for each in CONTRACTS) + timedelta(days=1)
SOON = min(each.assessment.review_by for each in CONTRACTS)


def on(day: date, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assessments, "today_here", lambda: day)


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.name == "simpul.contracts"]


@pytest.mark.parametrize(("contracts", "count"), [(CONTRACTS, 4), ((), 4)], ids=["run out", "none"])
def test_in_production_the_start_is_refused_and_in_development_it_is_told(
    contracts: tuple[DataContract, ...],
    count: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    on(RUN_OUT, monkeypatch)
    with pytest.raises(Unassessed):
        refuse_unassessed_agencies(contracts, DEFAULT_POLICY, engine().schema, development=False)
    assert told(caplog) == []
    refuse_unassessed_agencies(contracts, DEFAULT_POLICY, engine().schema, development=True)
    assert len(told(caplog)) == count


def test_what_runs_out_soon_starts_and_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    on(SOON, monkeypatch)
    refuse_unassessed_agencies(CONTRACTS, DEFAULT_POLICY, engine().schema, development=False)
    assert len(told(caplog)) == len(CONTRACTS)
    assert all("runs out on" in each for each in told(caplog))


def test_officials_who_may_state_more_than_a_contract_names_are_told_and_the_hub_starts(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    on(SOON - timedelta(days=100), monkeypatch)
    more = Policy(purposes=purposes_from(("crm/desk:COMPLAINT_HANDLING,HEALTHCARE",)))
    refuse_unassessed_agencies(CONTRACTS, more, engine().schema, development=False)
    [line] = told(caplog)
    assert line.startswith("Data contracts: officials of 'crm' may state HEALTHCARE by SIMPUL_PURPOSES, which its data")


async def test_a_hub_that_runs_tells_it_again_every_day(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    days = iter([SOON - timedelta(days=100), SOON - timedelta(days=99), RUN_OUT, RUN_OUT + timedelta(days=1)])
    monkeypatch.setattr(assessments, "today_here", lambda: next(days))
    monkeypatch.setattr(assessments, "EVERY", 0.0)
    with pytest.raises(RuntimeError, match="StopIteration"):  # the days of the test are over
        await asyncio.wait_for(keep_looking(CONTRACTS, DEFAULT_POLICY, engine().schema), 5)
    assert len(told(caplog)) == 2 * len(CONTRACTS)
    assert all("ran out on" in each for each in told(caplog))


def test_the_graph_of_the_hub_is_what_is_judged() -> None:
    assert [each.agency for each in judged_today(CONTRACTS, DEFAULT_POLICY, engine().schema)] == [
        "crm",
        "dukcapil",
        "jakpreneur",
        "pbb",
    ]
