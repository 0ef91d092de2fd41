"""Builds the consent services over the hub's own database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.webhooks import NO_TRACES, TraceStarter, WebhookSender
from schema.tools.consent_preview import grants_anything
from services.consents.consent_purge import ConsentPurge
from services.consents.consent_services import ConsentServices, build_consent_services
from services.consents.partner_consents import ConsentRules
from settings import Settings
from store.consents.consent_tables import build_consent_tables


def build_consent_parts(
    settings: Settings,
    state: AsyncEngine,
    graph_fields: frozenset[str],
    purges: Sequence[ConsentPurge] = (),
    tracing: TraceStarter = NO_TRACES,
) -> ConsentServices:
    """Build the consent services; `graph_fields` are the fields of this hub's graph.

    `purges` are the components that store data under consents. `tracing` traces the calls of partners' webhooks.
    """
    return build_consent_services(
        build_consent_tables(state),
        secret=settings.secret_bytes,
        rules=ConsentRules(
            policy=settings.policy,
            scope_check=grants_anything,
            graph_fields=graph_fields,
            answer_within=timedelta(seconds=settings.consent_answer_within),
            development=settings.development,
        ),
        webhook_sender=WebhookSender(
            timeout=settings.webhook_timeout, development=settings.development, traces=tracing
        ),
        purges=purges,
    )
