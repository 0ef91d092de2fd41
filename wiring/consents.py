"""What concerns consent, put together over the hub's own tables."""

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
    settings: Settings, state: AsyncEngine, purges: Sequence[ConsentPurge] = (), tracing: TraceStarter = NO_TRACES
) -> ConsentServices:
    """What concerns consent, over the hub's own database; `purges` are those that keep something under consents.

    `tracing` are told of what partners are told.
    """
    return build_consent_services(
        build_consent_tables(state),
        secret=settings.secret_bytes,
        rules=ConsentRules(
            policy=settings.policy,
            scope_check=grants_anything,
            answer_within=timedelta(seconds=settings.consent_answer_within),
            development=settings.development,
        ),
        webhook_sender=WebhookSender(
            timeout=settings.webhook_timeout, development=settings.development, traces=tracing
        ),
        purges=purges,
    )
