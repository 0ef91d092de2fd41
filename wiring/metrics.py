"""What the hub counts of itself, put together: who counts, who gathers, and who may see it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from auth.issuer_keys import IssuerKeys
from connectors.policies.gate import Gate
from engine.batch import Agencies
from resolvers.kept_answers import KeptAnswers
from settings import Settings
from store.access_ledger import AccessLedger
from telemetry.metrics.agencies import AgencyNumbers
from telemetry.metrics.health import AgencyHealth, health_of
from telemetry.metrics.hub import HubNumbers
from telemetry.metrics.measuring import Measuring
from telemetry.metrics.readers import ReaderNumbers
from telemetry.metrics.requests import OperationCounts, RequestCounts
from telemetry.metrics.text import as_text
from web.health import IssuerState
from web.limiting import Limiting
from web.metrics import Metrics
from web.pages import Pages
from web.shedding import Shedding
from web.status_page import StatusPage

_AT_MOST_OLD = 1.0
"""Seconds for which the status page takes numbers that were gathered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """Those to whom the parts of the hub tell what happens."""

    requests: RequestCounts
    operations: OperationCounts
    measuring: Measuring
    names: Sequence[str]
    """The agencies."""

    async def exposed(self, accept: str) -> tuple[bytes, str]:
        """The numbers of all processes, as Prometheus reads them."""
        # In a thread: with hundreds of operations the text takes tens of milliseconds, and requests go on meanwhile.
        return await asyncio.to_thread(as_text, await self.measuring.whole(), accept)

    async def healths(self) -> Sequence[AgencyHealth]:
        """How the agencies are, as far as all processes know; nobody is asked."""
        return health_of(self.names, await self.measuring.whole(at_most_old=_AT_MOST_OLD), time.time())


def counting(
    settings: Settings,
    gates: Mapping[str, Gate],
    agencies: Agencies,
    *,
    kept: KeptAnswers | None,
    ledger: AccessLedger | None,
    limits: Limiting,
    issuers: Sequence[IssuerKeys],
    shedding: Shedding | None = None,
    readers: ReaderNumbers,
) -> Counting:
    """Who counts. Nothing is opened yet; what is None does not exist in this hub."""
    requests, operations = RequestCounts(), OperationCounts()
    of_agencies = AgencyNumbers(gates, reads=agencies.reads, hits=None if kept is None else kept.batches.hits)

    def redis() -> Mapping[str, bool]:
        found = {}
        if limits.shared is not None:
            found["limits"] = limits.shared.up
        if kept is not None and kept.is_shared:
            found["kept"] = not kept.alone
        return found

    hub = HubNumbers(
        kept=kept,
        ledger=ledger,
        shedding=shedding,
        redis=redis,
        issuers=lambda: {each.issuer.name: each.state for each in issuers if each.remote},
        states=[state.value for state in IssuerState],
    )
    measuring = Measuring(
        (of_agencies, requests, operations, hub, readers), agencies=of_agencies.totals, folder=settings.run_folder
    )
    return Counting(requests=requests, operations=operations, measuring=measuring, names=of_agencies.names)


def metrics(settings: Settings, counts: Counting) -> Metrics | None:
    """Where Prometheus reads; None where nobody could prove to be it."""
    token = settings.metrics_token
    if token is None and not settings.development:
        return None
    return Metrics(counts.exposed, token=None if token is None else token.get_secret_value())


def status_page(settings: Settings, counts: Counting, pages: Pages) -> StatusPage | None:
    """The page that shows how the agencies are, where the operator shows it and there are any."""
    if not settings.status_page or not counts.names:
        return None
    return StatusPage(counts.healths, pages, with_consents=settings.sign_in_issuer is not None)
