import pytest

from tests.journeys.hub import HubClient, RunningCity
from tests.journeys.recorded_cases import RecordedCase, cases, run_case


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
async def test_a_journey_answers_as_recorded_and_asks_agencies_no_more_than_recorded(
    case: RecordedCase, hub: HubClient, city: RunningCity
) -> None:
    found = await run_case(case, hub, city)

    expected_calls = dict(case.expected["calls"])
    if not city.counts_msmes:  # an SQLite file cannot count who reads it
        expected_calls.pop("jakpreneur", None)
    assert found["answer"] == case.expected["answer"]
    assert found["calls"] == expected_calls
