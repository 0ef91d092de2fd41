"""`/status`: the public status of all agencies. It shows names, stages, times and shares, but no hosts or error texts.

The page uses counters that the hub keeps anyway, so it calls no agency. It works without scripts; a script updates it
with `/status/now`, the part that changes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from math import log10
from time import monotonic, time
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from telemetry.metrics.health import AgencyHealth, CallSummary, HealthState
from web.pages.page_renderer import PAGE_POLICY, PageRenderer
from web.pages.words import Words

PATH: Final = "/status"
NOW_PATH: Final = "/status/now"
POLICY: Final = f"{PAGE_POLICY}; script-src 'self'; connect-src 'self'"
"""Allows only the page's own script, and only requests to this hub."""
_MAX_AGE: Final = 1.0
"""Seconds for which a rendered page is reused."""
_MILLISECONDS: Final = 1000
_TROUBLED_STATES: Final = (HealthState.DOWN, HealthState.SHAKY)
"""Ordered from the worst."""

WIDTH: Final = 360
HEIGHT: Final = 96
_BAR: Final = 4
_STEP: Final = 6
_TOP: Final = 12
"""Space above the bars for the marks of failures."""
_MIN_SECONDS: Final = 0.001
_MAX_SECONDS: Final = 20.0
LINES: Final = (0.01, 0.1, 1.0, 10.0)
"""Horizontal lines, in seconds. The scale is logarithmic, and equal for all agencies."""

LoadAgencyHealth = Callable[[], Awaitable[Sequence[AgencyHealth]]]
"""Loads the health of all agencies, without calls to them."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One minute of a chart. Positions are in units of the chart, y from the top."""

    x: int
    median_y: float
    slow_y: float
    failed: bool


@dataclass(frozen=True, slots=True)
class Sparkline:
    """The last hour of an agency as a small chart: a bar per minute, and a mark for failed calls."""

    bars: Sequence[Bar]
    lines: Sequence[tuple[float, float]]
    """Horizontal lines: seconds and y."""
    width: int = WIDTH
    height: int = HEIGHT
    bar: int = _BAR


@dataclass(frozen=True, slots=True)
class _AgencyView:
    """One agency, as texts for the template."""

    name: str
    health: str
    """The value of its health state, which selects style and icon."""
    state: str
    means: str
    summary: str
    """The content of the chart as text."""
    picture: Sparkline
    facts: Sequence[tuple[str, str]]


class StatusPage:
    """The page. `preparing` holds the stage of each agency of the city that is not live, by its code."""

    def __init__(self, load_health: LoadAgencyHealth, preparing: Mapping[str, str], pages: PageRenderer) -> None:
        self._load_health = load_health
        self._preparing = preparing
        self._pages = pages
        self._rendered: dict[str, tuple[float, str]] = {}
        """By language: time of rendering, and HTML."""

    def routes(self) -> list[Route]:
        """The routes."""
        return [Route(PATH, self._show, methods=["GET"]), Route(NOW_PATH, self._show_now, methods=["GET"])]

    async def _show(self, request: Request) -> Response:
        live = await self._render_live_part(self._pages.get_words(request))
        return self._pages.render_page(request, "status.html", policy=POLICY, live=live)

    async def _show_now(self, request: Request) -> Response:
        live = await self._render_live_part(self._pages.get_words(request))
        return HTMLResponse(live, headers={"Cache-Control": "no-store", "Vary": "Accept-Language"})

    async def _render_live_part(self, words: Words) -> str:
        at, html = self._rendered.get(words.language, (0.0, ""))
        if not html or monotonic() - at >= _MAX_AGE:
            found = await self._load_health()
            html = self._pages.render_part(
                "status_now.html",
                words,
                worst=_find_worst_state(found).value,
                overall=_describe_overall(found, words),
                agencies=[_build_agency_view(each, words) for each in found],
                preparing=[
                    (_get_display_name(code, words), words["status"]["stages"][stage])
                    for code, stage in self._preparing.items()
                ],
                time=words.time(time()),
            )
            self._rendered[words.language] = monotonic(), html
        return html


