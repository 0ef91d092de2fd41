"""Tokens of the issuer `city` for Siti, signed by its key or by a foreign one."""

from __future__ import annotations

from time import time
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey

from auth.caller import Caller, CallerKind
from records.hub.clients import ClientId
from tests.auth.callers import SITI
from tests.auth.verifiers import build_city_verifier

KEY = ECKey.generate_key("P-256", {"kid": "key-1"})
FOREIGN = ECKey.generate_key("P-256", {"kid": "key-1"})
NOW = int(time())
VERIFIER = build_city_verifier([KEY.as_dict(private=False)], clock=lambda: NOW)
CITIZEN = Caller(kind=CallerKind.CITIZEN, nik=SITI, subject="city siti")
OFFICIAL = Caller(kind=CallerKind.OFFICIAL, agency="dukcapil", client=ClientId("city", "app"), subject="city siti")
CLAIMS: dict[str, Any] = {
    "iss": "city",
    "aud": "simpul",
    "sub": "siti",
    "iat": NOW,
    "exp": NOW + 600,
    "kind": "citizen",
    "nik": SITI,
}
OFFICIAL_CLAIMS = {name: value for name, value in CLAIMS.items() if name != "nik"} | {
    "kind": "official",
    "agency": "dukcapil",
    "client_id": "app",
}
HEADER: dict[str, Any] = {"alg": "ES256", "kid": "key-1"}


def sign_token(claims: dict[str, Any], header: dict[str, Any] = HEADER, key: Any = KEY) -> str:  # noqa: ANN401 - any key
    return jwt.encode(header, claims, key)


def omit_claims(*names: str) -> dict[str, Any]:
    return {name: value for name, value in CLAIMS.items() if name not in names}
