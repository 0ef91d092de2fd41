"""Builds the endpoints besides the graph, over the parts that this hub has."""

from __future__ import annotations

from collections.abc import Iterator

from auth.crypto.node_ids import NodeIds
from auth.crypto.webhook_signatures import AgencyHookSecrets
from resolvers.answer_cache import AnswerCache
from schema.tools.export_parts import build_export_parts
from settings import Settings
from web.authentication import RequestAuthenticator
from web.endpoints.agency_hooks import AgencyHooks
from web.endpoints.consents import ConsentEndpoints
from web.endpoints.data_tracker import DataTracker
from web.endpoints.export import ExportEndpoint, ExportParts
from web.endpoints.photos import PhotoEndpoint, find_no_caller
from web.graphql.execute import Execute
from web.web_parts import Routed
from wiring.callers import CallerParts
from wiring.hub_parts import HubParts
from wiring.pages import PageSignIn, build_page_sessions


def build_endpoints(settings: Settings, parts: HubParts, callers: CallerParts) -> Iterator[Routed]:
    """The endpoints for partners, the Data Tracker and agencies."""
    authenticator = _build_authenticator(settings, callers)
    if parts.consents is not None:
        yield ConsentEndpoints(parts.consents, authenticator=authenticator, public_url=settings.base_url)
    client = settings.data_tracker_client
    if parts.usages is not None and client:
        yield DataTracker(parts.usages, client=client, authenticator=authenticator)
    if isinstance(parts.answer_cache, AnswerCache):
        yield AgencyHooks(parts.answer_cache.batches, AgencyHookSecrets(settings.secret_bytes), settings.city.agencies)


def build_export(
    settings: Settings, parts: HubParts, callers: CallerParts, execute_export: Execute
) -> ExportEndpoint | None:
    """The endpoint for people who export their data."""
    if parts.export_slots is None:
        return None
    export = ExportParts(parts=build_export_parts(parts.schema), execute=execute_export, slots=parts.export_slots)
    return ExportEndpoint(export, authenticator=_build_authenticator(settings, callers), settings=settings.web)


def _build_authenticator(settings: Settings, callers: CallerParts) -> RequestAuthenticator:
    limits = callers.rate_limits
    return RequestAuthenticator(callers.tokens.verify, settings.web, limits.failed_tokens, limits.caller_limiter)


def build_photo_endpoint(
    settings: Settings, parts: HubParts, callers: CallerParts, sign_in: PageSignIn | None, execute: Execute
) -> PhotoEndpoint | None:
    """The endpoint; None without a store of photos."""
    if parts.photos is None:
        return None
    limits = callers.rate_limits
    find_caller = find_no_caller if sign_in is None else build_page_sessions(settings, sign_in).find_caller
    return PhotoEndpoint(
        parts.photos,
        execute,
        NodeIds(settings.secret_bytes),
        authenticator=RequestAuthenticator(
            callers.tokens.verify, settings.web, limits.failed_tokens, limits.caller_limiter
        ),
        find_session_caller=find_caller,
    )
