"""Authentication: from headers to a caller, waiting only for an issuer, and the purpose declared beside a token."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Any

import pytest

from auth.caller import ANONYMOUS, Caller, CallerKind
from auth.tokens.token_verifier import KeysUnavailable, Unauthenticated
from records.identifiers import Nik
from tests.fakes.clients import build_client
from tests.web.rate_limits.limited_server import build_limits
from web.authentication import RequestAuthenticator
from web.http_errors import HttpError, HttpErrorCode
from web.request_headers import RequestHeaders
from web.settings import WebSettings

SITI = Caller(kind=CallerKind.CITIZEN, first_party=True, nik=Nik("3171014506900001"))
RINA = Caller(kind=CallerKind.OFFICIAL, agency="dukcapil")
BANK = Caller(kind=CallerKind.PARTNER, client=build_client("bank"), purpose="kyc")
SIAK = Caller(kind=CallerKind.AGENCY_SYSTEM, client=build_client("siak"), agency="dukcapil")
RATNA = Caller(kind=CallerKind.AUDITOR)
DEWI = Caller(kind=CallerKind.OPERATOR)
CALLERS = {"siti": SITI, "rina": RINA, "bank": BANK, "siak": SIAK, "ratna": RATNA, "dewi": DEWI}


def authenticate(authorization: str | None, certificate: str | None) -> Caller | Awaitable[Caller]:
    match (authorization or "").split():
        case []:
            return ANONYMOUS
        case ["late", name]:
            return verify_later(name)
        case ["bound", name]:
            if certificate != "t" * 43:
                raise Unauthenticated("Another certificate.")
            return CALLERS[name]
        case [name]:
            return get_proven_caller(name)
        case _:
            raise AssertionError


def get_proven_caller(name: str) -> Caller:
    if name == "unknown":
        raise KeysUnavailable("The issuer does not answer.")
    if name not in CALLERS:
        raise Unauthenticated("Get a new one.")
    return CALLERS[name]


async def verify_later(name: str) -> Caller:
    await asyncio.sleep(0)
    return get_proven_caller(name)


def authenticate_request(*headers: tuple[str, str], settings: WebSettings | None = None) -> Coroutine[Any, Any, Caller]:
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    scope = {"type": "http", "headers": raw, "client": ("127.0.0.1", 5)}
    return RequestAuthenticator(authenticate, settings or WebSettings()).authenticate(scope, RequestHeaders(scope))


def get_caller(*headers: tuple[str, str], settings: WebSettings | None = None) -> Caller:
    """The caller, which authentication returns without waiting."""
    with pytest.raises(StopIteration) as done:
        authenticate_request(*headers, settings=settings).send(None)
    found = done.value.value
    assert isinstance(found, Caller)
    return found


def get_refusal(*headers: tuple[str, str]) -> HttpError:
    with pytest.raises(HttpError) as refused:
        authenticate_request(*headers).send(None)
    return refused.value


def test_anonymous_and_known_callers_are_authenticated_without_waiting() -> None:
    assert get_caller() is ANONYMOUS
    assert get_caller(("Authorization", "siti")) is SITI


async def test_authentication_waits_for_an_issuer() -> None:
    caller = await authenticate_request(("Authorization", "late rina"), ("X-Purpose", "tax-audit"))
    assert caller.purpose == "tax-audit"


@pytest.mark.parametrize(
    ("name", "code", "headers"),
    [
        ("mallory", HttpErrorCode.UNAUTHENTICATED, {"WWW-Authenticate": "Bearer"}),
        ("unknown", HttpErrorCode.ISSUER_UNAVAILABLE, {"Retry-After": "10"}),
    ],
)
async def test_invalid_tokens_are_refused_with_and_without_waiting(
    name: str, code: HttpErrorCode, headers: dict[str, str]
) -> None:
    immediate = get_refusal(("Authorization", name))
    with pytest.raises(HttpError) as later:
        await authenticate_request(("Authorization", f"late {name}"))
    assert (immediate.code, immediate.headers) == (later.value.code, later.value.headers) == (code, headers)


@pytest.mark.parametrize("name", ["rina", "siak", "ratna"])
def test_officials_systems_and_overseers_declare_purpose_and_case(name: str) -> None:
    found = get_caller(("Authorization", name), ("X-Purpose", "tax-audit"), ("X-Case", "2026/7"))
    assert (found.purpose, found.case) == ("tax-audit", "2026/7")
    assert CALLERS[name].purpose is None


def test_a_partner_declares_what_its_token_does_not() -> None:
    found = get_caller(("Authorization", "bank"), ("X-Case", "7"))
    assert (found.purpose, found.case) == ("kyc", "7")


@pytest.mark.parametrize(
    "headers", [("X-Purpose", "tax-audit"), ("X-Case", "7"), ("X-Purpose", "\x00"), ("X-Case", "")]
)
def test_a_purpose_of_callers_of_other_kinds_is_ignored(headers: tuple[str, str]) -> None:
    assert get_caller(headers) is ANONYMOUS
    assert get_caller(("Authorization", "siti"), headers, headers) is SITI
    assert get_caller(("Authorization", "dewi"), headers) is DEWI


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ([("X-Purpose", "curiosity")], "X-Purpose differs from the token's purpose. Send the same one, or no header."),
        ([("X-Purpose", "kyc"), ("X-Purpose", "kyc")], "The header X-Purpose comes more than once. Send it once."),
        ([("X-Case", "7"), ("X-Case", "8")], "The header X-Case comes more than once. Send it once."),
        (
            [("X-Purpose", "a b")],
            "X-Purpose is malformed. Use at most 64 letters, digits and '_.:-', no 13 digits in a row.",
        ),
    ],
)
def test_an_invalid_purpose_or_case_is_a_bad_request(headers: list[tuple[str, str]], says: str) -> None:
    refused = get_refusal(("Authorization", "bank"), *headers)
    assert (refused.code, refused.message) == (HttpErrorCode.BAD_REQUEST, says)


def test_a_certificate_is_read_only_from_the_configured_header() -> None:
    headers = (("Authorization", "bound siak"), ("Client-Thumbprint", "t" * 43))
    assert get_caller(*headers, settings=WebSettings(certificate_header="Client-Thumbprint")) is SIAK
    assert get_refusal(*headers).code is HttpErrorCode.UNAUTHENTICATED
    with pytest.raises(HttpError, match="Another certificate"):
        get_caller(headers[0], settings=WebSettings(certificate_header="Client-Thumbprint"))


async def test_a_request_is_counted_against_the_rate_of_its_authenticated_caller() -> None:
    limits = build_limits("citizen:2/1000", "anonymous:1/1000")
    authenticator = RequestAuthenticator(authenticate, WebSettings(), caller_limiter=limits.caller_limiter)
    scope = {"type": "http", "headers": [(b"authorization", b"siti")], "client": ("127.0.0.1", 5)}
    assert [await authenticator.authenticate_and_charge(scope) for _ in range(2)] == [SITI, SITI]
    with pytest.raises(HttpError) as refused:
        await authenticator.authenticate_and_charge(scope)
    assert refused.value.code is HttpErrorCode.RATE_LIMITED
    assert await authenticator.authenticate_and_charge({**scope, "headers": []}) is ANONYMOUS
