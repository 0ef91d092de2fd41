"""Only valid tokens of the issuer, for this hub and the current time, are accepted."""

import base64
import hmac
import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from auth.caller import ANONYMOUS
from auth.tokens.token_verifier import LEEWAY, Unauthenticated
from tests.auth.callers import SITI
from tests.auth.tokens.signed_tokens import (
    CITIZEN,
    CLAIMS,
    FOREIGN,
    HEADER,
    KEY,
    NOW,
    OFFICIAL,
    OFFICIAL_CLAIMS,
    VERIFIER,
    omit_claims,
    sign_token,
)
from tests.auth.verifiers import build_city_verifier, verify


def build_raw_token(header: object, payload: object, sign: Callable[[bytes], bytes]) -> str:
    """A token built by hand, because libraries refuse to build it."""
    parts = ".".join(
        _part(each if isinstance(each, bytes) else json.dumps(each).encode()) for each in (header, payload)
    )
    return f"{parts}.{_part(sign(parts.encode()))}"


def _part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def get_refusal(token: str) -> str:
    with pytest.raises(Unauthenticated) as refusal:
        verify(VERIFIER, f"Bearer {token}")
    message = str(refusal.value)
    assert SITI not in message
    assert len(token) < 10 or token not in message
    return message


def test_a_request_without_a_token_is_anonymous() -> None:
    assert verify(VERIFIER, None) is ANONYMOUS


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_token_of_the_issuer_is_accepted(scheme: str) -> None:
    assert verify(VERIFIER, f"{scheme} {sign_token(CLAIMS)}") == CITIZEN
    assert verify(VERIFIER, f"  {scheme}   {sign_token(OFFICIAL_CLAIMS)}  ") == OFFICIAL


@pytest.mark.parametrize("header", [HEADER, {"alg": "ES256"}])
def test_a_token_need_not_name_the_issuers_only_key(header: dict[str, Any]) -> None:
    assert verify(VERIFIER, f"Bearer {sign_token(CLAIMS, header)}") == CITIZEN


def test_this_hub_may_be_one_of_several_audiences() -> None:
    assert verify(VERIFIER, f"Bearer {sign_token(CLAIMS | {'aud': ['payments', 'simpul']})}") == CITIZEN


@pytest.mark.parametrize("aud", ["simpul", "desk", ["desk"], ["x", "simpul"], ["desk", "simpul"]])
def test_one_of_the_hubs_names_as_the_audience_is_enough(aud: object) -> None:
    reader = build_city_verifier([KEY.as_dict(private=False)], clock=lambda: NOW, audience=["simpul", "desk"])
    assert verify(reader, f"Bearer {sign_token(CLAIMS | {'aud': aud})}") == CITIZEN


@pytest.mark.parametrize(
    "aud",
    ["simpul desk", "sim", "", "Simpul", "simpul/", [], [""], ["x"], ["simpul", 1], [["simpul"]], {"simpul": 1}, 1],
)
def test_the_audience_is_compared_exactly(aud: object) -> None:
    for audience in ("simpul", ["simpul"], ["simpul", "desk"]):
        reader = build_city_verifier([KEY.as_dict(private=False)], clock=lambda: NOW, audience=audience)
        with pytest.raises(Unauthenticated):
            verify(reader, f"Bearer {sign_token(CLAIMS | {'aud': aud})}")


