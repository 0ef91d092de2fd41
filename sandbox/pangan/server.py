"""The food price service of the sandbox city: REST with an API key and a rate limit (`docs/agencies/pangan.md`)."""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from sandbox.agency import AgencySpec
from sandbox.agency_server import serve
from sandbox.control import REFUSED, AgencyControl, AgencyMode, Latency
from sandbox.pangan import responses as answers
from sandbox.pangan.markets import CITIES, COMMODITIES, MARKETS
from sandbox.pangan.prices import PriceData, build_prices
from sandbox.pangan.rate_limiter import AgencyRateLimiter

KEY_HEADER = "app-client-id"
TYPICAL_LATENCY = Latency(200, 700)
PER_SECOND, BURST = 1.0, 5
THROTTLED = "throttled"
"""The operation name under which throttled calls are counted."""

_YEAR_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


def run(spec: AgencySpec) -> None:
    """Serve the agency until a stop signal."""
    rate = AgencyRateLimiter(PER_SECOND if spec.latency else 0, BURST)
    latency = TYPICAL_LATENCY if spec.latency else Latency(0, 0)
    control = AgencyControl(spec.name, latency, routes=[Route("/rate", rate.serve_setting, methods=["GET", "PUT"])])
    serve(spec, control, PriceService(spec, control, rate, build_prices(spec.today)).build_app())


@dataclass(frozen=True, slots=True)
class PriceService:
    """The three endpoints over the prices of the city."""

    spec: AgencySpec
    control: AgencyControl
    rate: AgencyRateLimiter
    prices: PriceData

    def build_app(self) -> Starlette:
        """The application of the agency's port."""
        return Starlette(
            routes=[
                self._route("/api2/v1/master-data/market", self._list_markets),
                self._route("/api2/v2/public/master-data/commodity/markets/{market_id}", self._list_newest),
                self._route("/api2/v1/public/report", self._build_report),
            ],
            exception_handlers={404: _not_found, 405: _not_found},
        )

    def _route(self, path: str, answer: Callable[[Request], Response]) -> Route:
        """One endpoint: check key and rate, count and apply the mode, then call `answer`."""

        async def endpoint(request: Request) -> Response:
            key = request.headers.get(KEY_HEADER, "")
            if not self._is_valid_key(key):
                self.control.count_call(REFUSED)
                return _error_response(401, f"{KEY_HEADER} is missing or not valid")
            if wait := self.rate.acquire(key):
                self.control.count_call(THROTTLED)
                return _error_response(429, "too many requests", {"Retry-After": str(wait)})
            await self.control.begin_call(f"GET {path}")
            if self.control.mode is AgencyMode.ERROR:
                return _error_response(500, "internal server error")
            if self.control.mode is AgencyMode.RUBBISH:
                return HTMLResponse("<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>")
            return answer(request)

        return Route(path, endpoint, methods=["GET"])

    def _list_markets(self, request: Request) -> Response:
        return JSONResponse(answers.build_market_list(request.query_params.get("search_text", "")))

    def _list_newest(self, request: Request) -> Response:
        market = _parse_number(request.path_params["market_id"])
        if market not in (answers.ALL_MARKETS, *MARKETS):
            return _error_response(404, "market not found")
        return JSONResponse(answers.build_newest(self.prices, market))

    def _build_report(self, request: Request) -> Response:
        kind, month = (request.query_params.get(name, "") for name in ("filterBy", "yearMonth"))
        wanted = _parse_number(request.query_params.get("Id", ""))
        if not _YEAR_MONTH.fullmatch(month):
            return _error_response(400, "yearMonth must look like 2026-10")
        if kind == "commodity" and wanted in COMMODITIES:
            chosen = iter([COMMODITIES[wanted]])
            return JSONResponse(
                answers.build_report(lambda one: self.prices.mean_prices_of(MARKETS, one), chosen, month)
            )
        commodities = iter(COMMODITIES.values())
        if kind == "market" and wanted in MARKETS:
            return JSONResponse(
                answers.build_report(lambda one: self.prices.prices_of(wanted, one), commodities, month)
            )
        if kind == "city" and wanted in CITIES:
            within = [market.id for market in MARKETS.values() if market.city == wanted]
            return JSONResponse(
                answers.build_report(lambda one: self.prices.mean_prices_of(within, one), commodities, month)
            )
        if kind not in {"market", "commodity", "city"}:
            return _error_response(400, "filterBy must be market, commodity or city")
        return _error_response(404, f"{kind} not found")

    def _is_valid_key(self, key: str) -> bool:
        right = secrets.compare_digest(key.encode(), self.spec.secret.encode())
        return right and self.control.mode is not AgencyMode.REFUSE


def _parse_number(text: str) -> int:
    """A number of the service; -1, which it never uses, for any other text."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1  # noqa: PLR2004 - numbers are short


def _error_response(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"status": status, "message": message}, status_code=status, headers=headers)


async def _not_found(_request: Request, _error: Exception) -> Response:
    return _error_response(404, "not found")
