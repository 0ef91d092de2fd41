"""What the hub knows by itself, who writes down what was read, and what removes it in time: over its own database."""

from __future__ import annotations

from graphql import GraphQLSchema
from sqlalchemy.ext.asyncio import AsyncEngine

from auth.entry_tokens import EntryTokens
from auth.pseudonyms import Pseudonyms
from auth.sealed_people import SealedPeople
from auth.sealed_texts import SealedTexts
from resolvers.consent_parts import ConsentParts
from resolvers.exports import KnownExports
from resolvers.own_state import OwnState
from schema.exports import export_parts
from schema.holdings import holders
from settings import Settings
from store.access_ledger import AccessLedger
from store.access_log import AccessLog
from store.data_requests import DataRequestTable
from store.retained import retained
from store.retention import Retention
from store.wishes import WishTable
from web.export import PATH as EXPORT_PATH
from wiring.consents import consenting


def own_state(
    settings: Settings, state: AsyncEngine, schema: GraphQLSchema, consents: ConsentParts | None = None
) -> OwnState:
    """What the hub knows by itself, out of its own database."""
    return OwnState(
        pseudonyms=Pseudonyms(settings.secret_bytes),
        people=SealedPeople(settings.secret_bytes),
        tokens=EntryTokens(settings.secret_bytes),
        log=AccessLog(state),
        wishes=WishTable(state),
        consents=(consents or consenting(settings, state)).own,
        requests=DataRequestTable(state),
        texts=SealedTexts(settings.secret_bytes),
        holders=holders(schema),
        exports=KnownExports(EXPORT_PATH, [each.name for each in export_parts(schema)]),
    )


def access_ledger(settings: Settings, state: AsyncEngine) -> AccessLedger | None:
    """Where who read what is written down; None where the operator keeps no ledger."""
    return AccessLedger(state, settings.secret_bytes, patience=settings.ledger_patience) if settings.ledger else None


def retention(settings: Settings, state: AsyncEngine) -> Retention:
    """What removes from the hub's database whatever is kept for a time."""
    return Retention(state, settings.secret_bytes, retained(), settings.keeping)
