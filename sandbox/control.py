"""The control side of every agency: call counters, imitated latency, failure modes, and their HTTP API.

The API listens on the agency's control port: `GET /health`, `GET|DELETE /calls`, `GET|PUT /latency`, `GET|PUT /mode`.
"""

import asyncio
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

REFUSED = "refused"
"""The operation name under which calls with wrong credentials are counted."""

_SEED = 20260101
_Z95 = 1.6448536269514722
"""The 95 % point of the standard normal distribution."""


class AgencyMode(StrEnum):
    """The behaviour of an agency: normal, or one of the ways in which agencies fail."""

    NORMAL = "normal"
    ERROR = "error"
    SLOW = "slow"
    RUBBISH = "rubbish"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Latency:
    """Quantiles of an agency's latency in milliseconds; `Latency(0, 0)` answers immediately.

    Raises `ValueError` unless both are zero or 0 < p50_ms <= p95_ms.
    """

    p50_ms: float
    p95_ms: float

    def __post_init__(self) -> None:
        numbers = all(math.isfinite(value) for value in (self.p50_ms, self.p95_ms))
        if not numbers or not (self.p50_ms == self.p95_ms == 0 or 0 < self.p50_ms <= self.p95_ms):
            message = f"p50_ms {self.p50_ms} and p95_ms {self.p95_ms}: both 0, or p50_ms above 0 and not above p95_ms."
            raise ValueError(message)

    def draw_seconds(self, random: Random) -> float:
        """Draw one latency in seconds, log-normal with these quantiles."""
        if not self.p50_ms:
            return 0.0
        spread = math.log(self.p95_ms / self.p50_ms) / _Z95
        return self.p50_ms / 1000 * math.exp(random.gauss(0, spread))


class AgencyControl:
    """The counters and the behaviour of an agency.

    An agency awaits `begin_call(operation)` before each of its calls, and then checks `mode`.
    `health_details` are further members of the answer of `/health`; `routes` are control endpoints of this agency only.
    """

    def __init__(
        self,
        agency: str,
        latency: Latency,
        health_details: Mapping[str, str] | None = None,
        routes: Sequence[Route] = (),
    ) -> None:
        self.mode = AgencyMode.NORMAL
        self.latency = latency
        self.ready = False
        self.health_details = dict(health_details or {})
        self._agency = agency
        self._routes = tuple(routes)
        self._calls: Counter[str] = Counter()
        self._random = Random(_SEED)  # noqa: S311 - latencies must be repeatable, not unguessable
        self._mode_changed = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Control {self._agency} {self.mode} calls={self._calls.total()}>"

    async def begin_call(self, operation: str) -> None:
        """Count one call and wait its latency; in mode slow, hold it until the mode changes."""
        self.count_call(operation)
        await asyncio.sleep(self.latency.draw_seconds(self._random))
        while self.mode is AgencyMode.SLOW:
            await self._mode_changed.wait()

    def count_call(self, operation: str) -> None:
        """Count one call that is answered without waiting, such as a refused one (`REFUSED`)."""
        self._calls[operation] += 1

    def set_mode(self, mode: AgencyMode) -> None:
        """Change the behaviour from now on; calls held by mode slow continue."""
        self.mode = mode
        self._mode_changed.set()
        self._mode_changed = asyncio.Event()

    def build_app(self, state: Path) -> Starlette:
        """The HTTP API of the control port. `/health` names the folder `state`, which differs between cities."""

        async def health(_: Request) -> JSONResponse:
            body = {"agency": self._agency, "ready": self.ready, "state": str(state), **self.health_details}
            return JSONResponse(body, status_code=200 if self.ready else 503)

        return Starlette(
            routes=[
                Route("/health", health),
                Route("/calls", self._read_calls, methods=["GET"]),
                Route("/calls", self._reset_calls, methods=["DELETE"]),
                Route("/latency", self._read_latency, methods=["GET"]),
                Route("/latency", self._set_latency, methods=["PUT"]),
                Route("/mode", self._read_mode, methods=["GET"]),
                Route("/mode", self._set_mode, methods=["PUT"]),
                *self._routes,
            ]
        )

    async def _read_calls(self, _: Request) -> JSONResponse:
        return JSONResponse({"total": self._calls.total(), "operations": dict(self._calls)})

    async def _reset_calls(self, _: Request) -> Response:
        self._calls.clear()
        return Response(status_code=204)

    async def _read_latency(self, _: Request) -> JSONResponse:
        return JSONResponse({"p50_ms": self.latency.p50_ms, "p95_ms": self.latency.p95_ms})

    async def _set_latency(self, request: Request) -> JSONResponse:
        values = await _read_object(request)
        try:
            self.latency = Latency(float(values["p50_ms"]), float(values["p95_ms"]))
        except (KeyError, TypeError):
            return _bad_request('a latency is {"p50_ms": number, "p95_ms": number}.')
        except ValueError as error:
            return _bad_request(str(error))
        return await self._read_latency(request)

    async def _read_mode(self, _: Request) -> JSONResponse:
        return JSONResponse({"mode": self.mode.value})

    async def _set_mode(self, request: Request) -> JSONResponse:
        name = (await _read_object(request)).get("mode")
        try:
            self.set_mode(AgencyMode(str(name)))
        except ValueError:
            return _bad_request(f"mode {name!r} is unknown; modes are {', '.join(AgencyMode)}.")
        return await self._read_mode(request)


async def _read_object(request: Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        return {}
    return body if isinstance(body, dict) else {}


def _bad_request(message: str) -> JSONResponse:
    return JSONResponse({"error": message}, status_code=400)
