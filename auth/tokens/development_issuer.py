"""The issuer of the sandbox: signs tokens for sample people. Development only."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from auth.caller import Caller, CallerKind
from auth.tokens.issuers import EVERY_CLIENT, Issuer

NAME = "development"
ISSUER = "simpul-development"
AUDIENCE = "simpul"
LIFETIME = timedelta(hours=12)


class DevelopmentIssuer:
    """Signs development tokens with its own private key, which stays in its file."""

    def __init__(self, private_key: Path, *, url: str = ISSUER) -> None:
        """Read the private key, or create it (file mode 0600).

        `url` is the `iss` of its tokens. Production settings refuse the development issuer, so tests that run with them
        use another address.
        """
        self._url = url
        if private_key.exists():
            self._key = ECKey.import_key(json.loads(private_key.read_text()))
        else:
            self._key = ECKey.generate_key("P-256", auto_kid=True)
            _write_atomically(private_key, json.dumps(self._key.as_dict(private=True)))

    def write_public_keys(self, path: Path) -> None:
        """Write the key set with which the hub verifies tokens (RFC 7517)."""
        _write_atomically(path, json.dumps(KeySet([self._key]).as_dict(private=False)))

    def sign_token(self, caller: Caller, *, subject: str, lifetime: timedelta = LIFETIME) -> str:
        """Sign a token for the caller. `subject` is a readable name (`siti`), never a NIK."""
        now = datetime.now(UTC)
        claims: dict[str, Any] = {
            "iss": self._url,
            "aud": AUDIENCE,
            "sub": subject,
            "iat": int(now.timestamp()),
            "exp": int((now + lifetime).timestamp()),
            "kind": caller.kind.value,
        }
        optional_claims = {
            "nik": caller.nik,
            "nib": caller.nib,
            "agency": caller.agency,
            "unit": caller.unit,
            "role": caller.role,
            "client_id": None if caller.client is None else caller.client.name,
            "scope": " ".join(sorted(caller.scopes)) or None,
            "auth_time": int(now.timestamp()) if caller.nik else None,
            "acr": caller.assurance.name.lower() if caller.assurance else None,
            "on_behalf_of": caller.on_behalf_of,
            "purpose": caller.purpose,
            "case": caller.case,
        }
        claims |= {name: value for name, value in optional_claims.items() if value is not None}
        return jwt.encode({"alg": "ES256", "kid": self._key.kid or "development"}, claims, self._key)

    def __repr__(self) -> str:
        """Never the key."""
        return "<DevelopmentIssuer>"


def build_development_issuer(public_keys: Path) -> Issuer:
    """The issuer's entry at the hub, by its file of public keys. It may issue tokens for every kind of caller."""
    return Issuer(
        name=NAME,
        url=ISSUER,
        audience=(AUDIENCE,),
        algorithms=("ES256", "Ed25519"),
        types=("at+jwt", "jwt"),
        kinds=tuple(CallerKind),
        first_party=(EVERY_CLIENT,),
        keys=public_keys,
    )


def _write_atomically(path: Path, text: str) -> None:
    """Write a file that only its owner can read, and rename it to its name when it is complete."""
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    unfinished.replace(path)
