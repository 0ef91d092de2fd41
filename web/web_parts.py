"""The parts of the hub's HTTP side; the composition root provides them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import Lifespan

from engine.sharing.shared_answers import SharedAnswers
from telemetry.metrics.request_counts import RequestCounts
from web.admission.load_shedder import LoadShedder
from web.authentication import Authenticate
from web.endpoints.health import CheckReadiness
from web.graphql.execute import Execute
from web.middleware.entity_tags import EntityTags
from web.middleware.request_spans import NoRequestSpans, StartRequestSpan
from web.pages.graphiql import LoadSamplePeople
from web.pages.page_renderer import PageLinks, PageRenderer
from web.rate_limits.caller_limiter import CallerLimiter, NoCallerLimiter
from web.rate_limits.failed_tokens import FailedTokenCounter, NoFailedTokens
from web.settings import WebSettings

HubLifespan = Lifespan[Starlette]
"""A resource that is opened before the first request and closed after the last."""


class Routed(Protocol):
    """Something that is served besides `/graphql`: an endpoint, a page, or several of them."""

    def routes(self) -> Sequence[Route]:
        """The routes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebParts:
    """The parts of the HTTP side. A feature that a hub does not have is a part that does nothing."""

    execute: Execute
    authenticate: Authenticate
    """Verifies tokens."""
    ready: CheckReadiness
    settings: WebSettings
    entity_tags: EntityTags
    shared_answers: SharedAnswers = field(default_factory=SharedAnswers.without_engine)
    """What requests for public data share."""
    endpoints: Sequence[Routed] = ()
    """Everything that is served besides `/graphql`, health and GraphiQL."""
    pages: PageRenderer = field(default_factory=partial(PageRenderer, PageLinks()))
    """Renders the page that tells a browser that a path is not found."""
    sample_people: LoadSamplePeople | None = None
    """Sample people for GraphiQL. Everybody who can open the page can read their tokens: for development only."""
    lifespan: HubLifespan | None = None
    caller_limiter: CallerLimiter = field(default_factory=NoCallerLimiter)
    failed_tokens: FailedTokenCounter = field(default_factory=NoFailedTokens)
    request_spans: StartRequestSpan = field(default_factory=NoRequestSpans)
    load_shedder: LoadShedder = field(default_factory=partial(LoadShedder, max_lag=0))
    requests: RequestCounts = field(default_factory=RequestCounts)
