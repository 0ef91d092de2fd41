"""What concerns consent, put together over the hub's own tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.webhooks import Traces
from resolvers.consent_parts import ConsentParts, consent_parts
from resolvers.purges import Purges
from schema.consent_preview import opens
from settings import Settings
from store.consent_tables import consent_tables


def consenting(
    settings: Settings, state: AsyncEngine, purges: Sequence[Purges] = (), traces: Traces | None = None
) -> ConsentParts:
    """What concerns consent, over the hub's own database; `purges` are those that keep something under consents.

    `traces` are told of what partners are told.
    """
    return consent_parts(
        consent_tables(state),
        secret=settings.secret_bytes,
        policy=settings.policy,
        opens=opens,
        answer_within=timedelta(seconds=settings.consent_answer_within),
        patience=settings.webhook_timeout,
        development=settings.development,
        purges=purges,
        traces=traces,
    )
