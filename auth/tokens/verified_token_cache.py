"""Caches recently verified tokens.

Verifying a signature costs more than the rest of a small request, and clients send the same token with each request.
The cache stores the SHA-256 of a token, never the token, and checks the token's times with each use. After 60 seconds
a token is verified again, so that a withdrawn key stops working within that time.

It also stores refusals of tokens with a valid signature, such as expired ones, so that repeating them costs no second
check. And until a token expires, the cache remembers that it was verified once, so that it never counts as a guess.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from time import monotonic, time

from auth.caller import Caller

MAX_TOKENS = 10_000
"""Maximum cached tokens; the oldest are evicted. One takes some 1 KB, at most 2 KB, so all at most 20 MB."""
LIFETIME_SECONDS = 60.0
"""Seconds for which a token is accepted without verifying its signature again."""
_MAX_CALLER_LENGTH = 1000
"""A caller with more characters in its attributes is not cached. This bounds the bytes of an entry."""


@dataclass(frozen=True, slots=True)
class _VerifiedToken:
    caller: Caller
    until: float
    """On the clock of `time.monotonic`."""
    expires: float
    """The token's `exp`, in seconds since the epoch."""
    valid_from: float
    """The later one of the token's `nbf` and `iat`, likewise; 0 without them."""
    certificate: str | None
    """The thumbprint of the certificate it is bound to."""


@dataclass(frozen=True, slots=True)
class _RefusedToken:
    text: str
    """The error message for the caller."""
    until: float
    """On the clock of `time.monotonic`."""


class VerifiedTokenCache:
    """Caches the callers of verified tokens, and refusals."""

    def __init__(
        self,
        *,
        max_tokens: int = MAX_TOKENS,
        clock: Callable[[], float] = time,
        monotonic_clock: Callable[[], float] = monotonic,
    ) -> None:
        """`clock` is for the times in tokens, `monotonic_clock` for lifetimes of entries."""
        self._max_tokens = max_tokens
        self._clock = clock
        self._monotonic_clock = monotonic_clock
        self._verified: dict[bytes, _VerifiedToken] = {}
        self._refused: dict[tuple[bytes, str | None], _RefusedToken] = {}
        self._expiry_by_token: dict[bytes, float] = {}
        """The expiry of each token that was verified once, in seconds since the epoch; some 150 bytes each."""

    def find_caller(self, token: str, certificate: str | None = None) -> Caller | None:
        """The caller of a valid token that was verified less than 60 seconds ago; None if it must be verified.

        A token that is bound to a certificate is found only with the certificate's thumbprint.
        """
        if not self._verified:
            return None
        known = self._verified.get(_fingerprint(token))
        if (
            known is None
            or known.until <= self._monotonic_clock()
            or not known.valid_from <= self._clock() < known.expires
        ):
            return None
        if known.certificate is not None and known.certificate != certificate:
            return None
        return known.caller

    def was_verified(self, token: str) -> bool:
        """Whether the token was verified before and has not expired."""
        return self._clock() < self._expiry_by_token.get(_fingerprint(token), 0.0)

    def put(
        self, token: str, caller: Caller, *, expires: float, valid_from: float = 0, certificate: str | None = None
    ) -> None:
        """Store a verified token; `expires` and `valid_from` are the token's times, in seconds since the epoch.

        `caller` must not hold a purpose or case from headers (`auth/policy/declared_purpose.py`), because these belong
        to one request.
        """
        fingerprint = _fingerprint(token)
        self._expiry_by_token.pop(fingerprint, None)
        if len(self._expiry_by_token) >= self._max_tokens:
            del self._expiry_by_token[next(iter(self._expiry_by_token))]
        self._expiry_by_token[fingerprint] = expires
        if _compute_length(caller) > _MAX_CALLER_LENGTH:
            return
        self._verified.pop(fingerprint, None)  # so that it is the newest entry
        now = self._monotonic_clock()
        while self._verified:
            oldest = next(iter(self._verified))
            if len(self._verified) < self._max_tokens and self._verified[oldest].until > now:
                break
            del self._verified[oldest]
        self._verified[fingerprint] = _VerifiedToken(caller, now + LIFETIME_SECONDS, expires, valid_from, certificate)

    def find_refusal(self, token: str, certificate: str | None = None) -> str | None:
        """The error text of a recently refused token with a valid signature; None if it must be verified."""
        if not self._refused:
            return None
        why = self._refused.get((_fingerprint(token), certificate))
        return why.text if why is not None and self._monotonic_clock() < why.until else None

    def put_refusal(self, token: str, certificate: str | None, text: str, *, seconds: float = LIFETIME_SECONDS) -> None:
        """Store the refusal of a token with a valid signature, for at most 60 seconds."""
        key = (_fingerprint(token), certificate)
        self._refused.pop(key, None)
        if len(self._refused) >= self._max_tokens:
            del self._refused[next(iter(self._refused))]
        self._refused[key] = _RefusedToken(text, self._monotonic_clock() + min(seconds, LIFETIME_SECONDS))

    def __len__(self) -> int:
        return len(self._verified)

    def __repr__(self) -> str:
        """The number of tokens, never the tokens."""
        return f"<VerifiedTokenCache {len(self._verified)} of {self._max_tokens}>"


def _compute_length(caller: Caller) -> int:
    texts = (caller.agency, caller.subject, caller.unit, caller.role, caller.client, *caller.scopes)
    return sum(len(text or "") for text in texts)


def _fingerprint(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
