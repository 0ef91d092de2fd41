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

MOST = 10_000
"""Tokens that are kept, the newest: of some 1 KB each and 2 KB at most, so 20 MB at most."""
SECONDS = 60.0
"""How long a token is taken as proven without a look at its signature."""
_LONGEST = 1000
"""Characters of all that a caller carries beyond which it is not kept: the bound on bytes beside the one on tokens."""


@dataclass(frozen=True, slots=True)
class _Known:
    caller: Caller
    until: float
    """On the clock of `time.monotonic`."""
    expires: float
    """The token's `exp`, in seconds since the epoch."""
    begins: float
    """The latest of the token's `nbf` and `iat`, likewise; 0 without them."""
    certificate: str | None
    """The thumbprint of the certificate it is bound to."""


@dataclass(frozen=True, slots=True)
class _Refused:
    text: str
    """The error message for the caller."""
    until: float
    """On the clock of `time.monotonic`."""


class KnownTokens:
    """The callers that tokens proved, for a short time."""

    def __init__(
        self, *, most: int = MOST, clock: Callable[[], float] = time, stopwatch: Callable[[], float] = monotonic
    ) -> None:
        """Take how many to keep, the clock that tokens are dated by, and one that is never set back."""
        self._most = most
        self._clock = clock
        self._stopwatch = stopwatch
        self._known: dict[bytes, _Known] = {}
        self._refused: dict[tuple[bytes, str | None], _Refused] = {}
        self._proved: dict[bytes, float] = {}
        """Until when each token is good that proved somebody, in seconds since the epoch; some 150 bytes each."""

    def caller(self, token: str, certificate: str | None = None) -> Caller | None:
        """Whom the token proved less than 60 seconds ago, while it is valid; else none, and it has to be checked.

        A token that is bound to a certificate is known together with its thumbprint alone.
        """
        if not self._known:
            return None
        known = self._known.get(_fingerprint(token))
        if known is None or known.until <= self._stopwatch() or not known.begins <= self._clock() < known.expires:
            return None
        if known.certificate is not None and known.certificate != certificate:
            return None
        return known.caller

    def proved(self, token: str) -> bool:
        """Whether the token proved somebody before, in its own time, which is not over."""
        return self._clock() < self._proved.get(_fingerprint(token), 0.0)

    def keep(
        self, token: str, caller: Caller, *, expires: float, begins: float = 0, certificate: str | None = None
    ) -> None:
        """Keep what was just checked; `expires` and `begins` are the token's, in seconds since the epoch.

        What was stated beside the token (`auth/statement.py`) is no part of what it proved: it must not be in `caller`.
        """
        fingerprint = _fingerprint(token)
        self._proved.pop(fingerprint, None)
        if len(self._proved) >= self._most:
            del self._proved[next(iter(self._proved))]
        self._proved[fingerprint] = expires
        if _length(caller) > _LONGEST:
            return
        self._known.pop(fingerprint, None)  # to stand behind all that were checked before it
        now = self._stopwatch()
        while self._known:
            oldest = next(iter(self._known))
            if len(self._known) < self._most and self._known[oldest].until > now:
                break
            del self._known[oldest]
        self._known[fingerprint] = _Known(caller, now + SECONDS, expires, begins, certificate)

    def refusal(self, token: str, certificate: str | None = None) -> str | None:
        """Why the token was refused a moment ago, though its issuer made it; None where it has to be checked."""
        if not self._refused:
            return None
        why = self._refused.get((_fingerprint(token), certificate))
        return why.text if why is not None and self._stopwatch() < why.until else None

    def refuse(self, token: str, certificate: str | None, text: str, *, seconds: float = SECONDS) -> None:
        """Keep why a token with a good signature was refused, for 60 seconds at most."""
        key = (_fingerprint(token), certificate)
        self._refused.pop(key, None)
        if len(self._refused) >= self._most:
            del self._refused[next(iter(self._refused))]
        self._refused[key] = _Refused(text, self._stopwatch() + min(seconds, SECONDS))

    def __len__(self) -> int:
        return len(self._known)

    def __repr__(self) -> str:
        """How many, never which."""
        return f"<KnownTokens {len(self._known)} of {self._most}>"


def _length(caller: Caller) -> int:
    texts = (caller.agency, caller.subject, caller.unit, caller.role, caller.client, *caller.scopes)
    return sum(len(text or "") for text in texts)


def _fingerprint(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
