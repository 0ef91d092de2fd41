"""`/health/live` and `/health/ready`: what an orchestrator and an operator ask."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import orjson
from starlette.requests import Request
from starlette.responses import Response

from web.admission.load import LoadSnapshot


class AgencyReachability(Enum):
    """How an agency is, as far as the hub knows."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"
    """Not asked yet, or not lately."""


class AgencyGate(Protocol):
    """How an agency is asked at the moment, under the terms that were agreed."""

    @property
    def in_flight(self) -> int:
        """Calls under way."""

    @property
    def waiting(self) -> int:
        """Calls that wait for one of these to end."""

    @property
    def breaker_state(self) -> Enum | None:
        """Whether calls pass; None where the agency has no breaker."""

    @property
    def quota_left(self) -> int | None:
        """Calls left of the day; None where there is no quota."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyReadiness:
    """One agency's line in the report. `detail` is shown to whoever asks: no host names, no credentials."""

    name: str
    state: AgencyReachability
    detail: str | None = None
    gate: AgencyGate | None = None


class IssuerState(Enum):
    """How the keys of an issuer of tokens are."""

    FRESH = "fresh"
    KEPT = "kept"
    """The last good ones: it cannot be reached."""
    MISSING = "missing"
    """Its tokens cannot be checked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerReadiness:
    """One issuer's line in the report, by the name its operator gave it."""

    name: str
    state: IssuerState


class LimitsState(Enum):
    """Who counts what callers take."""

    SHARED = "together"
    """All processes, in the store they share."""
    LOCAL = "alone"
    """Each process by itself, since the store does not answer."""


class CacheState(Enum):
    """Who keeps agencies' answers."""

    SHARED = "together"
    """All processes, in the store they share."""
    LOCAL = "alone"
    """Each process by itself, and nothing personal, since the store does not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Whether the hub can serve, and how its agencies, its issuers and the store of its limits are.

    An agency that is down costs its own fields and nothing else, an issuer that is down its own callers, a store that
    is down how exactly limits hold, so none of them makes the hub unready: taking it out of service would cost more.
    """

    is_serving: bool
    """Whether the hub itself can serve."""
    detail: str | None = None
    """Why it cannot, where it cannot."""
    agencies: Sequence[AgencyReadiness] = ()
    issuers: Sequence[IssuerReadiness] = ()
    """Those whose keys come over the network."""
    limits: LimitsState | None = None
    """None where processes share no store."""
    cache: CacheState | None = None
    """None where processes keep no answers together."""
    load: LoadSnapshot | None = None
    """How much this process is asked for; None where nobody looks."""


CheckReadiness = Callable[[], Awaitable[Readiness]]


class HealthEndpoint:
    """The two endpoints."""

    def __init__(self, check_readiness: CheckReadiness) -> None:
        self._check_readiness = check_readiness

    async def live(self, _request: Request) -> Response:
        """200 as long as the process answers at all; asks nobody."""
        return _build_response(200, {"status": "live"})

    async def ready(self, _request: Request) -> Response:
        """200 while the hub itself can serve, whatever its agencies do; else 503."""
        readiness = await self._check_readiness()
        return _build_response(200 if readiness.is_serving else 503, build_report(readiness))


def build_report(readiness: Readiness) -> dict[str, object]:
    """The report as JSON shows it; `degraded` where something is down, or requests are refused."""
    down = any(agency.state is AgencyReachability.DOWN for agency in readiness.agencies)
    down = down or any(issuer.state is not IssuerState.FRESH for issuer in readiness.issuers)
    down = down or readiness.limits is LimitsState.LOCAL or readiness.cache is CacheState.LOCAL
    down = down or (readiness.load is not None and readiness.load.limit is not None)
    status = "unavailable" if not readiness.is_serving else "degraded" if down else "ready"
    return {
        "status": status,
        **({"detail": readiness.detail} if readiness.detail else {}),
        "agencies": [
            {
                "name": agency.name,
                "state": agency.state.value,
                **({"detail": agency.detail} if agency.detail else {}),
                **(_gate_to_json(agency.gate) if agency.gate else {}),
            }
            for agency in readiness.agencies
        ],
        **(
            {"issuers": [{"name": each.name, "state": each.state.value} for each in readiness.issuers]}
            if readiness.issuers
            else {}
        ),
        **({"limits": readiness.limits.value} if readiness.limits is not None else {}),
        **({"kept": readiness.cache.value} if readiness.cache is not None else {}),
        **({"load": _load_to_json(readiness.load)} if readiness.load is not None else {}),
    }


def _load_to_json(load: LoadSnapshot) -> dict[str, object]:
    return {
        "lagMs": round(load.lag * 1000),
        "inFlight": load.in_flight,
        "limit": None if load.limit is None else round(load.limit),
        "refused": {urgency.word: count for urgency, count in load.refused.items()},
    }


def _gate_to_json(gate: AgencyGate) -> dict[str, object]:
    return {
        "inFlight": gate.in_flight,
        "waiting": gate.waiting,
        **({"breaker": gate.breaker_state.value} if gate.breaker_state else {}),
        **({} if gate.quota_left is None else {"quotaLeft": gate.quota_left}),
    }


def _build_response(status: int, body: dict[str, object]) -> Response:
    return Response(orjson.dumps(body), status, {"Content-Type": "application/json", "Cache-Control": "no-store"})
