"""The rate limit of an agency: a token bucket for each key, configurable over the control API."""

import math
import time
from collections.abc import Callable, MutableMapping

from starlette.requests import Request
from starlette.responses import JSONResponse


class AgencyRateLimiter:
    """At most `per_second` calls per second and key, with bursts of `burst`; 0 per second means no limit."""

    def __init__(self, per_second: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_second = per_second
        self.burst = burst
        self._clock = clock
        self._buckets: MutableMapping[str, tuple[float, float]] = {}

    def __repr__(self) -> str:
        return f"<Rate {self.per_second:g}/s burst={self.burst}>"

    def acquire(self, key: str) -> int:
        """Take a token of the key; returns 0, or the whole seconds until the key may call again."""
        if not self.per_second:
            return 0
        now = self._clock()
        tokens, since = self._buckets.get(key, (float(self.burst), now))
        tokens = min(float(self.burst), tokens + (now - since) * self.per_second)
        allowed = tokens >= 1
        self._buckets[key] = (tokens - 1 if allowed else tokens, now)
        return 0 if allowed else math.ceil((1 - tokens) / self.per_second)

    async def serve_setting(self, request: Request) -> JSONResponse:
        """`GET|PUT /rate` with `{"per_second": number}`; a PUT refills every bucket."""
        if request.method == "PUT":
            values = await request.json()
            wanted = values.get("per_second") if isinstance(values, dict) else None
            if isinstance(wanted, bool) or not isinstance(wanted, int | float) or not 0 <= wanted < math.inf:
                return JSONResponse({"error": 'a rate is {"per_second": number}, 0 for no limit.'}, status_code=400)
            self.per_second = wanted
            self._buckets.clear()
        return JSONResponse({"per_second": self.per_second, "burst": self.burst})
