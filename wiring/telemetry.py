"""Builds the hub's metrics (counters, their collection, the access to them) and its tracing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.agencies.bindings import AgencyReadCounts
from records.command_state import CommandState
from resolvers.answer_cache import AnswerCache
from settings import Settings
from store.ledger.access_ledger import AccessLedger
from telemetry.metrics.agencies import AgencyMetrics
from telemetry.metrics.commands import CommandMetrics
from telemetry.metrics.exposition import render_exposition
from telemetry.metrics.health import AgencyHealth, build_agency_health
from telemetry.metrics.hub import HubMetrics
from telemetry.metrics.metrics_collector import MetricsCollector
from telemetry.metrics.readers import ReaderMetrics
from telemetry.metrics.request_counts import OperationCounts, RequestCounts
from telemetry.metrics.shadows import ShadowMetrics
from telemetry.metrics.snapshots import SnapshotMetrics
from telemetry.no_tracing import NoTracing
from web.endpoints.health import IssuerState
from web.endpoints.metrics import MetricsEndpoint
from web.middleware.request_spans import NoRequestSpans, RequestSpans, StartRequestSpan
from web.pages.page_renderer import PageRenderer
from web.pages.status_page import StatusPage
from wiring.callers import CallerParts
from wiring.hub_parts import HubParts

if TYPE_CHECKING:  # `build_tracing` imports it
    from telemetry.tracing import Tracing

_MAX_AGE = 1.0
"""Seconds for which the status page may use collected numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HubCounters:
    """The counters to which the parts of the hub report."""

    requests: RequestCounts
    operations: OperationCounts
    collector: MetricsCollector
    agency_names: Sequence[str]
    """The agencies."""

    async def render(self, accept: str) -> tuple[bytes, str]:
        """The numbers of all processes, as Prometheus reads them."""
        # In a thread: with hundreds of operations the text takes tens of milliseconds, and requests go on meanwhile.
        return await asyncio.to_thread(render_exposition, await self.collector.collect_all(), accept)

    async def load_health(self) -> Sequence[AgencyHealth]:
        """The health of the agencies, as far as all processes know, without any call."""
        return build_agency_health(self.agency_names, await self.collector.collect_all(max_age=_MAX_AGE), time.time())


def build_counters(
    settings: Settings, parts: HubParts, callers: CallerParts, read_counts: Mapping[str, AgencyReadCounts]
) -> HubCounters:
    """Build the counters, without opening anything."""
    requests, operations = RequestCounts(), OperationCounts()
    rate_limits, budgets, answer_cache = callers.rate_limits, callers.budgets, parts.answer_cache
    cache = answer_cache if isinstance(answer_cache, AnswerCache) else None
    agency_metrics = AgencyMetrics(
        parts.gates,
        reads=read_counts,
        cache=cache.batches.hits if cache else {},
        get_expiries=parts.get_credential_expiries,
    )

    def get_redis_states() -> Mapping[str, bool]:
        found = {}
        if rate_limits.shared is not None:
            found["limits"] = rate_limits.shared.is_up
        if answer_cache.is_shared:
            found["cache"] = not answer_cache.is_cut_off
        return found

    hub = HubMetrics(
        cache=cache,
        ledger=parts.ledger if isinstance(parts.ledger, AccessLedger) else None,
        load_shedder=callers.load_shedder,
        get_redis_states=get_redis_states,
        get_issuer_states=lambda: {each.issuer.name: each.state for each in callers.issuers if each.is_remote},
        issuer_states=[state.value for state in IssuerState],
    )
    readers = ReaderMetrics(budgets.read_counts, callers.refusals.by_reason)
    measuring = MetricsCollector(
        (
            agency_metrics,
            requests,
            operations,
            hub,
            readers,
            SnapshotMetrics(parts.get_snapshots),
            CommandMetrics(parts.get_commands, [each.value for each in CommandState if each.is_open]),
            ShadowMetrics(parts.shadows),
        ),
        get_agency_totals=agency_metrics.get_totals,
        folder=settings.run_folder,
    )
    return HubCounters(requests=requests, operations=operations, collector=measuring, agency_names=agency_metrics.names)


def build_metrics_endpoint(settings: Settings, counts: HubCounters) -> MetricsEndpoint | None:
    """The endpoint for Prometheus; None outside development if it has no token."""
    token = settings.metrics_token
    if token is None and not settings.development:
        return None
    return MetricsEndpoint(counts.render, token=None if token is None else token.get_secret_value())


def build_status_page(settings: Settings, counts: HubCounters, pages: PageRenderer) -> StatusPage | None:
    """The status page of the agencies, if the operator shows it and there are any."""
    if not settings.status_page or not counts.agency_names:
        return None
    manifests = settings.city.manifests.items()
    preparing = {code: each.manifest.stage for code, each in manifests if not each.manifest.is_live}
    return StatusPage(counts.load_health, preparing, pages)


def build_tracing(settings: Settings) -> Tracing | NoTracing:
    """The tracing of this process."""
    if settings.traces_url is None:
        return NoTracing()
    from telemetry.tracing import Tracing  # noqa: PLC0415 - see `server.import_optional_parts`

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
