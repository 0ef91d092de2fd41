"""The signing keys of the city's OpenID provider: one signs, replaced ones stay published for a while."""

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

from sandbox.agency import CannotStartError

ALGORITHM = "ES256"
PUBLISHED_FOR_S = 3600
"""Seconds for which a replaced key stays published: longer than the lifetime of any token that it signed."""


@dataclass(frozen=True, slots=True)
class _SigningKey:
    """A key pair, and the time of its replacement in seconds since 1970; None for the signing key."""

    key: ECKey
    replaced_at: float | None


class SigningKeys:
    """The key pairs in a file that only its owner can read.

    Raises `CannotStartError` if the file has other content.
    """

    def __init__(self, file: Path, now: Callable[[], float] = time.time) -> None:
        self._file = file
        self._now = now
        self._kept = self._read() if file.exists() else []
        if not self._kept:
            self.rotate()

    def __repr__(self) -> str:
        """The number of keys, never the keys."""
        return f"<SigningKeys {len(self._kept)}>"

    def rotate(self) -> str:
        """Sign with a new key from now on; returns its `kid`."""
        fresh = ECKey.generate_key("P-256", auto_kid=True)
        older = [each if each.replaced_at is not None else _SigningKey(each.key, self._now()) for each in self._kept]
        self._kept = [_SigningKey(fresh, None), *filter(self._is_published, older)]
        self._write()
        return _compute_kid(fresh)

    def build_key_set(self) -> dict[str, Any]:
        """The public keys as a JWK set (RFC 7517), the signing key first."""
        keys = [each.key for each in self._kept if self._is_published(each)]
        return {"keys": [{**key.as_dict(private=False), "use": "sig", "alg": ALGORITHM} for key in keys]}

    def sign(self, claims: dict[str, Any], *, typ: str) -> str:
        """A signed token of the given `typ` (RFC 7515, section 4.1.9)."""
        key = self._kept[0].key
        return jwt.encode({"alg": ALGORITHM, "kid": _compute_kid(key), "typ": typ}, claims, key)

    def read_claims(self, token: str, *, typ: str) -> dict[str, Any] | None:
        """The claims of a token of this provider, expired or not; None for other tokens or another `typ`."""
        keys = KeySet([each.key for each in self._kept if self._is_published(each)])
        try:
            decoded = jwt.decode(token, keys, algorithms=[ALGORITHM])
        except (JoseError, ValueError, TypeError, RecursionError):
            return None
        return dict(decoded.claims) if decoded.header.get("typ") == typ else None

    def _is_published(self, each: _SigningKey) -> bool:
        return each.replaced_at is None or each.replaced_at + PUBLISHED_FOR_S > self._now()

    def _read(self) -> list[_SigningKey]:
        try:
            content = json.loads(self._file.read_text())
            return [_SigningKey(ECKey.import_key(each["key"]), each["replaced"]) for each in content]
        except (JoseError, ValueError, TypeError, KeyError):
            raise CannotStartError(f"{self._file} is damaged; delete it, the next start makes new keys.") from None

    def _write(self) -> None:
        content = [{"key": each.key.as_dict(private=True), "replaced": each.replaced_at} for each in self._kept]
        unfinished = self._file.with_name(f"{self._file.name}.new")
        unfinished.unlink(missing_ok=True)
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(content, file)
        unfinished.replace(self._file)


def _compute_kid(key: ECKey) -> str:
    """The thumbprint of the key (RFC 7638)."""
    return key.kid or key.thumbprint()
