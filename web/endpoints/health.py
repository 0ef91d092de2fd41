"""`/health/live` and `/health/ready`, for orchestrators and operators."""

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
    """Whether an agency answers, as far as the hub knows."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"
    """Not called yet, or not recently."""


class AgencyGate(Protocol):
    """The current state of the gate to an agency, under the agreed terms."""

    @property
    def in_flight(self) -> int:
        """Running calls."""

    @property
    def waiting(self) -> int:
        """Calls that wait for a free slot."""

    @property
    def breaker_state(self) -> Enum | None:
        """The state of the circuit breaker; None without one."""

    @property
    def quota_left(self) -> int | None:
        """Remaining calls of the day; None without a quota."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyReadiness:
    """One agency in the report. `detail` is public: no host names, no credentials."""

    name: str
    state: AgencyReachability
    detail: str | None = None
    gate: AgencyGate | None = None


class IssuerState(Enum):
    """The state of the keys of a token issuer."""

    FRESH = "fresh"
    KEPT = "kept"
    """The last valid ones, because the issuer cannot be reached."""
    MISSING = "missing"
    """Its tokens cannot be verified."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerReadiness:
    """One issuer in the report, by the name in the settings."""

    name: str
    state: IssuerState


class LimitsState(Enum):
    """Where rate limits are counted."""

    SHARED = "together"
    """For all processes, in the shared store."""
    LOCAL = "alone"
    """In each process separately, because the store does not answer."""


class CacheState(Enum):
    """Where answers of agencies are cached."""

    SHARED = "together"
    """For all processes, in the shared store."""
    LOCAL = "alone"
    """In each process separately, without personal data, because the store does not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """The state of the agencies, issuers and shared stores of a hub that serves.

    An agency that is down affects only its own fields, an issuer only its own callers, and a store only how exactly
    limits hold. None of them makes the hub unready, because taking it out of service would affect more.
    """

    agencies: Sequence[AgencyReadiness] = ()
    issuers: Sequence[IssuerReadiness] = ()
    """Issuers whose keys are fetched over the network."""
    limits: LimitsState | None = None
    """None if processes share no store."""
    cache: CacheState | None = None
    """None if processes share no cache."""
    load: LoadSnapshot | None = None
    """The load of this process; None without load shedding."""


CheckReadiness = Callable[[], Awaitable[Readiness]]


class HealthEndpoint:
    """The two endpoints."""

    def __init__(self, check_readiness: CheckReadiness) -> None:
        self._check_readiness = check_readiness

    async def live(self, _request: Request) -> Response:
        """200 while the process responds. Calls no other service."""
        return _build_response(200, {"status": "live"})

    async def ready(self, _request: Request) -> Response:
        """200 while the hub serves, even without its agencies. A hub that ends accepts no connection."""
        return _build_response(200, build_report(await self._check_readiness()))


def build_report(readiness: Readiness) -> dict[str, object]:
    """The report as JSON; `degraded` if something is down, or if requests are refused."""
    down = any(agency.state is AgencyReachability.DOWN for agency in readiness.agencies)
    down = down or any(issuer.state is not IssuerState.FRESH for issuer in readiness.issuers)
    down = down or readiness.limits is LimitsState.LOCAL or readiness.cache is CacheState.LOCAL
    down = down or (readiness.load is not None and readiness.load.limit is not None)
    return {
        "status": "degraded" if down else "ready",
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
        **({"cache": readiness.cache.value} if readiness.cache is not None else {}),
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
