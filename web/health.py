"""`/health/live` and `/health/ready`: what an orchestrator and an operator ask."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum

import orjson
from starlette.requests import Request
from starlette.responses import Response


class AgencyState(Enum):
    """How an agency is, as far as the hub knows."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"
    """Not asked yet, or not lately."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyReadiness:
    """One agency's line in the report. `detail` is shown to whoever asks: no host names, no credentials."""

    name: str
    state: AgencyState
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Whether the hub can serve, and how its agencies are.

    An agency that is down costs its own fields and nothing else, so it does not make the hub unready: taking the hub
    out of service would cost all the others.
    """

    serving: bool
    """Whether the hub itself can serve."""
    detail: str | None = None
    """Why it cannot, where it cannot."""
    agencies: Sequence[AgencyReadiness] = ()


Ready = Callable[[], Awaitable[Readiness]]


class Health:
    """The two endpoints."""

    def __init__(self, ready: Ready) -> None:
        self._ready = ready

    async def live(self, _request: Request) -> Response:
        """200 as long as the process answers at all; asks nobody."""
        return _answer(200, {"status": "live"})

    async def ready(self, _request: Request) -> Response:
        """200 while the hub itself can serve, whatever its agencies do; else 503."""
        readiness = await self._ready()
        return _answer(200 if readiness.serving else 503, report(readiness))


def report(readiness: Readiness) -> dict[str, object]:
    """The report as JSON shows it; `degraded` where an agency is down, named under `agencies`."""
    down = any(agency.state is AgencyState.DOWN for agency in readiness.agencies)
    status = "unavailable" if not readiness.serving else "degraded" if down else "ready"
    return {
        "status": status,
        **({"detail": readiness.detail} if readiness.detail else {}),
        "agencies": [
            {
                "name": agency.name,
                "state": agency.state.value,
                **({"detail": agency.detail} if agency.detail else {}),
            }
            for agency in readiness.agencies
        ],
    }


def _answer(status: int, body: dict[str, object]) -> Response:
    return Response(orjson.dumps(body), status, {"Content-Type": "application/json", "Cache-Control": "no-store"})
