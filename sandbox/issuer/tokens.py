"""Issues and verifies the OpenID provider's access tokens (RFC 9068), ID tokens and `userinfo` claims."""

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.issuer.clients import RegisteredClient
from sandbox.issuer.grants import Lifetimes, ProviderSignIn
from sandbox.issuer.people import SignInPerson, find_resident, list_people
from sandbox.issuer.signing_keys import SigningKeys

AUDIENCE = "simpul"
ACCESS_TYPE, ID_TYPE = "at+jwt", "JWT"
ACR_LEVELS = ("low", "substantial", "high")
"""The values of `acr`: the levels of assurance of Regulation (EU) 910/2014, article 8."""
CLAIMS = ("iss", "sub", "aud", "exp", "iat", "auth_time", "acr", "nonce", "sid", "name", "kind")
"""The claims that ID tokens and `userinfo` can hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderTokens:
    """Issues and reads the tokens of one provider. `issuer` is its address; subjects are derived from `secret`."""

    issuer: str
    secret: str = field(repr=False)
    keys: SigningKeys
    lifetimes: Lifetimes
    now: Callable[[], float] = time.time

    def issue_to_person(self, sign_in: ProviderSignIn, scopes: Sequence[str]) -> str:
        """An access token for a person who signed in."""
        person = sign_in.person
        return self._sign_access_token(
            {
                "sub": self.make_subject(person),
                "client_id": sign_in.client_id,
                "scope": " ".join(scopes),
                "acr": sign_in.acr,
                "auth_time": sign_in.signed_in_at,
                **_hub_claims(person),
                **(
                    {"act": {"sub": self.make_subject(person)}, "on_behalf_of": person.assists}
                    if person.assists
                    else {}
                ),
            }
        )

    def issue_to_client(self, client: RegisteredClient, scopes: Sequence[str]) -> str:
        """An access token for an application itself; its subject is the application."""
        at_work = {"agency": client.agency} if client.agency else {}
        names = {"sub": client.id, "client_id": client.id, "scope": " ".join(scopes), "kind": client.kind}
        return self._sign_access_token({**names, **at_work})

    def issue_id_token(self, sign_in: ProviderSignIn) -> str:
        """An ID token (OpenID Connect Core 1.0, section 2)."""
        now = int(self.now())
        claims = {
            "iss": self.issuer,
            "aud": sign_in.client_id,
            "iat": now,
            "exp": now + self.lifetimes.access_s,
            "auth_time": sign_in.signed_in_at,
            "acr": sign_in.acr,
            "sid": sign_in.sid,
            **({} if sign_in.nonce is None else {"nonce": sign_in.nonce}),
            **self.build_profile_claims(sign_in.person, sign_in.scopes),
        }
        return self.keys.sign(claims, typ=ID_TYPE)

    def build_profile_claims(self, person: SignInPerson, scopes: Sequence[str]) -> dict[str, Any]:
        """The profile of a person within the scopes."""
        profile = {"name": person.name, "kind": person.kind} if "profile" in scopes else {}
        return {"sub": self.make_subject(person), **profile}

    def make_subject(self, person: SignInPerson) -> str:
        """A subject that reveals nothing: the same in all tokens of a person, and of no other person."""
        identity = person.nik or person.key  # an assistant keeps their own subject
        digest = hmac.digest(self.secret.encode(), f"subject {identity}".encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest[:18]).decode()

    def check_access_token(self, token: str) -> dict[str, Any] | None:
        """The claims of a valid access token of this provider; None for other tokens."""
        claims = self.keys.read_claims(token, typ=ACCESS_TYPE)
        return claims if claims is not None and claims["exp"] > self.now() else None

    def find_person(self, claims: Mapping[str, Any]) -> SignInPerson | None:
        """The person of an access token; None for an application's own token."""
        if "nik" in claims:
            return find_resident(claims["nik"])
        return next((each for each in list_people().values() if self.make_subject(each) == claims["sub"]), None)

    def _sign_access_token(self, claims: dict[str, Any]) -> str:
        now = int(self.now())
        frame = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + self.lifetimes.access_s,
            "jti": secrets.token_urlsafe(16),
        }
        return self.keys.sign({**frame, **claims}, typ=ACCESS_TYPE)


def _hub_claims(person: SignInPerson) -> dict[str, str]:
    """The hub's claims about a person."""
    every = {
        "kind": person.kind,
        "nik": person.nik,
        "nib": person.nib,
        "agency": person.agency,
        "unit": person.unit,
        "role": person.role,
    }
    return {name: value for name, value in every.items() if value is not None}
