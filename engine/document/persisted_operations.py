"""Finds the document of a request, and checks that the client may run it.

A request names a document by its id, or contains its text. A registered document belongs to one client: for every other
client its id is as unknown as an id that does not exist. A lookup is one dictionary access: unknown ids cost nothing,
however many are tried.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from engine.cost_budgets import NO_QUOTA_STORE, CostBudget, DailyCostQuota, DailyQuotaStore
from engine.errors import build_request_error
from engine.request import DocumentId, GraphQLRequest, RefusedRequest
from records.calls.subject_reads import hash_document
from records.hub.clients import ClientId
from records.hub.operations import FIRST_PARTY, ClientContract, OperationMode, RegisteredOperation

_log = logging.getLogger("simpul.operations")

NOT_FOUND = "PersistedQueryNotFound"
"""Apollo's text (Apollo Server, `PersistedQueryNotFoundError`): its clients compare it, and then send the document."""
NOT_SUPPORTED = "PersistedQueryNotSupported"
"""Apollo's text: its clients send full documents from then on."""
MISMATCH = "provided sha does not match query"
"""Apollo's text."""

MAX_AUTOMATIC = 1024
MAX_AUTOMATIC_CHARACTERS = 8 * 1024 * 1024
_MAX_AUTOMATIC_LENGTH = 64 * 1024
_MAX_LOGGED = 1024


def hash_text(text: str) -> str:
    """The SHA-256 of a document, in hexadecimal."""
    return hash_document(text).hex()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientApplication:
    """The client application, as its token proves it."""

    client: ClientId
    scopes: frozenset[str] = frozenset()
    is_partner: bool = False
    """Whether it runs registered operations only, unless its contract says otherwise."""
    is_system: bool = False
    """Whether it is a system of an agency; `PersistedDocuments` defines its mode."""
    is_hub: bool = False
    """Whether it is the hub's own pages, whose operations ship with the hub and are not registered."""

    @property
    def is_frontend(self) -> bool:
        """Whether people use it: an app of the city, or of a third party.

        Without a contract it may run what a caller without a token may run. The access rules of each field decide what
        it may read of a citizen (`auth/policy/rules.py`).
        """
        return not (self.is_partner or self.is_system)


@dataclass(frozen=True, slots=True)
class RegisteredTerms:
    """The terms of a registered operation."""

    operation: RegisteredOperation
    quota: DailyCostQuota | None

    def check(self, variables: Mapping[str, Any]) -> None:
        """Refuse values outside the contract: raises `RefusedRequest`.

        `variables` are those of the request; defaults were checked when the operation was registered.
        """
        for name, allowed in self.operation.ranges.items():
            fault = allowed.find_fault(variables.get(name))
            if fault is not None:
                message = f"The variable '${name}' of '{self.operation.name}' {fault}, as agreed with the client."
                raise RefusedRequest(build_request_error(message, "BAD_USER_INPUT"))

    def spend(self, points: int) -> Awaitable[None] | None:
        """Spend points of the client's day, as `DailyCostQuota.spend`."""
        return None if self.quota is None else self.quota.spend(points)


class ResolvedDocument(NamedTuple):
    """A request whose document is found."""

    request: GraphQLRequest
    """Contains the document's text."""
    terms: RegisteredTerms | None = None
    """The terms of a registered document."""
    store_as: str | None = None
    """The hash under which to store the text once it is valid; None if it is not stored."""


def charge(
    points: int, budget: CostBudget, terms: RegisteredTerms | None, variables: Mapping[str, Any] | None
) -> Awaitable[None] | None:
    """Charge for a run, after a check of the terms if there are any; an awaitable if a shared store is asked."""
    if terms is None:
        return budget.spend(points)
    terms.check(variables or {})
    return _charge_all(points, budget, terms)


async def _charge_all(points: int, *budgets: CostBudget) -> None:
    """The caller pays first, so that a request beyond the caller's rate spends nothing of the client's day."""
    for each in budgets:
        if (paying := each.spend(points)) is not None:
            await paying


@dataclass(frozen=True, slots=True)
class _ClientDocuments:
    """The registered documents of one client."""

    mode: OperationMode
    by_id: Mapping[str, RegisteredTerms]
    by_text: Mapping[str, RegisteredTerms]


