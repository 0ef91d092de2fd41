"""The food price service of the sandbox city: REST with an API key and a rate limit (`docs/agencies/pangan.md`)."""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from sandbox import pangan_answers as answers
from sandbox.agency import AgencySpec
from sandbox.control import REFUSED, Control, Latency, Mode
from sandbox.pangan_data import Prices, prices
from sandbox.pangan_markets import CITIES, COMMODITIES, MARKETS
from sandbox.rate import Rate
from sandbox.serving import serve

KEY_HEADER = "app-client-id"
TYPICAL = Latency(200, 700)
PER_SECOND, BURST = 1.0, 5
THROTTLED = "throttled"
"""The operation that a call over the rate is counted as."""

_YEAR_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


def run(spec: AgencySpec) -> None:
    """Serves the agency until it is told to stop."""
    rate = Rate(PER_SECOND if spec.latency else 0, BURST)
    latency = TYPICAL if spec.latency else Latency(0, 0)
    control = Control(spec.name, latency, routes=[Route("/rate", rate.endpoint, methods=["GET", "PUT"])])
    serve(spec, control, PriceService(spec, control, rate, prices()).app())


@dataclass(frozen=True, slots=True)
class PriceService:
    """The three endpoints over the prices of the city."""

    spec: AgencySpec
    control: Control
    rate: Rate
    prices: Prices

    def app(self) -> Starlette:
        """The application of the agency's port."""
        return Starlette(
            routes=[
                self._route("/api2/v1/master-data/market", self._markets),
                self._route("/api2/v2/public/master-data/commodity/markets/{market_id}", self._newest),
                self._route("/api2/v1/public/report", self._report),
            ],
            exception_handlers={404: _nothing_here, 405: _nothing_here},
        )

    def _route(self, path: str, answer: Callable[[Request], Response]) -> Route:
        """One endpoint: key, rate, counting and mode first, then `answer`."""

        async def endpoint(request: Request) -> Response:
            key = request.headers.get(KEY_HEADER, "")
            if not self._knows(key):
                self.control.count(REFUSED)
                return _refused(401, f"{KEY_HEADER} is missing or not valid")
            if wait := self.rate.wait_of(key):
                self.control.count(THROTTLED)
                return _refused(429, "too many requests", {"Retry-After": str(wait)})
            await self.control.before(f"GET {path}")
            if self.control.mode is Mode.ERROR:
                return _refused(500, "internal server error")
            if self.control.mode is Mode.RUBBISH:
                return HTMLResponse("<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>")
            return answer(request)

        return Route(path, endpoint, methods=["GET"])

    def _markets(self, request: Request) -> Response:
        return JSONResponse(answers.markets(request.query_params.get("search_text", "")))

    def _newest(self, request: Request) -> Response:
        market = _number(request.path_params["market_id"])
        if market not in (answers.ALL_MARKETS, *MARKETS):
            return _refused(404, "market not found")
        return JSONResponse(answers.newest(self.prices, market))

    def _report(self, request: Request) -> Response:
        kind, month = (request.query_params.get(name, "") for name in ("filterBy", "yearMonth"))
        wanted = _number(request.query_params.get("Id", ""))
        if not _YEAR_MONTH.fullmatch(month):
            return _refused(400, "yearMonth must look like 2026-10")
        if kind == "commodity" and wanted in COMMODITIES:
            chosen = iter([COMMODITIES[wanted]])
            return JSONResponse(answers.report(lambda one: self.prices.mean(MARKETS, one), chosen, month))
        commodities = iter(COMMODITIES.values())
        if kind == "market" and wanted in MARKETS:
            return JSONResponse(answers.report(lambda one: self.prices.observed(wanted, one), commodities, month))
        if kind == "city" and wanted in CITIES:
            within = [market.id for market in MARKETS.values() if market.city == wanted]
            return JSONResponse(answers.report(lambda one: self.prices.mean(within, one), commodities, month))
        if kind not in {"market", "commodity", "city"}:
            return _refused(400, "filterBy must be market, commodity or city")
        return _refused(404, f"{kind} not found")

    def _knows(self, key: str) -> bool:
        right = secrets.compare_digest(key.encode(), self.spec.secret.encode())
        return right and self.control.mode is not Mode.REFUSE


def _number(text: str) -> int:
    """A number of the service, or -1, which it never uses, for any other text."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1  # noqa: PLR2004 - numbers are short


def _refused(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"status": status, "message": message}, status_code=status, headers=headers)


async def _nothing_here(_request: Request, _error: Exception) -> Response:
    return _refused(404, "not found")
