from dataclasses import dataclass

import pytest

from connectors.resilience.breaker import BreakerState
from tests.web.conftest import GraphServer
from web.admission.load import LoadSnapshot, Urgency
from web.endpoints.health import AgencyReachability, AgencyReadiness, LimitsState, Readiness, build_report


async def test_live_is_200_while_the_process_responds(hub: GraphServer) -> None:
    answer = await hub.get("/health/live")
    assert (answer.status, answer.json) == (200, {"status": "live"})


async def test_ready_lists_all_agencies_and_stays_200_while_one_is_down(hub: GraphServer) -> None:
    answer = await hub.get("/health/ready")
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json == {
        "status": "degraded",
        "agencies": [
            {"name": "dukcapil", "state": "up"},
            {"name": "pbb", "state": "down", "detail": "no answer within 3 s"},
            {"name": "pangan", "state": "unknown"},
        ],
    }


def test_reports_ready_if_no_agency_is_known_to_be_down() -> None:
    agencies = [AgencyReadiness(name="crm", state=AgencyReachability.UNKNOWN)]
    assert build_report(Readiness(agencies=agencies))["status"] == "ready"


@pytest.mark.parametrize(("state", "status"), [(LimitsState.SHARED, "ready"), (LimitsState.LOCAL, "degraded")])
def test_reports_where_rate_limits_are_counted(state: LimitsState, status: str) -> None:
    assert build_report(Readiness(limits=state)) == {
        "status": status,
        "agencies": [],
        "limits": state.value,
    }


@pytest.mark.parametrize(("limit", "shown", "status"), [(None, None, "ready"), (412.4, 412, "degraded")])
def test_reports_the_load_of_the_process(limit: float | None, shown: int | None, status: str) -> None:
    load = LoadSnapshot(lag=0.0125, in_flight=7, limit=limit, refused=dict.fromkeys(Urgency, 3))
    assert build_report(Readiness(load=load)) == {
        "status": status,
        "agencies": [],
        "load": {
            "lagMs": 12,
            "inFlight": 7,
            "limit": shown,
            "refused": {"anonymous": 3, "claimed": 3, "signed-in": 3, "lane": 3},
        },
    }


@dataclass
class StubAgencyGate:
    """The state of the gate to an agency."""

    in_flight: int = 2
    waiting: int = 1
    breaker_state: BreakerState | None = None
    quota_left: int | None = None


@pytest.mark.parametrize(
    ("gate", "shown"),
    [
        (StubAgencyGate(), {"inFlight": 2, "waiting": 1}),
        (
            StubAgencyGate(breaker_state=BreakerState.HALF_OPEN, quota_left=0),
            {"inFlight": 2, "waiting": 1, "breaker": "half-open", "quotaLeft": 0},
        ),
    ],
)
def test_an_agency_is_reported_with_the_state_of_its_gate(gate: StubAgencyGate, shown: dict[str, object]) -> None:
    agencies = [AgencyReadiness(name="crm", state=AgencyReachability.UP, gate=gate)]
    assert build_report(Readiness(agencies=agencies))["agencies"] == [{"name": "crm", "state": "up", **shown}]