_WITHOUT_CONTRACT = {mode: _ClientDocuments(mode, {}, {}) for mode in OperationMode}
"""Documents of clients without a contract, by their mode."""
_NO_FRONTEND_DOCUMENTS = _ClientDocuments(OperationMode.OFF, {}, {})


@dataclass(slots=True)
class _AutomaticDocuments:
    """Texts that first-party frontends sent with their hash (automatic persisted queries); evicts the oldest."""

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
    """The documents that this process knows by id, and the mode of each client."""

    def __init__(
        self,
        *,
        first_party: OperationMode = OperationMode.OFF,
        automatic: bool = False,
        systems: OperationMode = OperationMode.IDS_ONLY,
        quota_store: DailyQuotaStore = NO_QUOTA_STORE,
    ) -> None:
        """Starts without documents.

        `first_party` is the mode of callers without a client, and of the city's own frontends without a contract. With
        `automatic`, they may store texts by their hash if their mode allows any text. `systems` is the mode of agency
        systems without a contract. `quota_store` counts the daily cost of clients for all processes.
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
        """Whether a text without client and id needs a check, too."""
        self.replace((), ())

    def replace(self, contracts: Sequence[ClientContract], operations: Sequence[RegisteredOperation]) -> None:
        """Replace all contracts and documents. Points that a client spent of its day stay spent."""
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

    def resolve(self, request: GraphQLRequest, application: ClientApplication | None) -> ResolvedDocument:
        """Find the text of the document of a request, and its terms.

        Raises `RefusedRequest` if this client may not run it.
        """
        if application is not None and application.is_hub:
            return ResolvedDocument(request)
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
                return ResolvedDocument(_with_text(request, text, request.operation_name))
        raise self._build_not_found_error(asked, known, is_first_party=is_first_party)

    def _get_documents_without_contract(self, application: ClientApplication | None) -> _ClientDocuments:
        is_system = application is not None and application.is_system
        return self._systems if is_system else _WITHOUT_CONTRACT[OperationMode.IDS_ONLY]

    def store_automatic(self, digest: str, text: str) -> None:
        """Store a valid text by its hash."""
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
    ) -> ResolvedDocument:
        """Resolve a text that came with an id: Apollo's clients send both if the id alone was not found."""
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
        named = _with_text(resolved, resolved.query, resolved.operation_name)
        return ResolvedDocument(named, terms, digest if keeps else None)

    def _resolve_text(
        self, request: GraphQLRequest, documents: _ClientDocuments, application: ClientApplication | None
    ) -> ResolvedDocument:
        mode = documents.mode
        if mode is OperationMode.OFF:
            return ResolvedDocument(request)
        if mode is OperationMode.IDS_ONLY:
            raise _build_id_required_error()
        terms = documents.by_text.get(request.query)
        if terms is not None:
            return _resolve_registered(request, terms, application)
        if mode is OperationMode.SAFELIST:
            message = "This client may run registered operations only, and this text equals none of them."
            raise RefusedRequest(build_request_error(message, "QUERY_NOT_IN_SAFELIST"))
        self._log_unregistered(request.query, FIRST_PARTY if application is None else application.client)
        return ResolvedDocument(request)

    def _log_unregistered(self, text: str, client: ClientId) -> None:
        """Log an unregistered text once, by its hash, because a text may hold personal data."""
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
    """An index of operations by their given ids, and by the hash of the text, bare and prefixed."""
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
) -> ResolvedDocument:
    operation = terms.operation
    if operation.scopes and (application is None or not operation.scopes <= application.scopes):
        held = frozenset() if application is None else application.scopes
        lacking = ", ".join(f"'{scope}'" for scope in sorted(operation.scopes - held))
        message = f"The operation '{operation.name}' needs the scope {lacking}, which the token does not hold."
        raise RefusedRequest(build_request_error(message, "INSUFFICIENT_SCOPE"))
    return ResolvedDocument(_with_text(request, operation.text, request.operation_name or operation.name), terms)


def _with_text(request: GraphQLRequest, text: str, name: str | None) -> GraphQLRequest:
    """The request as if it contained the text and no id."""
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
