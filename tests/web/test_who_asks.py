"""Who asks: from headers to a caller, awaited only where an issuer is asked, and what is stated beside a token."""

from __future__ import annotations

from collections.abc import Awaitable

import pytest

from auth.caller import ANONYMOUS, Caller, CallerKind
from auth.tokens import KeysUnavailable, Unauthenticated
from records.identifiers import Nik
from tests.clients import client_named
from web.refusals import Code, Refusal
from web.request_headers import RequestHeaders
from web.settings import WebSettings
from web.who_asks import WhoAsks

SITI = Caller(kind=CallerKind.CITIZEN, first_party=True, nik=Nik("3171014506900001"))
RINA = Caller(kind=CallerKind.OFFICIAL, agency="dukcapil")
BANK = Caller(kind=CallerKind.PARTNER, client=client_named("bank"), purpose="kyc")
SIAK = Caller(kind=CallerKind.AGENCY_SYSTEM, client=client_named("siak"), agency="dukcapil")
RATNA = Caller(kind=CallerKind.AUDITOR)
DEWI = Caller(kind=CallerKind.OPERATOR)
CALLERS = {"siti": SITI, "rina": RINA, "bank": BANK, "siak": SIAK, "ratna": RATNA, "dewi": DEWI}


def authenticate(authorization: str | None, certificate: str | None) -> Caller | Awaitable[Caller]:
    match (authorization or "").split():
        case []:
            return ANONYMOUS
        case ["late", name]:
            return late(name)
        case ["bound", name]:
            if certificate != "t" * 43:
                raise Unauthenticated("Another certificate.")
            return CALLERS[name]
        case [name]:
            return proven(name)
        case _:
            raise AssertionError


def proven(name: str) -> Caller:
    if name == "unknown":
        raise KeysUnavailable("Nobody can tell.")
    if name not in CALLERS:
        raise Unauthenticated("Get a new one.")
    return CALLERS[name]


async def late(name: str) -> Caller:
    return proven(name)


def asked(*headers: tuple[str, str], settings: WebSettings | None = None) -> Caller | Awaitable[Caller]:
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    scope = {"type": "http", "headers": raw, "client": ("127.0.0.1", 5)}
    return WhoAsks(authenticate, settings or WebSettings())(scope, RequestHeaders(scope))


def caller(*headers: tuple[str, str], settings: WebSettings | None = None) -> Caller:
    found = asked(*headers, settings=settings)
    assert isinstance(found, Caller)
    return found


def refusal(*headers: tuple[str, str]) -> Refusal:
    with pytest.raises(Refusal) as refused:
        asked(*headers)
    return refused.value


def test_nobody_and_known_callers_come_at_once() -> None:
    assert caller() is ANONYMOUS
    assert caller(("Authorization", "siti")) is SITI


async def test_only_a_caller_whose_issuer_is_asked_is_waited_for() -> None:
    found = asked(("Authorization", "late rina"), ("X-Purpose", "tax-audit"))
    assert not isinstance(found, Caller)
    assert (await found).purpose == "tax-audit"


@pytest.mark.parametrize(
    ("name", "code", "headers"),
    [
        ("mallory", Code.UNAUTHENTICATED, {"WWW-Authenticate": "Bearer"}),
        ("unknown", Code.ISSUER_UNAVAILABLE, {"Retry-After": "10"}),
    ],
)
async def test_what_proves_nobody_is_refused_at_once_or_later(name: str, code: Code, headers: dict[str, str]) -> None:
    at_once = refusal(("Authorization", name))
    found = asked(("Authorization", f"late {name}"))
    assert not isinstance(found, Caller)
    with pytest.raises(Refusal) as later:
        await found
    assert (at_once.code, at_once.headers) == (later.value.code, later.value.headers) == (code, headers)


@pytest.mark.parametrize("name", ["rina", "siak", "ratna"])
def test_officials_systems_and_overseers_state_purpose_and_case(name: str) -> None:
    found = caller(("Authorization", name), ("X-Purpose", "tax-audit"), ("X-Case", "2026/7"))
    assert (found.purpose, found.case) == ("tax-audit", "2026/7")
    assert CALLERS[name].purpose is None


def test_a_partner_states_what_the_token_leaves_open() -> None:
    found = caller(("Authorization", "bank"), ("X-Case", "7"))
    assert (found.purpose, found.case) == ("kyc", "7")


@pytest.mark.parametrize(
    "headers", [("X-Purpose", "tax-audit"), ("X-Case", "7"), ("X-Purpose", "\x00"), ("X-Case", "")]
)
def test_what_others_state_is_not_read(headers: tuple[str, str]) -> None:
    assert caller(headers) is ANONYMOUS
    assert caller(("Authorization", "siti"), headers, headers) is SITI
    assert caller(("Authorization", "dewi"), headers) is DEWI


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ([("X-Purpose", "curiosity")], "The token says another purpose than X-Purpose. Send the same, or none."),
        ([("X-Purpose", "kyc"), ("X-Purpose", "kyc")], "The header X-Purpose comes more than once. Send it once."),
        ([("X-Case", "7"), ("X-Case", "8")], "The header X-Case comes more than once. Send it once."),
        (
            [("X-Purpose", "a b")],
            "The purpose is none. Send X-Purpose as at most 64 letters, digits and '_.:-', no 13 digits in a row.",
        ),
    ],
)
def test_a_purpose_or_a_case_that_cannot_be_taken_is_a_bad_request(headers: list[tuple[str, str]], says: str) -> None:
    refused = refusal(("Authorization", "bank"), *headers)
    assert (refused.code, refused.message) == (Code.BAD_REQUEST, says)


def test_a_certificate_is_told_where_a_setting_names_its_header() -> None:
    headers = (("Authorization", "bound siak"), ("Client-Thumbprint", "t" * 43))
    assert caller(*headers, settings=WebSettings(certificate_header="Client-Thumbprint")) is SIAK
    assert refusal(*headers).code is Code.UNAUTHENTICATED
    with pytest.raises(Refusal, match="Another certificate"):
        caller(headers[0], settings=WebSettings(certificate_header="Client-Thumbprint"))