@pytest.mark.parametrize("value", ["", " ", "Bearer", "Bearer ", "Basic c2l0aTpyYWhhc2lh", "Token x", "BearerX y"])
def test_another_scheme_is_refused(value: str) -> None:
    with pytest.raises(Unauthenticated) as refusal:
        verify(VERIFIER, value)
    assert str(refusal.value) == (
        "The Authorization header holds no bearer token. Send 'Authorization: Bearer <token>'."
    )


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        (CLAIMS | {"iss": "village"}, "unknown_issuer"),
        (CLAIMS | {"iss": "City"}, "unknown_issuer"),
        (CLAIMS | {"iss": "city/"}, "unknown_issuer"),
        (CLAIMS | {"iss": ["city"]}, "unknown_issuer"),
        (CLAIMS | {"aud": "payments"}, "invalid_claim"),
        (CLAIMS | {"aud": []}, "invalid_claim"),
        (CLAIMS | {"aud": "simpul-payments"}, "invalid_claim"),
        (CLAIMS | {"exp": NOW - LEEWAY}, "expired_token"),
        (CLAIMS | {"exp": -1}, "expired_token"),
        (CLAIMS | {"exp": "tomorrow"}, "invalid_claim"),
        (CLAIMS | {"exp": str(NOW + 600)}, "invalid_claim"),
        (CLAIMS | {"exp": True}, "invalid_claim"),
        (CLAIMS | {"exp": float("nan")}, "malformed_token"),
        (CLAIMS | {"exp": float("inf")}, "malformed_token"),
        (CLAIMS | {"exp": 10**400}, "lives_too_long"),
        (CLAIMS | {"exp": NOW + 86_400 + 2 * LEEWAY}, "lives_too_long"),
        (omit_claims("iat") | {"exp": NOW + 86_400 + 9 * LEEWAY}, "lives_too_long"),
        (CLAIMS | {"iat": NOW + 5, "exp": NOW + 1}, "invalid_claim"),
        (CLAIMS | {"iat": 10**400}, "invalid_claim"),
        (CLAIMS | {"nbf": NOW + 300}, "invalid_claim"),
        (CLAIMS | {"iat": NOW + 300}, "invalid_claim"),
        (CLAIMS | {"nbf": "soon"}, "invalid_claim"),
        (omit_claims("iss"), "missing_claim"),
        (omit_claims("aud"), "missing_claim"),
        (omit_claims("exp"), "missing_claim"),
        (omit_claims("sub"), "missing_claim"),
        (CLAIMS | {"exp": None}, "missing_claim"),
        (CLAIMS | {"sub": ""}, "invalid_claim"),
        (CLAIMS | {"sub": 5}, "invalid_claim"),
    ],
)
def test_a_token_of_another_issuer_for_another_hub_or_another_time_is_refused(
    claims: dict[str, Any], reason: str
) -> None:
    token = build_raw_token(HEADER, claims, _sign)
    assert get_refusal(token) == f"The token was refused ({reason}). Sign in again for a new one."


def _sign(content: bytes) -> bytes:
    from joserfc.jws import JWSRegistry  # noqa: PLC0415 - the only use of the library's inside

    return JWSRegistry.algorithms["ES256"].sign(content, KEY)


def test_a_token_that_becomes_valid_now_is_accepted() -> None:
    assert verify(VERIFIER, f"Bearer {sign_token(CLAIMS | {'nbf': NOW})}") == CITIZEN


@pytest.mark.parametrize("claims", [{"exp": NOW - LEEWAY + 1}, {"nbf": NOW + LEEWAY}, {"iat": NOW + LEEWAY}])
def test_clocks_may_differ_within_the_leeway(claims: dict[str, Any]) -> None:
    reader = build_city_verifier([KEY.as_dict(private=False)], clock=lambda: NOW)
    given = omit_claims("iat") | claims
    assert verify(reader, f"Bearer {sign_token(given)}") == CITIZEN


@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt", "JWT", "jwt"])
def test_the_spellings_of_the_type_of_an_access_token_are_accepted(typ: str) -> None:
    assert verify(VERIFIER, f"Bearer {sign_token(CLAIMS, HEADER | {'typ': typ})}") == CITIZEN


@pytest.mark.parametrize("typ", ["dpop+jwt", "logout+jwt", "JOSE", "", "id+jwt"])
def test_a_token_of_another_type_is_refused(typ: str) -> None:
    assert "unsupported_type" in get_refusal(sign_token(CLAIMS, HEADER | {"typ": typ}))


@pytest.mark.parametrize("header", [HEADER, HEADER | {"typ": "JWT"}])
def test_an_issuer_with_only_rfc_9068_tokens_accepts_no_other_type(header: dict[str, Any]) -> None:
    strict = build_city_verifier([KEY.as_dict(private=False)], clock=lambda: NOW, types=("at+jwt",))
    with pytest.raises(Unauthenticated, match="unsupported_type"):
        strict.verify(f"Bearer {build_raw_token(header, CLAIMS, _sign)}")
    assert verify(strict, f"Bearer {build_raw_token(header | {'typ': 'at+jwt'}, CLAIMS, _sign)}") == CITIZEN


@pytest.mark.parametrize("text", ['{"alg": "ES256"}', '{"kid": "key-1", "alg": "ES256"}'])
def test_a_duplicate_name_in_the_claims_is_refused(text: str) -> None:
    twice = json.dumps(CLAIMS)[:-1] + ', "kind": "official"}'
    assert "malformed_token" in get_refusal(build_raw_token(text.encode(), twice.encode(), _sign))


def test_deeply_nested_claims_are_refused() -> None:
    deep: Any = "x"
    for _ in range(6):
        deep = [deep]
    assert "malformed_token" in get_refusal(build_raw_token(HEADER, CLAIMS | {"more": deep}, _sign))
    assert verify(VERIFIER, f"Bearer {build_raw_token(HEADER, CLAIMS | {'more': deep[0]}, _sign)}") == CITIZEN


