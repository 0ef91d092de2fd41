from dataclasses import dataclass

import pytest

from connectors.policies.breaker import BreakerState
from tests.web.conftest import Hub
from web.health import AgencyReadiness, AgencyState, LimitsState, Readiness, report
from web.load import Load, Urgency


async def test_live_answers_as_long_as_the_process_does(hub: Hub) -> None:
    answer = await hub.get("/health/live")
    assert (answer.status, answer.json) == (200, {"status": "live"})


async def test_ready_names_every_agency_and_stays_200_while_one_is_down(hub: Hub) -> None:
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


def test_reports_ready_where_no_agency_is_known_to_be_down() -> None:
    agencies = [AgencyReadiness(name="crm", state=AgencyState.UNKNOWN)]
    assert report(Readiness(serving=True, agencies=agencies))["status"] == "ready"


@pytest.mark.parametrize(("state", "status"), [(LimitsState.TOGETHER, "ready"), (LimitsState.ALONE, "degraded")])
def test_reports_who_counts_limits_where_processes_share_a_store(state: LimitsState, status: str) -> None:
    assert report(Readiness(serving=True, limits=state)) == {"status": status, "agencies": [], "limits": state.value}


@pytest.mark.parametrize(("limit", "shown", "status"), [(None, None, "ready"), (412.4, 412, "degraded")])
def test_reports_how_much_the_process_is_asked_for(limit: float | None, shown: int | None, status: str) -> None:
    load = Load(lag=0.0125, in_flight=7, limit=limit, refused=dict.fromkeys(Urgency, 3))
    assert report(Readiness(serving=True, load=load)) == {
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
class Gate:
    """How an agency is asked at the moment."""

    in_flight: int = 2
    waiting: int = 1
    breaker_state: BreakerState | None = None
    quota_left: int | None = None


@pytest.mark.parametrize(
    ("gate", "shown"),
    [
        (Gate(), {"inFlight": 2, "waiting": 1}),
        (
            Gate(breaker_state=BreakerState.HALF_OPEN, quota_left=0),
            {"inFlight": 2, "waiting": 1, "breaker": "half-open", "quotaLeft": 0},
        ),
    ],
)
def test_an_agencys_line_says_how_it_is_asked_as_far_as_terms_were_agreed(gate: Gate, shown: dict[str, object]) -> None:
    agencies = [AgencyReadiness(name="crm", state=AgencyState.UP, gate=gate)]
    assert report(Readiness(serving=True, agencies=agencies))["agencies"] == [{"name": "crm", "state": "up", **shown}]


def test_reports_unavailable_where_the_hub_itself_cannot_serve() -> None:
    assert report(Readiness(serving=False, detail="The state database does not answer.")) == {
        "status": "unavailable",
        "detail": "The state database does not answer.",
        "agencies": [],
    }
