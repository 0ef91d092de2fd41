"""What the OpenID provider says of a caller in access tokens (RFC 9068), ID tokens and answers of `userinfo`."""

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.issuer_clients import Client
from sandbox.issuer_grants import Lifetimes, SignIn
from sandbox.issuer_keys import SigningKeys
from sandbox.issuer_people import Person, listed_people, resident

AUDIENCE = "simpul"
ACCESS_TYPE, ID_TYPE = "at+jwt", "JWT"
LEVELS = ("low", "substantial", "high")
"""The values of `acr`: the levels of assurance of Regulation (EU) 910/2014, article 8."""
CLAIMS = ("iss", "sub", "aud", "exp", "iat", "auth_time", "acr", "nonce", "sid", "name", "kind")
"""What ID tokens and `userinfo` can hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Makes and reads the tokens of one provider. `issuer` is its address, `secret` what subjects are made from."""

    issuer: str
    secret: str = field(repr=False)
    keys: SigningKeys
    lifetimes: Lifetimes
    now: Callable[[], float] = time.time

    def of_person(self, sign_in: SignIn, scopes: Sequence[str]) -> str:
        """An access token for somebody who signed in."""
        person = sign_in.person
        return self._access(
            {
                "sub": self.subject(person),
                "client_id": sign_in.client_id,
                "scope": " ".join(scopes),
                "acr": sign_in.acr,
                "auth_time": sign_in.at,
                **_of(person),
                **({"act": {"sub": self.subject(person)}, "on_behalf_of": person.assists} if person.assists else {}),
            }
        )

    def of_client(self, client: Client, scopes: Sequence[str]) -> str:
        """An access token for an application that asks for itself; its subject is the application."""
        at_work = {"agency": client.agency} if client.agency else {}
        names = {"sub": client.id, "client_id": client.id, "scope": " ".join(scopes), "kind": client.kind}
        return self._access({**names, **at_work})

    def identity(self, sign_in: SignIn) -> str:
        """An ID token (OpenID Connect Core 1.0, section 2)."""
        now = int(self.now())
        claims = {
            "iss": self.issuer,
            "aud": sign_in.client_id,
            "iat": now,
            "exp": now + self.lifetimes.access_s,
            "auth_time": sign_in.at,
            "acr": sign_in.acr,
            "sid": sign_in.sid,
            **({} if sign_in.nonce is None else {"nonce": sign_in.nonce}),
            **self.about(sign_in.person, sign_in.scopes),
        }
        return self.keys.sign(claims, typ=ID_TYPE)

    def about(self, person: Person, scopes: Sequence[str]) -> dict[str, Any]:
        """What an application learns of a person within the scopes."""
        profile = {"name": person.name, "kind": person.kind} if "profile" in scopes else {}
        return {"sub": self.subject(person), **profile}

    def subject(self, person: Person) -> str:
        """A name for the person that tells nothing: the same in every token, and of no other person."""
        identity = person.nik or person.key  # who assists somebody stays who they are
        digest = hmac.digest(self.secret.encode(), f"subject {identity}".encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest[:18]).decode()

    def valid_access(self, token: str) -> dict[str, Any] | None:
        """The claims of an access token of ours that is still good."""
        claims = self.keys.claims(token, typ=ACCESS_TYPE)
        return claims if claims is not None and claims["exp"] > self.now() else None

    def person(self, claims: Mapping[str, Any]) -> Person | None:
        """Whom an access token is about; None for an application's own."""
        if "nik" in claims:
            return resident(claims["nik"])
        return next((each for each in listed_people().values() if self.subject(each) == claims["sub"]), None)

    def _access(self, claims: dict[str, Any]) -> str:
        now = int(self.now())
        frame = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + self.lifetimes.access_s,
            "jti": secrets.token_urlsafe(16),
        }
        return self.keys.sign({**frame, **claims}, typ=ACCESS_TYPE)


def _of(person: Person) -> dict[str, str]:
    """What the hub has to know of a person."""
    every = {
        "kind": person.kind,
        "nik": person.nik,
        "nib": person.nib,
        "agency": person.agency,
        "unit": person.unit,
        "role": person.role,
    }
    return {name: value for name, value in every.items() if value is not None}
