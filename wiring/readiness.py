"""What `/health/ready` reports: agencies, issuers and the counters of all processes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from auth.tokens.issuer_keys import IssuerKeys
from connectors.agency_probes import AgencyProbes
from connectors.resilience.gate import Gate
from resolvers.answer_cache import AnswerCache
from web.admission.load_shedder import LoadShedder
from web.endpoints.health import (
    AgencyReachability,
    AgencyReadiness,
    CacheState,
    IssuerReadiness,
    IssuerState,
    Readiness,
)
from web.rate_limits.build import RateLimits


def build_readiness_check(
    agency_probes: AgencyProbes,
    gates: Mapping[str, Gate],
    issuers: Sequence[IssuerKeys],
    rate_limits: RateLimits,
    answer_cache: AnswerCache | None,
    *,
    load_shedder: LoadShedder,
) -> Callable[[], Awaitable[Readiness]]:
    """What `/health/ready` reports."""

    async def ready() -> Readiness:
        failures = await agency_probes.probe_all()
        return Readiness(
            is_serving=True,
            agencies=[
                AgencyReadiness(
                    name=name,
                    state=AgencyReachability.UP if failure is None else AgencyReachability.DOWN,
                    detail=None if failure is None else failure.code,
                    gate=gates.get(name),
                )
                for name, failure in failures.items()
            ],
            issuers=[
                IssuerReadiness(name=each.issuer.name, state=IssuerState(each.state.value))
                for each in issuers
                if each.is_remote
            ],
            limits=rate_limits.state,
            cache=_get_cache_state(answer_cache),
            load=load_shedder.load if load_shedder.is_enabled else None,
        )

    return ready


def _get_cache_state(answer_cache: AnswerCache | None) -> CacheState | None:
    if answer_cache is None or not answer_cache.is_shared:
        return None
    return CacheState.LOCAL if answer_cache.is_cut_off else CacheState.SHARED
