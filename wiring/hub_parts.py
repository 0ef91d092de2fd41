"""The parts of a hub, besides its settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from graphql import GraphQLSchema

from auth.oidc.page_session import SessionStore
from connectors.agency_probes import AgencyProbes
from connectors.resilience.gate import Gate
from engine.agencies.bindings import Agencies
from engine.reporting import NoReadRecorder, ReadRecorder
from resolvers.answer_cache import AnswerCache, NoAnswerCache
from services.commands.complaint_photos import ComplaintPhotoFiles
from services.consents.partner_consents import PartnerConsents
from services.ledger.data_tracker import UsageHistory
from services.ledger.refusal_tally import NoRefusalStore, RefusalStore
from services.rights.exports import ExportSlots
from services.usage.service_use_tally import NoServiceUseStore, ServiceUseStore
from store.ledger.access_ledger import LedgerWriter, NoLedger
from telemetry.metrics.commands import MeasuredCommands
from telemetry.metrics.shadows import MeasuredShadow
from telemetry.metrics.snapshots import MeasuredSnapshot
from telemetry.no_tracing import NoTracing
from web.pages.graphiql import LoadSamplePeople
from web.web_parts import HubLifespan
from wiring.operations import NoOperations, RegisteredOperations

if TYPE_CHECKING:  # a hub without a collector does not load it
    from telemetry.tracing import Tracing


@dataclass(frozen=True, slots=True, kw_only=True)
class HubParts:
    """A schema of published records, the agencies that answer it, and the hub's own services.

    A part that is None is a feature that this hub does not serve.
    """

    schema: GraphQLSchema
    agencies: Agencies
    agency_probes: AgencyProbes
    lifespan: HubLifespan
    """Opens and closes the resources of the agencies."""
    gates: Mapping[str, Gate] = field(default_factory=lambda: MappingProxyType({}))
    """The gate of each agency, which every call passes."""
    get_credential_expiries: Callable[[], Mapping[str, Mapping[str, float]]] = dict
    """When the credentials at agencies expire, for the metrics."""
    get_snapshots: Callable[[], Sequence[MeasuredSnapshot]] = tuple
    """The state of snapshots, for the metrics."""
    get_commands: Callable[[], Sequence[MeasuredCommands]] = tuple
    """The open commands of each agency, for the metrics."""
    shadows: Mapping[str, MeasuredShadow] = field(default_factory=lambda: MappingProxyType({}))
    """What was compared of agencies of stage `shadow`, for the metrics."""
    coalescing: bool = True
    """Whether equal operations that are pending at the same moment share one run."""
    cache_tokens: bool = True
    """Whether verified tokens are cached; otherwise each signature is checked every time."""
    recorder: ReadRecorder = field(default_factory=NoReadRecorder)
    """Records reads of personal data."""
    ledger: LedgerWriter = field(default_factory=NoLedger)
    """The ledger for the metrics."""
    registry: RegisteredOperations = field(default_factory=NoOperations)
    answer_cache: AnswerCache | NoAnswerCache = field(default_factory=NoAnswerCache)
    tracing: Tracing | NoTracing = field(default_factory=NoTracing)
    refusals: RefusalStore = field(default_factory=NoRefusalStore)
    service_uses: ServiceUseStore = field(default_factory=NoServiceUseStore)
    usages: UsageHistory | None = None
    """For the Data Tracker."""
    consents: PartnerConsents | None = None
    """For partners that request consents."""
    sessions: SessionStore | None = None
    """The sessions of the hub's own pages."""
    photos: ComplaintPhotoFiles | None = None
    """The photos of complaints."""
    export_slots: ExportSlots | None = None
    """For people who export their data."""
    sample_people: LoadSamplePeople | None = None
    """Sample people for GraphiQL."""
