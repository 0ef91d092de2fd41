"""What `/health/ready` reports: agencies, issuers and the counters of all processes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from auth.issuer_keys import IssuerKeys
from connectors.attendance import Attendance
from connectors.policies.gate import Gate
from resolvers.kept_answers import KeptAnswers
from web.health import AgencyReadiness, AgencyState, IssuerReadiness, IssuerState, KeptState, Readiness
from web.limiting import Limiting
from web.shedding import Shedding


def readiness(
    attendance: Attendance,
    gates: Mapping[str, Gate],
    issuers: Sequence[IssuerKeys],
    limits: Limiting,
    kept: KeptAnswers | None,
    *,
    shedding: Shedding,
) -> Callable[[], Awaitable[Readiness]]:
    """What `/health/ready` reports."""

    async def ready() -> Readiness:
        failures = await attendance.failures()
        return Readiness(
            serving=True,
            agencies=[
                AgencyReadiness(
                    name=name,
                    state=AgencyState.UP if failure is None else AgencyState.DOWN,
                    detail=None if failure is None else failure.code,
                    gate=gates.get(name),
                )
                for name, failure in failures.items()
            ],
            issuers=[
                IssuerReadiness(name=each.issuer.name, state=IssuerState(each.state.value))
                for each in issuers
                if each.remote
            ],
            limits=limits.state,
            kept=_kept(kept),
            load=shedding.load if shedding.sheds else None,
        )

    return ready


def _kept(kept: KeptAnswers | None) -> KeptState | None:
    if kept is None or not kept.is_shared:
        return None
    return KeptState.ALONE if kept.alone else KeptState.TOGETHER
