"""What `/health/ready` reports: agencies, issuers and the counters of all processes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from resolvers.answer_cache import AnswerCache, NoAnswerCache
from web.endpoints.health import (
    AgencyReachability,
    AgencyReadiness,
    CacheState,
    IssuerReadiness,
    IssuerState,
    Readiness,
)
from wiring.callers import CallerParts
from wiring.hub_parts import HubParts


def build_readiness_check(parts: HubParts, callers: CallerParts) -> Callable[[], Awaitable[Readiness]]:
    """Build the report of `/health/ready`."""
    load_shedder = callers.load_shedder

    async def ready() -> Readiness:
        failures = await parts.agency_probes.probe_all()
        return Readiness(
            agencies=[
                AgencyReadiness(
                    name=name,
                    state=AgencyReachability.UP if failure is None else AgencyReachability.DOWN,
                    detail=None if failure is None else failure.code,
                    gate=parts.gates.get(name),
                )
                for name, failure in failures.items()
            ],
            issuers=[
                IssuerReadiness(name=each.issuer.name, state=IssuerState(each.state.value))
                for each in callers.issuers
                if each.is_remote
            ],
            limits=callers.rate_limits.state,
            cache=_get_cache_state(parts.answer_cache),
            load=load_shedder.load if load_shedder.is_enabled else None,
        )

    return ready


def _get_cache_state(answer_cache: AnswerCache | NoAnswerCache) -> CacheState | None:
    if not answer_cache.is_shared:
        return None
    return CacheState.LOCAL if answer_cache.is_cut_off else CacheState.SHARED