@pytest.mark.parametrize(
    "claims",
    [
        omit_claims("nik"),
        omit_claims("kind"),
        CLAIMS | {"kind": "admin"},
        CLAIMS | {"kind": ["citizen"]},
        CLAIMS | {"kind": None},
        CLAIMS | {"kind": "official"},
        CLAIMS | {"agency": "dukcapil"},
        OFFICIAL_CLAIMS | {"nik": SITI},
        OFFICIAL_CLAIMS | {"nik": int(SITI)},
        OFFICIAL_CLAIMS | {"nik": ""},
        OFFICIAL_CLAIMS | {"agency": ""},
        OFFICIAL_CLAIMS | {"agency": "  "},
        OFFICIAL_CLAIMS | {"agency": ["dukcapil"]},
        OFFICIAL_CLAIMS | {"agency": None},
        CLAIMS | {"nik": int(SITI)},
        CLAIMS | {"nik": [SITI]},
        CLAIMS | {"nik": ""},
        CLAIMS | {"nik": SITI[:-1]},
        CLAIMS | {"nik": SITI + "0"},
        CLAIMS | {"nik": f" {SITI[1:]}"},
        CLAIMS | {"nik": f"{SITI}\n"},
        CLAIMS | {"nik": "\uff13" * 16},
        CLAIMS | {"kind": "anonymous"},
    ],
)
def test_claims_that_are_contradictory_or_name_no_caller_are_refused(claims: dict[str, Any]) -> None:
    assert (
        get_refusal(sign_token(claims))
        == "The token's claims name no caller this hub knows. Ask the issuer for another."
    )


def test_a_token_may_be_for_an_anonymous_caller() -> None:
    claims = omit_claims("nik") | {"kind": "anonymous"}
    assert verify(VERIFIER, f"Bearer {sign_token(claims)}") is ANONYMOUS


def test_an_unsigned_token_is_refused() -> None:
    for algorithm in ("none", "None", "NONE", "", None):
        get_refusal(build_raw_token({"alg": algorithm}, CLAIMS, lambda _: b""))
        get_refusal(build_raw_token({"alg": algorithm}, CLAIMS, _sign))


@pytest.mark.parametrize("form", ["pem", "der", "json", "x"])
def test_a_token_signed_with_the_public_key_as_a_shared_secret_is_refused(form: str) -> None:
    public = ECKey.import_key(KEY.as_dict(private=False))
    secret = {
        "pem": public.as_pem(private=False),
        "der": public.as_der(private=False),
        "json": json.dumps(public.as_dict(private=False)).encode(),
        "x": str(public.as_dict(private=False)["x"]).encode(),
    }[form]
    get_refusal(
        build_raw_token({"alg": "HS256", "kid": "key-1"}, CLAIMS, lambda content: hmac.digest(secret, content, sha256))
    )


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("HS256", OctKey.generate_key(256)),
        ("RS256", RSAKey.generate_key(2048)),
        ("PS256", RSAKey.generate_key(2048)),
        ("ES256", FOREIGN),
        ("ES384", ECKey.generate_key("P-384")),
        ("Ed25519", OKPKey.generate_key("Ed25519")),
    ],
)
@pytest.mark.parametrize("kid", [{"kid": "key-1"}, {"kid": "key-2"}, {}])
def test_a_foreign_key_is_refused_with_any_key_id(algorithm: str, key: Any, kid: dict[str, str]) -> None:  # noqa: ANN401 - any key
    get_refusal(jwt.encode({"alg": algorithm, **kid}, CLAIMS, key, algorithms=[algorithm]))


@pytest.mark.parametrize(
    "more",
    [
        {"jwk": FOREIGN.as_dict(private=False)},
        {"jku": "https://evil.example/keys.json"},
        {"x5u": "https://evil.example/cert.pem"},
        {"x5c": ["MIIB"]},
        {"kid": "../../../../dev/null"},
        {"kid": "' OR 1=1 --"},
        {"kid": 5},
        {"kid": ["key-1"]},
        {"kid": None},
        {"kid": {}},
    ],
)
def test_a_key_inside_the_token_or_behind_its_addresses_is_not_used(more: dict[str, Any]) -> None:
    from joserfc.jws import JWSRegistry  # noqa: PLC0415 - as above

    algorithm = JWSRegistry.algorithms["ES256"]
    get_refusal(build_raw_token({"alg": "ES256", **more}, CLAIMS, lambda content: algorithm.sign(content, FOREIGN)))


