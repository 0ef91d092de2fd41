"""Tokens whose signature was checked a moment ago.

Checking a signature costs more than the rest of a small request, and a client sends the same token with each of its
requests. Only tokens that proved somebody are kept, by their SHA-256 and never themselves; each use looks at the clock;
and each is checked anew after 60 seconds, so that a key that its issuer withdrew takes no longer than that to count.
So is why a token was refused that its issuer had signed, such as one that is over: repeating it costs no second check.
That a token proved somebody once is remembered for longer, as long as it is good: it is no guess, whoever sends it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from time import monotonic, time

from auth.caller import Caller

MAX_TOKENS = 10_000
"""Tokens that are kept, the newest: of some 1 KB each and 2 KB at most, so 20 MB at most."""
LIFETIME_SECONDS = 60.0
"""How long a token is taken as proven without a look at its signature."""
_MAX_CALLER_LENGTH = 1000
"""Characters of all that a caller carries beyond which it is not kept: the bound on bytes beside the one on tokens."""


@dataclass(frozen=True, slots=True)
class _VerifiedToken:
    caller: Caller
    until: float
    """On the clock of `time.monotonic`."""
    expires: float
    """The token's `exp`, in seconds since the epoch."""
    valid_from: float
    """The latest of the token's `nbf` and `iat`, likewise; 0 without them."""
    certificate: str | None
    """The thumbprint of the certificate it is bound to."""


@dataclass(frozen=True, slots=True)
class _RefusedToken:
    text: str
    """The error message for the caller."""
    until: float
    """On the clock of `time.monotonic`."""


class VerifiedTokenCache:
    """The callers that tokens proved, for a short time."""

    def __init__(
        self,
        *,
        max_tokens: int = MAX_TOKENS,
        clock: Callable[[], float] = time,
        monotonic_clock: Callable[[], float] = monotonic,
    ) -> None:
        """Take how many to keep, the clock that tokens are dated by, and one that is never set back."""
        self._max_tokens = max_tokens
        self._clock = clock
        self._monotonic_clock = monotonic_clock
        self._verified: dict[bytes, _VerifiedToken] = {}
        self._refused: dict[tuple[bytes, str | None], _RefusedToken] = {}
        self._expiry_by_token: dict[bytes, float] = {}
        """Until when each token is good that proved somebody, in seconds since the epoch; some 150 bytes each."""

    def find_caller(self, token: str, certificate: str | None = None) -> Caller | None:
        """Whom the token proved less than 60 seconds ago, while it is valid; else none, and it has to be checked.

        A token that is bound to a certificate is known together with its thumbprint alone.
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
        """Whether the token proved somebody before, in its own time, which is not over."""
        return self._clock() < self._expiry_by_token.get(_fingerprint(token), 0.0)

    def put(
        self, token: str, caller: Caller, *, expires: float, valid_from: float = 0, certificate: str | None = None
    ) -> None:
        """Keep what was just checked; `expires` and `valid_from` are the token's, in seconds since the epoch.

        What was stated beside the token (`auth/policy/declared_purpose.py`) is no part of what it proved: it must not
        be in `find_caller`.
        """
        fingerprint = _fingerprint(token)
        self._expiry_by_token.pop(fingerprint, None)
        if len(self._expiry_by_token) >= self._max_tokens:
            del self._expiry_by_token[next(iter(self._expiry_by_token))]
        self._expiry_by_token[fingerprint] = expires
        if _compute_length(caller) > _MAX_CALLER_LENGTH:
            return
        self._verified.pop(fingerprint, None)  # to stand behind all that were checked before it
        now = self._monotonic_clock()
        while self._verified:
            oldest = next(iter(self._verified))
            if len(self._verified) < self._max_tokens and self._verified[oldest].until > now:
                break
            del self._verified[oldest]
        self._verified[fingerprint] = _VerifiedToken(caller, now + LIFETIME_SECONDS, expires, valid_from, certificate)

    def find_refusal(self, token: str, certificate: str | None = None) -> str | None:
        """Why the token was refused a moment ago, though its issuer made it; None where it has to be checked."""
        if not self._refused:
            return None
        why = self._refused.get((_fingerprint(token), certificate))
        return why.text if why is not None and self._monotonic_clock() < why.until else None

    def put_refusal(self, token: str, certificate: str | None, text: str, *, seconds: float = LIFETIME_SECONDS) -> None:
        """Keep why a token with a good signature was refused, for 60 seconds at most."""
        key = (_fingerprint(token), certificate)
        self._refused.pop(key, None)
        if len(self._refused) >= self._max_tokens:
            del self._refused[next(iter(self._refused))]
        self._refused[key] = _RefusedToken(text, self._monotonic_clock() + min(seconds, LIFETIME_SECONDS))

    def __len__(self) -> int:
        return len(self._verified)

    def __repr__(self) -> str:
        """How many, never which."""
        return f"<KnownTokens {len(self._verified)} of {self._max_tokens}>"


def _compute_length(caller: Caller) -> int:
    texts = (caller.agency, caller.subject, caller.unit, caller.role, caller.client, *caller.scopes)
    return sum(len(text or "") for text in texts)


def _fingerprint(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
