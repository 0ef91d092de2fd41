"""Everything that concerns consent, put together: for citizens, for partners, and for the time in between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from auth.policy import Policy
from auth.sealed_people import SealedPeople
from auth.webhook_signatures import WebhookSignatures
from connectors.webhooks import Traces, WebhookSender
from resolvers.own_consents import OwnConsents
from resolvers.partner_consents import Opens, PartnerConsents
from resolvers.purges import Purges, Purging
from resolvers.upkeep import Upkeep
from resolvers.webhooks import Deliveries
from store.consent_tables import ConsentTables


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentParts:
    """The parts."""

    own: OwnConsents
    """For the graph."""
    partners: PartnerConsents
    """For partners, beside the graph."""
    upkeep: Upkeep
    """For the time in between."""


def consent_parts(
    tables: ConsentTables,
    *,
    secret: bytes,
    policy: Policy,
    opens: Opens,
    answer_within: timedelta,
    patience: float,
    development: bool,
    purges: Sequence[Purges] = (),
    traces: Traces | None = None,
) -> ConsentParts:
    """The parts over the hub's tables.

    `patience` is how many seconds a partner's webhook may take; `purges` are those that keep something under consents,
    besides the tables. `traces` are told of calls of webhooks.
    """
    people = SealedPeople(secret)
    purging = Purging(tables.upkeep, (tables.tries, *purges), people)
    deliveries = Deliveries(
        tables.outbox,
        tables.registry,
        WebhookSignatures(secret),
        WebhookSender(patience=patience, development=development, traces=traces),
        development=development,
    )
    return ConsentParts(
        own=OwnConsents(
            requests=tables.requests,
            consents=tables.consents,
            wishes=tables.wishes,
            tries=tables.tries,
            people=people,
            purging=purging,
        ),
        partners=PartnerConsents(
            requests=tables.requests,
            consents=tables.consents,
            registry=tables.registry,
            policy=policy,
            opens=opens,
            answer_within=answer_within,
            development=development,
        ),
        upkeep=Upkeep(tables.upkeep, purging, deliveries),
    )