@pytest.mark.parametrize(
    "more",
    [
        {"crit": ["exp"]},
        {"crit": ["unheard-of"], "unheard-of": True},
        {"crit": "b64"},
        {"crit": ["b64"], "b64": False},
        {"unheard-of": True},
    ],
)
def test_an_unknown_critical_header_is_refused(more: dict[str, Any]) -> None:
    get_refusal(build_raw_token({**HEADER, **more}, CLAIMS, _sign))


@pytest.mark.parametrize(
    "token",
    [
        "x",
        ".",
        "..",
        "...",
        "a.b.c",
        "a.b.c.d.e",
        "é.é.é",
        "\0",
        "eyJhbGciOiJFUzI1NiJ9..",
        "W10.e30.AA",
        "NQ.e30.AA",
        "bnVsbA.e30.AA",
        "IiI.e30.AA",
    ],
)
def test_garbage_is_refused(token: str) -> None:
    assert get_refusal(token).startswith("The token was refused (")


@pytest.mark.parametrize(
    "header",
    [
        b"[" * 300,
        b"[" * 5_000,
        b'{"a":' * 75,
        b'{"a":' * 1_000,
        b"9" * 500,
        b"9" * 5_000,
        b"\xff\xfe",
        b'{"alg": ["ES256"]}',
        b'{"alg": {}}',
        b'{"alg": 5}',
        b'{"alg": "EdDSA"}',
        b'{"alg": "ES256", "alg": "none"}',
    ],
)
def test_a_garbage_header_is_refused(header: bytes) -> None:
    assert get_refusal(build_raw_token(header, CLAIMS, _sign)).startswith("The token was refused (")


@pytest.mark.parametrize("payload", [b"[]", b"null", b"5", b'"x"', b"", b"{", b"\xff", b"[" * 3_000])
def test_a_signed_payload_that_is_not_an_object_is_refused(payload: bytes) -> None:
    get_refusal(build_raw_token(HEADER, payload, _sign))


def test_a_token_of_more_than_8192_characters_is_refused_before_parsing() -> None:
    assert get_refusal("a" * 8193) == "The token is longer than 8192 characters. Ask the issuer for another."


@settings(derandomize=True, max_examples=300)
@given(st.text(max_size=200))
def test_any_text_is_refused_without_another_error(text: str) -> None:
    with pytest.raises(Unauthenticated):
        verify(VERIFIER, f"Bearer {text}.")


@settings(derandomize=True, max_examples=300)
@given(
    position=st.integers(0, 10_000),
    letter=st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."),
)
def test_a_token_with_any_changed_character_is_refused(position: int, letter: str) -> None:
    token = sign_token(CLAIMS)
    at = position % len(token)
    changed = token[:at] + letter + token[at + 1 :]
    if changed != token:
        get_refusal(changed)


def test_the_repr_shows_the_number_of_issuers() -> None:
    assert repr(VERIFIER) == "<TokenVerifier 1 issuers>"


RSA = RSAKey.generate_key(2048, {"kid": "key-1"})


def test_an_algorithm_that_the_entry_lacks_is_refused_even_if_the_key_fits() -> None:
    reader = build_city_verifier([RSA.as_dict(private=False)], clock=lambda: NOW, algorithms=("RS256",))
    assert verify(reader, f"Bearer {sign_token(CLAIMS, HEADER | {'alg': 'RS256'}, RSA)}") == CITIZEN
    with pytest.raises(Unauthenticated, match="unsupported_algorithm"):
        verify(reader, f"Bearer {jwt.encode(HEADER | {'alg': 'PS256'}, CLAIMS, RSA, algorithms=['PS256'])}")


def test_an_algorithm_that_the_entry_names_is_refused_if_the_key_does_not_fit() -> None:
    reader = build_city_verifier(
        [RSA.as_dict(private=False) | {"alg": "RS256"}], clock=lambda: NOW, algorithms=("RS256", "PS256")
    )
    assert verify(reader, f"Bearer {sign_token(CLAIMS, HEADER | {'alg': 'RS256'}, RSA)}") == CITIZEN
    with pytest.raises(Unauthenticated, match="unsupported_algorithm"):
        verify(reader, f"Bearer {jwt.encode(HEADER | {'alg': 'PS256'}, CLAIMS, RSA, algorithms=['PS256'])}")


def test_the_lifetime_of_a_token_counts_from_its_issue() -> None:
    issued = NOW - 80_000
    assert (
        verify(VERIFIER, f"Bearer {sign_token(CLAIMS | {'iat': issued, 'exp': issued + 86_400 + LEEWAY})}") == CITIZEN
    )
    message = get_refusal(sign_token(CLAIMS | {"iat": issued, "exp": issued + 86_400 + LEEWAY + 1}))
    assert "lives_too_long" in message
