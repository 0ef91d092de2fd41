"""Who tells traces of what, where they are collected."""

from __future__ import annotations

from settings import Settings
from telemetry.tracing import Tracing
from web.middleware.request_spans import RequestSpans


def build_tracing(settings: Settings) -> Tracing | None:
    """The traces of this process; None where nobody collects them."""
    return (
        None if settings.traces_url is None else Tracing(settings.traces_url, sample_ratio=settings.traces_sample_ratio)
    )


def build_request_spans(settings: Settings, tracing: Tracing | None) -> RequestSpans | None:
    """What traces are told of requests."""
    if tracing is None:
        return None
    return RequestSpans(
        tracing,
        trusted_callers=[str(each) for each in settings.traces_trusted_callers],
        proxies=settings.web.trusted_proxies,
    )
