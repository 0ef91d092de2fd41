"""Builds the consent services: for citizens, for partners, and for background maintenance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auth.crypto.sealed_people import SealedPeople
from auth.crypto.webhook_signatures import WebhookSignatures
from connectors.webhooks import WebhookSender
from services.consents.consent_maintenance import ConsentMaintenanceLoop
from services.consents.consent_purge import ConsentPurge, ConsentPurger
from services.consents.database_consents import DatabaseConsents
from services.consents.partner_consents import ConsentRules, PartnerConsents
from services.consents.webhook_delivery import WebhookDelivery
from store.consents.consent_tables import ConsentTables


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentServices:
    """The consent services of a hub."""

    database: DatabaseConsents
    """Answers the graph."""
    partners: PartnerConsents
    """Answers the partners' HTTP API."""
    maintenance: ConsentMaintenanceLoop
    """Expires, purges and notifies in the background."""


def build_consent_services(
    tables: ConsentTables,
    *,
    secret: bytes,
    rules: ConsentRules,
    webhook_sender: WebhookSender,
    purges: Sequence[ConsentPurge] = (),
) -> ConsentServices:
    """Build the services over the hub's tables.

    `purges` are the components that store data under consents, besides the tables.
    """
    people = SealedPeople(secret)
    purger = ConsentPurger(tables.maintenance, (tables.tries, *purges), people)
    deliveries = WebhookDelivery(
        tables.outbox,
        tables.registry,
        WebhookSignatures(secret),
        webhook_sender,
        development=rules.development,
    )
    return ConsentServices(
        database=DatabaseConsents(tables=tables, people=people, purger=purger, graph_fields=rules.graph_fields),
        partners=PartnerConsents(
            requests=tables.requests,
            consents=tables.consents,
            registry=tables.registry,
            rules=rules,
        ),
        maintenance=ConsentMaintenanceLoop(tables.maintenance, purger, deliveries),
    )
