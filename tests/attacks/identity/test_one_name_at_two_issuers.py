"""A client id at two issuers: the second issuer's client gets nothing of the first's, wherever clients matter."""

from __future__ import annotations

from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.datastructures import Headers
from starlette.types import Scope

from auth.caller import Caller, CallerKind
from auth.crypto.entry_tokens import build_viewer_key
from auth.crypto.pseudonyms import Pseudonyms
from auth.crypto.rate_keys import RateKeys
from auth.crypto.webhook_signatures import WebhookSignatures
from auth.oidc.page_session import SignedInSession
from auth.tokens.token_verifier import TokenVerifier, Unauthenticated
from auth.tokens.verified_token_cache import VerifiedTokenCache
from cache.limits.rate_limiter import RateLimiter
from engine.document.persisted_operations import ClientApplication, PersistedDocuments
from engine.request import DocumentId, GraphQLRequest, RefusedRequest
from records.calls.subject_reads import RequestInfo, SubjectRead
from records.hub.clients import ClientId
from records.hub.operations import ClientContract, RegisteredOperation
from services.ledger.ledger_entry_builder import LedgerEntryBuilder
from tests.auth.callers import SITI
from tests.auth.verifiers import build_city_keys, verify
from web.admission.emergency_lane import parse_lane
from web.client_address import ClientAddresses
from web.rate_limits.caller_limiter import BucketCallerLimiter
from web.rate_limits.rate_table import DEFAULT_RATES, parse_rates

NOW = 1_800_000_000
CITY_KEY, BANK_KEY = (ECKey.generate_key("P-256", {"kid": "key-1"}) for _ in range(2))
"""Both keys have the same `kid`, which counts only within an issuer."""
CITY, BANK = "https://masuk.example", "https://masuk.example/"
"""Names that differ by a slash."""
PORTAL, SAME_NAME = ClientId("city", "portal"), ClientId("bank", "portal")
SCOPE: Scope = {"type": "http", "headers": [], "client": ("192.0.2.1", 5)}


def reader() -> TokenVerifier:
    city = build_city_keys([CITY_KEY.as_dict(private=False)], url=CITY)
    bank = build_city_keys([BANK_KEY.as_dict(private=False)], url=BANK, name="bank", kinds=("partner",))
    known = VerifiedTokenCache(clock=lambda: NOW, monotonic_clock=lambda: NOW)
    return TokenVerifier([city, bank], cache=known, clock=lambda: NOW)


READER = reader()


def token(issuer: str, key: ECKey, **claims: object) -> str:
    given: dict[str, Any] = {"iss": issuer, "aud": "simpul", "sub": "portal", "client_id": "portal", "kind": "partner"}
    return f"Bearer {jwt.encode({'alg': 'ES256', 'kid': 'key-1'}, {**given, 'exp': NOW + 600, **claims}, key)}"


@pytest.fixture
def portal() -> Caller:
    return verify(READER, token(CITY, CITY_KEY, scope="a"))


@pytest.fixture
def stranger() -> Caller:
    return verify(READER, token(BANK, BANK_KEY, scope="a"))


def test_each_is_the_client_of_its_issuer(portal: Caller, stranger: Caller) -> None:
    assert (portal.client, stranger.client) == (PORTAL, SAME_NAME)
    assert portal != stranger
    assert build_viewer_key(portal) != build_viewer_key(stranger)


@pytest.mark.parametrize("name", ["city/portal", "/portal", "portal/../city", "portal|city", "city\u2215portal"])
def test_no_name_makes_a_client_one_of_another_issuer(name: str) -> None:
    assert verify(READER, token(BANK, BANK_KEY, client_id=name, sub=name)).client == f"bank/{name}"


@pytest.mark.parametrize(
    "forged",
    [
        token(CITY, BANK_KEY),
        token(BANK, CITY_KEY),
        token(CITY.upper(), CITY_KEY),
        token(f"{CITY}//", CITY_KEY),
        token(f" {CITY}", CITY_KEY),
    ],
)
def test_no_key_signs_for_another_issuer_and_similar_issuer_names_are_distinct(forged: str) -> None:
    with pytest.raises(Unauthenticated):
        verify(READER, forged)


def test_its_operations_and_daily_quota_are_its_own(portal: Caller, stranger: Caller) -> None:
    known = PersistedDocuments()
    operation = RegisteredOperation(client=PORTAL, id="A-1", name="A", text="query A { a }")
    known.replace([ClientContract(client=PORTAL, cost_a_day=10)], [operation])
    request = GraphQLRequest(query="", document_id=DocumentId("A-1"))
    _, terms, _ = known.resolve(request, ClientApplication(client=portal.client or SAME_NAME, is_partner=True))
    assert terms is not None
    with pytest.raises(RefusedRequest) as refused:
        known.resolve(request, ClientApplication(client=stranger.client or PORTAL, is_partner=True))
    assert refused.value.errors[0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"


def test_its_rate_limit_priority_lane_and_secret_are_its_own(portal: Caller, stranger: Caller) -> None:
    allowances = BucketCallerLimiter(
        parse_rates(DEFAULT_RATES), limiter=RateLimiter(), keys=RateKeys(b"s" * 32), addresses=ClientAddresses(())
    )
    assert allowances.for_caller(portal, SCOPE, Headers()) is allowances.for_caller(portal, SCOPE, Headers())
    assert allowances.for_caller(portal, SCOPE, Headers()) is not allowances.for_caller(stranger, SCOPE, Headers())
    lane = parse_lane(["client:city/portal"])
    assert (lane.includes(portal.kind, portal.client), lane.includes(stranger.kind, stranger.client)) == (True, False)
    signatures = WebhookSignatures(b"s" * 32)
    assert signatures.format_secret(PORTAL, 1) != signatures.format_secret(SAME_NAME, 1)


def test_the_ledger_and_sessions_distinguish_them(portal: Caller, stranger: Caller) -> None:
    builder = LedgerEntryBuilder(Pseudonyms(b"s" * 32))
    read_of = SubjectRead(SITI, ("Citizen.name",), ("dukcapil",))
    [entry], [other] = (
        builder.build(RequestInfo(each, "r-1", None, b"d" * 32), [read_of]) for each in (portal, stranger)
    )
    assert (entry.client, other.client) == ("city/portal", "bank/portal")
    assert entry.caller != other.caller
    citizen = Caller(kind=CallerKind.CITIZEN, first_party=True, nik=SITI, client=PORTAL)
    assert SignedInSession.start(citizen, ends=NOW + 60.0).client == PORTAL
