"""Which document a request means, and whether this client may run it.

A request names a document by its id, or brings its text. Registered documents belong to one client each: to every
other, their ids are as unknown as those that do not exist. Looking an id up is one look into a dictionary: unknown ids
cost nothing, however many are tried.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.cost_budgets import CostBudget, DailyCostQuota, DailyQuotaStore
from engine.errors import build_request_error
from engine.refused_request import RefusedRequest
from engine.reporting.subject_reads import hash_document
from engine.request import DocumentId, GraphQLRequest
from records.hub.clients import ClientId
from records.hub.operations import FIRST_PARTY, ClientContract, OperationMode, RegisteredOperation

_log = logging.getLogger("simpul.operations")

NOT_FOUND = "PersistedQueryNotFound"
"""Apollo's words (Apollo Server, `PersistedQueryNotFoundError`), which its clients compare: they send the text next."""
NOT_SUPPORTED = "PersistedQueryNotSupported"
"""Apollo's words: its clients send texts from then on."""
MISMATCH = "provided sha does not match query"
"""Apollo's words."""

MAX_AUTOMATIC = 1024
MAX_AUTOMATIC_CHARACTERS = 8 * 1024 * 1024
_MAX_AUTOMATIC_LENGTH = 64 * 1024
_MAX_LOGGED = 1024


def hash_text(text: str) -> str:
    """The SHA-256 of a document, in hexadecimal."""
    return hash_document(text).hex()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientApplication:
    """The application that asks, as its token proves it."""

    client: ClientId
    scopes: frozenset[str] = frozenset()
    is_partner: bool = False
    """Whether it runs registered operations alone, unless its contract says otherwise."""
    is_system: bool = False
    """Whether it is a system of an agency, which is held to registered operations as `PersistedDocuments` says."""
    is_hub: bool = False
    """Whether the hub's own pages ask: what they run was written with the hub, and is registered nowhere."""

    @property
    def is_frontend(self) -> bool:
        """Whether people ask through it: the city's own app, or another.

        Without a contract it may run what a caller without a token may run. What it may read of a citizen depends on
        who it is, and is decided field by field (`auth/policy/rules.py`).
        """
        return not (self.is_partner or self.is_system)


@dataclass(frozen=True, slots=True)
class RegisteredTerms:
    """Under what terms a registered operation is run."""

    operation: RegisteredOperation
    quota: DailyCostQuota | None

    def check(self, variables: Mapping[str, Any]) -> None:
        """Refuse values outside what was agreed: raises `RefusedRequest`.

        `variables` are as the request gave them; defaults were looked at when the operation was registered.
        """
        for name, allowed in self.operation.ranges.items():
            fault = allowed.find_fault(variables.get(name))
            if fault is not None:
                message = f"The variable '${name}' of '{self.operation.name}' {fault}, as agreed with the client."
                raise RefusedRequest(build_request_error(message, "BAD_USER_INPUT"))

    def spend(self, points: int) -> Awaitable[None] | None:
        """Spend points of the client's day, as `DailyCostQuota.spend`."""
        return None if self.quota is None else self.quota.spend(points)


def charge(
    points: int, budget: CostBudget | None, terms: RegisteredTerms | None, variables: Mapping[str, Any] | None
) -> Awaitable[None] | None:
    """Have a run paid for, once a registered operation keeps to its terms; to be awaited where others are asked."""
    if terms is None:
        return None if budget is None else budget.spend(points)
    terms.check(variables or {})
    return _charge_all(points, budget, terms)


async def _charge_all(points: int, *budgets: CostBudget | None) -> None:
    """The caller pays first: a client's day is not spent by what its rate refuses."""
    for each in budgets:
        if each is not None and (paying := each.spend(points)) is not None:
            await paying


@dataclass(frozen=True, slots=True)
class _ClientDocuments:
    """What is known of one client."""

    mode: OperationMode
    by_id: Mapping[str, RegisteredTerms]
    by_text: Mapping[str, RegisteredTerms]


_WITHOUT_CONTRACT = {mode: _ClientDocuments(mode, {}, {}) for mode in OperationMode}
"""Without a contract, by how far they are held."""
_NO_FRONTEND_DOCUMENTS = _ClientDocuments(OperationMode.OFF, {}, {})


@dataclass(slots=True)
class _AutomaticDocuments:
    """Texts that first-party frontends sent with their hash (automatic persisted queries): bounded, the oldest go."""

    texts: OrderedDict[str, str] = field(default_factory=OrderedDict)
    characters: int = 0

    def find(self, digest: str) -> str | None:
        text = self.texts.get(digest)
        if text is not None:
            self.texts.move_to_end(digest)
        return text

    def store(self, digest: str, text: str) -> None:
        if digest in self.texts or len(text) > _MAX_AUTOMATIC_LENGTH:
            return
        self.texts[digest] = text
        self.characters += len(text)
        while len(self.texts) > MAX_AUTOMATIC or self.characters > MAX_AUTOMATIC_CHARACTERS:
            _, oldest = self.texts.popitem(last=False)
            self.characters -= len(oldest)


