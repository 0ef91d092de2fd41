"""Which document a request names, and which client may run it."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable
from typing import Any

import pytest

from engine.document import persisted_operations
from engine.document.persisted_operations import ClientApplication, PersistedDocuments, hash_text
from engine.engine import Engine
from engine.request import DocumentId, GraphQLRequest, RefusedRequest
from engine.run_request import RunRequest
from records.hub.clients import ClientId
from records.hub.operations import FIRST_PARTY, ClientContract, OperationMode, RegisteredOperation
from tests.engine.library_schema import DictContext, get_messages, library, rules
from tests.fakes.clients import build_client
from tests.telemetry.in_memory_spans import InMemorySpans

TEXT = "query Book { book { title } }"
OTHERS = "query Secret { secret }"
KIOS = ClientApplication(client=build_client("kios"), is_partner=True)
STRANGER = ClientApplication(client=build_client("nobody"), is_partner=True)
FRONTEND = ClientApplication(client=build_client("portal"))
SYSTEM = ClientApplication(client=build_client("siak"), is_system=True)


def operation(
    text: str = TEXT,
    *,
    client: ClientId = KIOS.client,
    name: str = "Book",
    **given: Any,  # noqa: ANN401 - any attribute
) -> RegisteredOperation:
    return RegisteredOperation(**{"client": client, "id": f"{name}-1", "name": name, "text": text, **given})


def documents(
    *operations: RegisteredOperation,
    mode: OperationMode = OperationMode.IDS_ONLY,
    first_party: OperationMode = OperationMode.OFF,
    automatic: bool = True,
) -> PersistedDocuments:
    known = PersistedDocuments(first_party=first_party, automatic=automatic)
    clients = {each.client for each in operations} | {KIOS.client}
    known.replace([ClientContract(client=client, mode=mode) for client in sorted(clients)], operations)
    return known


def by_id(value: str, *, is_hash: bool = False, **given: Any) -> GraphQLRequest:  # noqa: ANN401 - any parameter
    return GraphQLRequest(**{"query": "", "document_id": DocumentId(value, is_hash), **given})


def code(known: PersistedDocuments, request: GraphQLRequest, application: ClientApplication | None = KIOS) -> str:
    with pytest.raises(RefusedRequest) as refused:
        known.resolve(request, application)
    [error] = refused.value.errors
    return str(error["extensions"]["code"])


def test_an_id_finds_the_text_with_which_it_was_registered() -> None:
    known = documents(operation())
    for value in ("Book-1", hash_text(TEXT), f"sha256:{hash_text(TEXT)}"):
        request, terms, keep_by = known.resolve(by_id(value, variables={"a": 1}, queries_only=True), KIOS)
        assert request == GraphQLRequest(query=TEXT, operation_name="Book", variables={"a": 1}, queries_only=True)
        assert terms is not None
        assert terms.operation.id == "Book-1"
        assert keep_by is None


def test_a_registered_id_takes_precedence_over_the_hash_of_another_text() -> None:
    known = documents(operation(), operation(OTHERS, name="Secret", id=hash_text(TEXT)))
    request, _, _ = known.resolve(by_id(hash_text(TEXT)), KIOS)
    assert request.query == OTHERS


def test_the_persisted_query_extension_is_removed_and_other_extensions_stay() -> None:
    extensions = {"persistedQuery": {"version": 1, "sha256Hash": hash_text(TEXT)}}
    known = documents(operation())
    alone, _, _ = known.resolve(by_id(hash_text(TEXT), is_hash=True, extensions=extensions), KIOS)
    assert alone.extensions is None
    more, _, _ = known.resolve(by_id(hash_text(TEXT), is_hash=True, extensions={**extensions, "explain": True}), KIOS)
    assert more.extensions == {"explain": True}


def test_ids_of_another_client_are_as_unknown_as_ids_that_do_not_exist() -> None:
    known = documents(operation(), operation(OTHERS, client=build_client("lain"), name="Secret"))
    for application in (KIOS, STRANGER, FRONTEND, None):
        with pytest.raises(RefusedRequest) as another:
            known.resolve(by_id("Secret-1"), application)
        with pytest.raises(RefusedRequest) as missing:
            known.resolve(by_id("Secret-2"), application)
        assert another.value.errors == missing.value.errors


@pytest.mark.parametrize(
    ("mode", "registered", "other"),
    [
        (OperationMode.OFF, None, None),
        (OperationMode.LOG_UNKNOWN, None, None),
        (OperationMode.SAFELIST, None, "QUERY_NOT_IN_SAFELIST"),
        (OperationMode.IDS_ONLY, "PERSISTED_QUERY_ID_REQUIRED", "PERSISTED_QUERY_ID_REQUIRED"),
    ],
)
def test_each_mode_accepts_or_refuses_texts(mode: OperationMode, registered: str | None, other: str | None) -> None:
    known = documents(operation(), mode=mode)
    for text, expected in ((TEXT, registered), (OTHERS, other), (f"{TEXT} ", other)):
        request = GraphQLRequest(query=text)
        if expected is None:
            assert known.resolve(request, KIOS)[0].query == text
        else:
            assert code(known, request) == expected


@pytest.mark.parametrize(
    ("mode", "refused"),
    [
        (None, "PERSISTED_QUERY_ID_REQUIRED"),
        (OperationMode.IDS_ONLY, "PERSISTED_QUERY_ID_REQUIRED"),
        (OperationMode.SAFELIST, "QUERY_NOT_IN_SAFELIST"),
        (OperationMode.LOG_UNKNOWN, None),
        (OperationMode.OFF, None),
    ],
)
def test_an_agency_system_without_a_contract_has_the_mode_of_such_systems(
    mode: OperationMode | None, refused: str | None
) -> None:
    known = PersistedDocuments(automatic=True) if mode is None else PersistedDocuments(automatic=True, systems=mode)
    if refused is None:
        assert known.resolve(GraphQLRequest(query=TEXT), SYSTEM)[0].query == TEXT
    else:
        assert code(known, GraphQLRequest(query=TEXT), SYSTEM) == refused
    assert code(known, GraphQLRequest(query=TEXT), STRANGER) == "PERSISTED_QUERY_ID_REQUIRED"
    assert known.resolve(GraphQLRequest(query=TEXT), FRONTEND)[0].query == TEXT


def test_an_agency_system_stores_no_texts_and_runs_none_that_frontends_stored() -> None:
    known = PersistedDocuments(automatic=True, systems=OperationMode.OFF)
    known.store_automatic(hash_text(TEXT), TEXT)
    both = GraphQLRequest(query=TEXT, document_id=DocumentId(hash_text(TEXT), is_hash=True))
    assert known.resolve(both, SYSTEM)[2] is None
    assert code(known, by_id(hash_text(TEXT), is_hash=True), SYSTEM) == "PERSISTED_QUERY_NOT_SUPPORTED"


def test_an_agency_system_with_a_contract_is_bound_by_it() -> None:
    known = documents(operation(client=SYSTEM.client), mode=OperationMode.IDS_ONLY)
    assert known.resolve(by_id("Book-1"), SYSTEM)[0].query == TEXT
    assert code(known, GraphQLRequest(query=TEXT), SYSTEM) == "PERSISTED_QUERY_ID_REQUIRED"


def test_a_registered_text_has_terms_in_every_mode_that_checks_texts() -> None:
    for mode in (OperationMode.LOG_UNKNOWN, OperationMode.SAFELIST):
        _, terms, _ = documents(operation(), mode=mode).resolve(GraphQLRequest(query=TEXT), KIOS)
        assert terms is not None


def test_a_partner_without_a_contract_runs_nothing_and_another_client_counts_as_a_frontend() -> None:
    known = documents()
    assert code(known, GraphQLRequest(query=TEXT), STRANGER) == "PERSISTED_QUERY_ID_REQUIRED"
    assert known.resolve(GraphQLRequest(query=TEXT), FRONTEND)[0].query == TEXT


@pytest.mark.parametrize("first_party", list(OperationMode))
@pytest.mark.parametrize(
    "request_",
    [
        GraphQLRequest(query=TEXT),
        GraphQLRequest(query=OTHERS),
        GraphQLRequest(query=OTHERS, document_id=DocumentId(hash_text(OTHERS), is_hash=True)),
        by_id("Book-1"),
        by_id("Scoped-1"),
        by_id(hash_text("{ kept }"), is_hash=True),
    ],
    ids=["registered text", "text", "text with its hash", "id", "id that needs a scope", "kept text"],
)
def test_an_app_without_a_contract_runs_exactly_what_a_caller_without_a_token_runs(
    request_: GraphQLRequest, first_party: OperationMode
) -> None:
    def outcome(application: ClientApplication | None) -> object:
        known = documents(
            operation(client=FIRST_PARTY),
            operation("{ scoped }", client=FIRST_PARTY, name="Scoped", scopes=frozenset({"a"})),
            first_party=first_party,
        )
        known.store_automatic(hash_text("{ kept }"), "{ kept }")
        try:
            request, _, keep_by = known.resolve(request_, application)
        except RefusedRequest as refusal:
            return refusal.errors
        return request, keep_by

    assert outcome(FRONTEND) == outcome(None)


def test_no_token_makes_a_client_the_citys_own_frontend() -> None:
    known = documents(operation(client=FIRST_PARTY), first_party=OperationMode.IDS_ONLY)
    pretender = ClientApplication(client=FIRST_PARTY, is_partner=True)
    assert code(known, by_id("Book-1"), pretender) == "PERSISTED_QUERY_NOT_FOUND"
    assert known.resolve(by_id("Book-1"), None)[0].query == TEXT


def test_an_operation_needs_its_registered_scopes() -> None:
    known = documents(operation(scopes=frozenset({"b", "a"})))
    with pytest.raises(RefusedRequest) as refused:
        known.resolve(
            by_id("Book-1"),
            ClientApplication(client=build_client("kios"), scopes=frozenset({"c"}), is_partner=True),
        )
    assert refused.value.errors[0] == {
        "message": "The operation 'Book' needs the scope 'a', 'b', which the token does not hold.",
        "extensions": {"code": "INSUFFICIENT_SCOPE"},
    }
    assert known.resolve(
        by_id("Book-1"), ClientApplication(client=build_client("kios"), scopes=frozenset({"a", "b", "c"}))
    )


@pytest.mark.parametrize(("held", "lacking"), [("a", "b"), ("b", "a")])
def test_one_of_two_needed_scopes_is_not_enough(held: str, lacking: str) -> None:
    known = documents(operation(scopes=frozenset({"a", "b"})))
    with pytest.raises(RefusedRequest) as refused:
        known.resolve(by_id("Book-1"), ClientApplication(client=KIOS.client, scopes=frozenset({held}), is_partner=True))
    assert refused.value.errors[0] == {
        "message": f"The operation 'Book' needs the scope '{lacking}', which the token does not hold.",
        "extensions": {"code": "INSUFFICIENT_SCOPE"},
    }


class _SharedQuotaStore:
    """Counts the points that clients spend, for all processes."""

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()

    def spend(
        self, client: ClientId, points: int, *, day: int, limit: int, known_spent: int
    ) -> Awaitable[tuple[bool, int] | None] | None:
        async def count() -> tuple[bool, int]:
            fits = max(self.spent[client], known_spent) + points <= limit
            self.spent[client] += points if fits else 0
            return fits, self.spent[client]

        assert day > 0
        return count()


async def test_each_partner_has_its_own_daily_quota_which_processes_share() -> None:
    together = _SharedQuotaStore()
    other = ClientId("elsewhere", KIOS.client.name)
    here, there = PersistedDocuments(quota_store=together), PersistedDocuments(quota_store=together)
    for each in (here, there):
        each.replace(
            [ClientContract(client=client, cost_a_day=10) for client in (KIOS.client, other)],
            [operation(), operation(client=other)],
        )

    async def spend(documents: PersistedDocuments, client: ClientId, points: int) -> str:
        _, terms, _ = documents.resolve(by_id("Book-1"), ClientApplication(client=client, is_partner=True))
        assert terms is not None
        try:
            paying = terms.spend(points)
            if paying is not None:
                await paying
        except RefusedRequest as refused:
            return str(refused.errors[0]["extensions"]["code"])
        return "spent"

    assert [await spend(here, KIOS.client, 7), await spend(there, KIOS.client, 7)] == ["spent", "QUOTA_EXCEEDED"]
    assert [await spend(there, other, 7), await spend(here, other, 3)] == ["spent", "spent"]
    assert await spend(there, KIOS.client, 3) == "spent"
    assert together.spent == {"development/kios": 10, "elsewhere/kios": 10}


def test_a_text_with_an_id_that_is_not_a_hash_is_refused() -> None:
    assert code(documents(operation()), by_id("Book-1", query=TEXT)) == "BAD_REQUEST"


def test_a_first_party_text_is_stored_only_by_its_own_hash() -> None:
    known = documents()
    digest = hash_text(TEXT)
    request, terms, keep_by = known.resolve(by_id(digest.upper(), is_hash=True, query=TEXT), None)
    assert (request, terms, keep_by) == (GraphQLRequest(query=TEXT), None, digest)
    assert code(known, by_id(hash_text(OTHERS), is_hash=True, query=TEXT), None) == "PERSISTED_QUERY_MISMATCH"


@pytest.mark.parametrize("application", [KIOS, STRANGER])
@pytest.mark.parametrize("mode", OperationMode)
def test_no_text_is_stored_for_a_partner_in_any_mode(application: ClientApplication, mode: OperationMode) -> None:
    known = documents(mode=mode)
    try:
        _, _, keep_by = known.resolve(by_id(hash_text(TEXT), is_hash=True, query=TEXT), application)
    except RefusedRequest:
        keep_by = None
    assert keep_by is None
    known.store_automatic(hash_text(OTHERS), OTHERS)
    assert code(known, by_id(hash_text(OTHERS), is_hash=True), application).startswith("PERSISTED_QUERY_NOT_")


@pytest.mark.parametrize("first_party", [OperationMode.SAFELIST, OperationMode.IDS_ONLY])
def test_no_text_is_stored_for_frontends_with_a_safelist(first_party: OperationMode) -> None:
    known = documents(first_party=first_party)
    known.store_automatic(hash_text(TEXT), TEXT)
    assert code(known, by_id(hash_text(TEXT), is_hash=True), None) == "PERSISTED_QUERY_NOT_FOUND"


def test_stored_texts_are_bounded_in_number_and_the_oldest_are_evicted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(persisted_operations, "MAX_AUTOMATIC", 3)
    known = documents()
    texts = [f"query Q{number} {{ book {{ title }} }}" for number in range(5)]
    for text in texts:
        known.store_automatic(hash_text(text), text)
    found: list[str | None] = []
    for text in texts:
        try:
            found.append(known.resolve(by_id(hash_text(text), is_hash=True), None)[0].query)
        except RefusedRequest:
            found.append(None)
    assert found == [None, None, *texts[2:]]


def test_stored_texts_are_bounded_in_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(persisted_operations, "MAX_AUTOMATIC_CHARACTERS", 100)
    known = documents()
    long = f"{{ book {{ title }} }} #{'x' * 80}"
    known.store_automatic(hash_text(TEXT), TEXT)
    known.store_automatic(hash_text(long), long)
    assert code(known, by_id(hash_text(TEXT), is_hash=True), None) == "PERSISTED_QUERY_NOT_FOUND"
    assert known.resolve(by_id(hash_text(long), is_hash=True), None)[0].query == long


def test_an_unregistered_text_is_logged_once_by_its_hash_and_never_as_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    known = documents(operation(), mode=OperationMode.LOG_UNKNOWN)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            known.resolve(GraphQLRequest(query=OTHERS), KIOS)
        known.resolve(GraphQLRequest(query=TEXT), KIOS)
    assert caplog.messages == [
        f"The client 'development/kios' ran an operation that is not registered: sha256 {hash_text(OTHERS)}"
    ]


def test_reloading_replaces_operations_and_keeps_spent_points() -> None:
    known = PersistedDocuments()
    contract = ClientContract(client=build_client("kios"), cost_a_day=10)
    known.replace([contract], [operation()])
    _, terms, _ = known.resolve(by_id("Book-1"), KIOS)
    assert terms is not None
    assert terms.quota is not None
    terms.quota.spend(6)
    known.replace([ClientContract(client=build_client("kios"), cost_a_day=8)], [operation(OTHERS, name="Secret")])
    assert code(known, by_id("Book-1")) == "PERSISTED_QUERY_NOT_FOUND"
    _, terms, _ = known.resolve(by_id("Secret-1"), KIOS)
    assert terms is not None
    assert repr(terms.quota) == "<DailyCostQuota 6 of 8 points>"
    assert repr(known) == "<PersistedDocuments 1 clients, 1 documents>"


async def test_a_registered_operation_that_the_schema_no_longer_allows_is_named_and_refused_with_the_reason(
    caplog: pytest.LogCaptureFixture,
) -> None:
    engine = Engine(library(), rules(), use_plans=False)
    with caplog.at_level(logging.WARNING):
        await engine.register_operations(
            [ClientContract(client=build_client("kios"))], [operation("query Book { film }")]
        )
    [said] = [each.getMessage() for each in caplog.records if each.name == "simpul.engine"]
    assert said == "Book of client development/kios cannot be run: Cannot query field 'film' on type 'Query'."
    response = await engine.run(
        RunRequest(request=by_id("Book-1"), context_factory=lambda: DictContext({}), request_id="r-1", application=KIOS)
    )
    assert get_messages(response) == [("GRAPHQL_VALIDATION_FAILED", "Cannot query field 'film' on type 'Query'.")]


async def test_guessed_ids_take_no_memory() -> None:
    engine = Engine(library(), rules(), use_plans=False)
    for number in range(1000):
        request = by_id(f"{number:064x}", is_hash=True)
        response = await engine.run(
            RunRequest(request=request, context_factory=lambda: DictContext({}), request_id="r-1", application=STRANGER)
        )
        assert get_messages(response) == [("PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound")]
    assert repr(engine._operation_cache) == "<OperationCache 0 seen once, 0 again>"


@pytest.mark.parametrize("first_party", list(OperationMode))
def test_the_hubs_own_pages_run_their_own_texts(first_party: OperationMode) -> None:
    known = documents(operation(), first_party=first_party)
    request = GraphQLRequest(query=OTHERS)
    assert known.resolve(request, ClientApplication(client=ClientId.without_issuer("simpul"), is_hub=True)) == (
        request,
        None,
        None,
    )


def test_a_client_with_the_hubs_name_is_not_the_hub() -> None:
    known = documents(operation(), first_party=OperationMode.IDS_ONLY)
    assert (
        code(known, GraphQLRequest(query=OTHERS), ClientApplication(client=ClientId.without_issuer("simpul")))
        == "PERSISTED_QUERY_ID_REQUIRED"
    )


@pytest.mark.parametrize(
    ("application", "text", "name"),
    [
        (KIOS, TEXT, "Book"),
        (KIOS, OTHERS, None),
        (FRONTEND, TEXT, None),
        (None, "query Siti31710 { book { title } }", None),
    ],
)
async def test_spans_hold_names_of_registered_operations_only(
    application: ClientApplication | None, text: str, name: str | None
) -> None:
    engine = Engine(
        library(), rules(), use_plans=False, documents=documents(operation(), mode=OperationMode.LOG_UNKNOWN)
    )
    memory = InMemorySpans()
    span = memory.start_request()
    request = GraphQLRequest(query=text)
    await engine.run(
        RunRequest(
            request=request,
            context_factory=lambda: DictContext({}),
            request_id="r-1",
            application=application,
            span=span,
        )
    )
    span.end()
    [(_, attributes)] = memory.spans
    assert attributes.pop("simpul.cost") > 0
    assert attributes == {"graphql.operation.type": "query"} | (
        {} if name is None else {"graphql.operation.name": name}
    )
