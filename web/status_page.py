"""`/status`: how each agency is, for anybody. It shows names, times and shares, no hosts and no texts of errors.

What it shows is read off what the hub counts anyway: nobody is asked for it, however often it is opened. It stands
there without scripts; with them it is kept up to date by `/status/now`, the part of it that changes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from time import monotonic, time
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from telemetry.metrics.health import AgencyHealth, Health, Point
from web.pages import PAGE_POLICY, Pages
from web.sparkline import Sparkline, sparkline
from web.words import Words

PATH: Final = "/status"
NOW: Final = "/status/now"
POLICY: Final = f"{PAGE_POLICY}; script-src 'self'; connect-src 'self'"
"""The page's own script alone may run, and ask this hub alone."""
_AT_MOST_OLD: Final = 1.0
"""Seconds for which a page is shown again as it is."""
_MILLISECONDS: Final = 1000
_UNWELL: Final = (Health.DOWN, Health.SHAKY)
"""The worst first."""

Healths = Callable[[], Awaitable[Sequence[AgencyHealth]]]
"""How the agencies are; nobody is asked."""


@dataclass(frozen=True, slots=True)
class _Shown:
    """One agency, in words."""

    name: str
    health: str
    """Its value: what its style and its sign are called."""
    state: str
    means: str
    summary: str
    """What the picture shows, as text."""
    picture: Sparkline
    facts: Sequence[tuple[str, str]]


class StatusPage:
    """The page."""

    def __init__(self, healths: Healths, pages: Pages, *, with_consents: bool) -> None:
        """`with_consents` says whether the hub has pages for people who sign in, to which this one leads, too."""
        self._healths = healths
        self._pages = pages
        self._with_consents = with_consents
        self._rendered: dict[str, tuple[float, str]] = {}
        """By language: when it was rendered, and what."""

    def routes(self) -> list[Route]:
        """Where it is served."""
        return [Route(PATH, self._show, methods=["GET"]), Route(NOW, self._show_now, methods=["GET"])]

    async def _show(self, request: Request) -> Response:
        live = await self._live(self._pages.words(request))
        return self._pages.page(request, "status.html", policy=POLICY, live=live, with_consents=self._with_consents)

    async def _show_now(self, request: Request) -> Response:
        live = await self._live(self._pages.words(request))
        return HTMLResponse(live, headers={"Cache-Control": "no-store", "Vary": "Accept-Language"})

    async def _live(self, words: Words) -> str:
        at, html = self._rendered.get(words.language, (0.0, ""))
        if not html or monotonic() - at >= _AT_MOST_OLD:
            found = await self._healths()
            html = self._pages.part(
                "status_now.html",
                words,
                worst=_worst(found).value,
                overall=_overall(found, words),
                agencies=[_shown(each, words) for each in found],
                time=words.time(time()),
            )
            self._rendered[words.language] = monotonic(), html
        return html


def _worst(found: Sequence[AgencyHealth]) -> Health:
    return next((state for state in _UNWELL if any(each.health is state for each in found)), Health.UP)


def _overall(found: Sequence[AgencyHealth], words: Words) -> str:
    """One sentence about all of them."""
    unwell = [_name(each.name, words) for each in found if each.health in _UNWELL]
    text = words["status"]["some" if unwell else "none"]
    return str(text).format(count=len(unwell), all=len(found), names=", ".join(unwell))


def _shown(agency: AgencyHealth, words: Words) -> _Shown:
    status, health = words["status"], agency.health.value
    return _Shown(
        name=_name(agency.name, words),
        health=health,
        state=status["states"][health],
        means=status["means"][health],
        summary=_summary(agency.hour, words),
        picture=sparkline(agency.points),
        facts=[(status["facts"][name], text) for name, text in _facts(agency, words)],
    )


def _name(agency: str, words: Words) -> str:
    text = words.named("status", f"names.{agency}", agency)
    return text[0].upper() + text[1:]


def _summary(hour: Point | None, words: Words) -> str:
    status = words["status"]
    if hour is None:
        return str(status["no_calls"])
    values = {"calls": words.number(hour.calls), "failed": words.number(hour.failed)}
    if hour.median is None or hour.slow is None:  # all of them were given up before they were sent
        return str(status["calls"]).format(**values)
    return str(status["hour"]).format(median=_duration(hour.median, words), slow=_duration(hour.slow, words), **values)


def _facts(agency: AgencyHealth, words: Words) -> Sequence[tuple[str, str]]:
    status = words["status"]
    last = agency.last_answer
    facts = [("last_answer", status["not_yet"] if last is None else words.time(last))]
    if agency.breaker is not None:
        facts.append(("breaker", status["breakers"][agency.breaker]))
    if agency.found_kept is not None:
        share = str(status["kept"]).format(share=words.number(round(100 * agency.found_kept)))
        facts.append(("found_kept", share))
    facts.append(("stale", words.number(agency.stale)))
    if agency.quota is not None and agency.quota_left is not None:
        left, quota = words.number(agency.quota_left), words.number(agency.quota)
        facts.append(("quota", str(status["quota"]).format(left=left, quota=quota)))
    return facts


def _duration(seconds: float, words: Words) -> str:
    """A time as people read it: in thousandths of a second, or in seconds with a tenth."""
    status = words["status"]
    if seconds < 1:
        return str(status["milliseconds"]).format(value=max(1, round(seconds * _MILLISECONDS)))
    return str(status["seconds"]).format(value=words.number(round(seconds, 1)))