class PersistedDocuments:
    """The documents that this process knows by id, and how far each client is held to them."""

    def __init__(
        self,
        *,
        first_party: OperationMode = OperationMode.OFF,
        automatic: bool = False,
        systems: OperationMode = OperationMode.IDS_ONLY,
        quota_store: DailyQuotaStore | None = None,
    ) -> None:
        """Know nothing yet.

        `first_party` is the mode of callers without a client, and of the city's own frontends that have no contract.
        With `automatic`, they may have texts kept by their hash, where their mode lets them run any text. `systems` is
        the mode of systems of agencies that have no contract. `quota_store` counts what clients spend of their days for
        all processes.
        """
        self._systems = _WITHOUT_CONTRACT[systems]
        self._quota_store = quota_store
        self._first_party = first_party
        self._takes_automatic = automatic and first_party in {OperationMode.OFF, OperationMode.LOG_UNKNOWN}
        self._automatic = _AutomaticDocuments()
        self._clients: Mapping[ClientId, _ClientDocuments] = {}
        self._quotas: dict[ClientId, DailyCostQuota] = {}
        self._frontend = _NO_FRONTEND_DOCUMENTS
        self._logged: OrderedDict[tuple[ClientId, str], None] = OrderedDict()
        self.must_check_text = first_party is not OperationMode.OFF
        """Whether even a text that comes without client and id has to be looked at."""
        self.replace((), ())

    def replace(self, contracts: Sequence[ClientContract], operations: Sequence[RegisteredOperation]) -> None:
        """Know these and no others from now on. What a client spent of its day stays spent."""
        by_client: dict[ClientId, list[RegisteredOperation]] = {}
        for operation in operations:
            by_client.setdefault(operation.client, []).append(operation)
        clients = {
            each.client: _index_operations(each.mode, self._get_quota(each), by_client.get(each.client, ()))
            for each in contracts
            if each.client != FIRST_PARTY
        }
        self._frontend = _index_operations(self._first_party, None, by_client.get(FIRST_PARTY, ()))
        self._clients = clients

    def _get_quota(self, contract: ClientContract) -> DailyCostQuota | None:
        if contract.cost_a_day is None:
            return None
        quota = self._quotas.get(contract.client)
        if quota is None:
            quota = DailyCostQuota(contract.cost_a_day, client=contract.client, store=self._quota_store)
            self._quotas[contract.client] = quota
        quota.points_per_day = contract.cost_a_day
        return quota

    def resolve(
        self, request: GraphQLRequest, application: ClientApplication | None
    ) -> tuple[GraphQLRequest, RegisteredTerms | None, str | None]:
        """The request with its text; the terms, where the document is registered; the hash to keep it by, if any.

        Raises `RefusedRequest` for what this client may not run.
        """
        if application is not None and application.is_hub:
            return request, None, None
        known = None if application is None else self._clients.get(application.client)
        is_first_party = known is None and (application is None or application.is_frontend)
        if known is None:
            known = self._frontend if is_first_party else self._get_documents_without_contract(application)
        asked = request.document_id
        if asked is None:
            return self._resolve_text(request, known, application)
        if request.query:
            return self._resolve_text_with_id(request, known, application, is_first_party=is_first_party)
        terms = known.by_id.get(asked.value)
        if terms is not None:
            return _resolve_registered(request, terms, application)
        if is_first_party and self._takes_automatic and asked.is_hash:
            text = self._automatic.find(asked.value.lower())
            if text is not None:
                return _with_text(request, text, request.operation_name), None, None
        raise self._build_not_found_error(asked, known, is_first_party=is_first_party)

    def _get_documents_without_contract(self, application: ClientApplication | None) -> _ClientDocuments:
        is_system = application is not None and application.is_system
        return self._systems if is_system else _WITHOUT_CONTRACT[OperationMode.IDS_ONLY]

    def store_automatic(self, digest: str, text: str) -> None:
        """Keep a valid text by its hash."""
        self._automatic.store(digest, text)

    def _build_not_found_error(
        self, asked: DocumentId, documents: _ClientDocuments, *, is_first_party: bool
    ) -> RefusedRequest:
        off = not documents.by_id and documents.mode in {OperationMode.OFF, OperationMode.LOG_UNKNOWN}
        if asked.is_hash and off and not (is_first_party and self._takes_automatic):
            return RefusedRequest(build_request_error(NOT_SUPPORTED, "PERSISTED_QUERY_NOT_SUPPORTED"))
        return RefusedRequest(build_request_error(NOT_FOUND, "PERSISTED_QUERY_NOT_FOUND"))

    def _resolve_text_with_id(
        self,
        request: GraphQLRequest,
        documents: _ClientDocuments,
        application: ClientApplication | None,
        *,
        is_first_party: bool,
    ) -> tuple[GraphQLRequest, RegisteredTerms | None, str | None]:
        """A text that came with an id: Apollo's clients send both when the id alone was not found."""
        asked = request.document_id
        if asked is None or not asked.is_hash:
            message = "The request has both a document id and a 'query'. Send one of them."
            raise RefusedRequest(build_request_error(message, "BAD_REQUEST"))
        if documents.mode is OperationMode.IDS_ONLY:
            raise _build_id_required_error()
        digest = hash_text(request.query)
        if digest != asked.value.lower():
            raise RefusedRequest(build_request_error(MISMATCH, "PERSISTED_QUERY_MISMATCH"))
        resolved, terms, _ = self._resolve_text(request, documents, application)
        keeps = is_first_party and self._takes_automatic and terms is None
        return _with_text(resolved, resolved.query, resolved.operation_name), terms, digest if keeps else None

    def _resolve_text(
        self, request: GraphQLRequest, documents: _ClientDocuments, application: ClientApplication | None
    ) -> tuple[GraphQLRequest, RegisteredTerms | None, str | None]:
        mode = documents.mode
        if mode is OperationMode.OFF:
            return request, None, None
        if mode is OperationMode.IDS_ONLY:
            raise _build_id_required_error()
        terms = documents.by_text.get(request.query)
        if terms is not None:
            return _resolve_registered(request, terms, application)
        if mode is OperationMode.SAFELIST:
            message = "This client runs registered operations only, and this text is none of them, letter by letter."
            raise RefusedRequest(build_request_error(message, "QUERY_NOT_IN_SAFELIST"))
        self._log_unregistered(request.query, FIRST_PARTY if application is None else application.client)
        return request, None, None

    def _log_unregistered(self, text: str, client: ClientId) -> None:
        """Log a text that is not registered, once; by its hash, for a text may hold personal data."""
        key = (client, hash_text(text))
        if key in self._logged:
            self._logged.move_to_end(key)
            return
        self._logged[key] = None
        if len(self._logged) > _MAX_LOGGED:
            self._logged.popitem(last=False)
        log_fields = {"client": client[:100]}
        _log.warning(
            "The client %.100r ran an operation that is not registered: sha256 %s", client, key[1], extra=log_fields
        )

    def __repr__(self) -> str:
        """How many clients and documents."""
        count = sum(len(each.by_text) for each in (*self._clients.values(), self._frontend))
        return f"<PersistedDocuments {len(self._clients)} clients, {count} documents>"


