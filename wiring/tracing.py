"""Builds the tracing of this process, if traces are collected."""

from __future__ import annotations

from settings import Settings
from telemetry.tracing import NoTracing, Tracing
from web.middleware.request_spans import NoRequestSpans, RequestSpans, StartRequestSpan


def build_tracing(settings: Settings) -> Tracing | NoTracing:
    """The tracing of this process."""
    if settings.traces_url is None:
        return NoTracing()
    return Tracing(settings.traces_url, sample_ratio=settings.traces_sample_ratio)


def build_request_spans(settings: Settings, tracing: Tracing | NoTracing) -> StartRequestSpan:
    """The spans of requests, if traces are collected."""
    if isinstance(tracing, NoTracing):
        return NoRequestSpans()
    return RequestSpans(
        tracing,
        trusted_callers=[str(each) for each in settings.traces_trusted_callers],
        proxies=settings.web.trusted_proxies,
    )
