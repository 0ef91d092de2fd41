"""Who tells traces of what, where they are collected."""

from __future__ import annotations

from settings import Settings
from telemetry.traces import Traces
from web.request_spans import RequestSpans


def traces_of(settings: Settings) -> Traces | None:
    """The traces of this process; None where nobody collects them."""
    return None if settings.traces_url is None else Traces(settings.traces_url, share=settings.traces_share)


def request_spans(settings: Settings, traces: Traces | None) -> RequestSpans | None:
    """What traces are told of requests."""
    if traces is None:
        return None
    return RequestSpans(
        traces,
        trusted=[str(each) for each in settings.traces_trusted],
        proxies=settings.web.trusted_proxies,
    )