def _index_operations(
    mode: OperationMode, quota: DailyCostQuota | None, operations: Sequence[RegisteredOperation]
) -> _ClientDocuments:
    """An index of operations: by the ids that were given, and by the hash of the text, bare and prefixed."""
    by_id: dict[str, RegisteredTerms] = {}
    every = [RegisteredTerms(operation, quota) for operation in operations]
    for terms in every:
        digest = hash_text(terms.operation.text)
        by_id.setdefault(digest, terms)
        by_id.setdefault(f"sha256:{digest}", terms)
    by_id.update((terms.operation.id, terms) for terms in every)
    return _ClientDocuments(mode, by_id, {terms.operation.text: terms for terms in every})


def _resolve_registered(
    request: GraphQLRequest, terms: RegisteredTerms, application: ClientApplication | None
) -> tuple[GraphQLRequest, RegisteredTerms, None]:
    operation = terms.operation
    if operation.scopes and (application is None or not operation.scopes <= application.scopes):
        held = frozenset() if application is None else application.scopes
        lacking = ", ".join(f"'{scope}'" for scope in sorted(operation.scopes - held))
        message = f"The operation '{operation.name}' needs the scope {lacking}, which the token does not hold."
        raise RefusedRequest(build_request_error(message, "INSUFFICIENT_SCOPE"))
    return _with_text(request, operation.text, request.operation_name or operation.name), terms, None


def _with_text(request: GraphQLRequest, text: str, name: str | None) -> GraphQLRequest:
    """The request as if it had brought the text: the id says nothing more."""
    extensions = request.extensions
    if extensions is not None and "persistedQuery" in extensions:
        extensions = {key: value for key, value in extensions.items() if key != "persistedQuery"} or None
    return GraphQLRequest(
        query=text,
        operation_name=name,
        variables=request.variables,
        extensions=extensions,
        queries_only=request.queries_only,
    )


def _build_id_required_error() -> RefusedRequest:
    message = "This client runs registered operations by their id only. Send 'documentId' and no 'query'."
    return RefusedRequest(build_request_error(message, "PERSISTED_QUERY_ID_REQUIRED"))