def _find_worst_state(found: Sequence[AgencyHealth]) -> HealthState:
    return next((state for state in _TROUBLED_STATES if any(each.health is state for each in found)), HealthState.UP)


def _describe_overall(found: Sequence[AgencyHealth], words: Words) -> str:
    """One sentence about all agencies."""
    unwell = [_get_display_name(each.name, words) for each in found if each.health in _TROUBLED_STATES]
    text = words["status"]["some" if unwell else "none"]
    return str(text).format(count=len(unwell), all=len(found), names=", ".join(unwell))


def _build_agency_view(agency: AgencyHealth, words: Words) -> _AgencyView:
    status, health = words["status"], agency.health.value
    return _AgencyView(
        name=_get_display_name(agency.name, words),
        health=health,
        state=status["states"][health],
        means=status["means"][health],
        summary=_describe_hour(agency.hour, words),
        picture=build_sparkline(agency.minutes),
        facts=[(status["facts"][name], text) for name, text in _list_facts(agency, words)],
    )


def _get_display_name(agency: str, words: Words) -> str:
    text = words.agency_names.get(agency, agency)
    return text[0].upper() + text[1:]


def _describe_hour(hour: CallSummary | None, words: Words) -> str:
    status = words["status"]
    if hour is None:
        return str(status["no_calls"])
    values = {"calls": words.number(hour.calls), "failed": words.number(hour.failed)}
    if hour.median is None or hour.p95 is None:  # no call was sent
        return str(status["calls"]).format(**values)
    return str(status["hour"]).format(
        median=_format_duration(hour.median, words), slow=_format_duration(hour.p95, words), **values
    )


def _list_facts(agency: AgencyHealth, words: Words) -> Sequence[tuple[str, str]]:
    status = words["status"]
    last = agency.last_answer
    facts = [
        ("stage", status["stages"]["live"]),
        ("last_answer", status["not_yet"] if last is None else words.time(last)),
    ]
    if agency.data_from is not None:
        facts.append(("data_from", words.time(agency.data_from) if agency.data_from else status["not_yet"]))
    if agency.breaker is not None:
        facts.append(("breaker", status["breakers"][agency.breaker]))
    if agency.cache_hit_share is not None:
        share = str(status["kept"]).format(share=words.number(round(100 * agency.cache_hit_share)))
        facts.append(("found_kept", share))
    facts.append(("stale", words.number(agency.stale)))
    if agency.quota is not None and agency.quota_left is not None:
        left, quota = words.number(agency.quota_left), words.number(agency.quota)
        facts.append(("quota", str(status["quota"]).format(left=left, quota=quota)))
    return facts


def _format_duration(seconds: float, words: Words) -> str:
    """A duration as text: in milliseconds, or in seconds with one decimal."""
    status = words["status"]
    if seconds < 1:
        return str(status["milliseconds"]).format(value=max(1, round(seconds * _MILLISECONDS)))
    return str(status["seconds"]).format(value=words.number(round(seconds, 1)))


def build_sparkline(points: Sequence[CallSummary | None]) -> Sparkline:
    """Build the chart from minutes, the oldest first."""
    bars = [
        Bar(
            at * _STEP + 1,
            _scale_y(point.median or _MIN_SECONDS),
            _scale_y(point.p95 or _MIN_SECONDS),
            failed=point.failed > 0,
        )
        for at, point in enumerate(points)
        if point is not None
    ]
    return Sparkline(bars, [(each, _scale_y(each)) for each in LINES])


def _scale_y(seconds: float) -> float:
    share = log10(min(max(seconds, _MIN_SECONDS), _MAX_SECONDS) / _MIN_SECONDS) / log10(_MAX_SECONDS / _MIN_SECONDS)
    return round(HEIGHT - max(1.0, share * (HEIGHT - _TOP)), 1)
