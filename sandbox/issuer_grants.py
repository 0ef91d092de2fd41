"""What the OpenID provider has handed out and will take back: codes, and refresh tokens in families.

Everything is in memory: a provider that is started again knows none of it, and people sign in again.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox.issuer_people import Person


@dataclass(slots=True)
class Lifetimes:
    """For how many seconds each thing is good. The control API changes them, so that nobody has to wait."""

    code_s: int = 60
    access_s: int = 900
    refresh_s: int = 8 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """Somebody signed in to an application: what every token that follows from it says.

    `sid` names the sign-in; `at` is its moment in seconds since 1970; `acr` is how surely the person was identified.
    """

    sid: str
    person: Person
    client_id: str
    scopes: tuple[str, ...]
    acr: str
    at: int
    nonce: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """What stands behind an authorization code."""

    sign_in: SignIn
    redirect_uri: str
    challenge: str
    expires: float


@dataclass(slots=True)
class _Family:
    """All refresh tokens that follow from one sign-in; only `newest` is good."""

    sign_in: SignIn
    newest: str
    expires: float
    every: list[str] = field(default_factory=list)


class Grants:
    """Codes and refresh tokens under way."""

    def __init__(self, lifetimes: Lifetimes, now: Callable[[], float] = time.time) -> None:
        self._lifetimes = lifetimes
        self._now = now
        self._codes: dict[str, Code] = {}
        self._used: dict[str, Code] = {}
        self._families: dict[str, _Family] = {}
        self._sids: dict[str, str] = {}

    def __repr__(self) -> str:
        """How many, never which."""
        return f"<Grants {len(self._codes)} codes {len(self._families)} families>"

    def code(self, sign_in: SignIn, *, redirect_uri: str, challenge: str) -> str:
        """A code for the sign-in, good once and for a minute."""
        self._forget_the_old()
        code = secrets.token_urlsafe(32)
        expires = self._now() + self._lifetimes.code_s
        self._codes[code] = Code(sign_in=sign_in, redirect_uri=redirect_uri, challenge=challenge, expires=expires)
        return code

    def taken(self, code: str) -> Code | None:
        """What stands behind a code, once; None afterwards, and for what is none or too old.

        A code that comes again was stolen, either time: what followed from it ends (RFC 6749, section 4.1.2).
        """
        if (used := self._used.get(code)) is not None:
            self.end(used.sign_in.sid)
        if (found := self._codes.pop(code, None)) is None:
            return None
        self._used[code] = found
        return found if found.expires > self._now() else None

    def refresh_token(self, sign_in: SignIn) -> str:
        """The first refresh token of a sign-in."""
        token = secrets.token_urlsafe(32)
        family = _Family(sign_in, token, self._now() + self._lifetimes.refresh_s, [token])
        self._families[sign_in.sid] = family
        self._sids[token] = sign_in.sid
        return token

    def behind(self, token: str, client_id: str) -> SignIn | None:
        """The sign-in behind a refresh token of the client; None for one that is not good.

        One that was replaced before was stolen, either time: the whole family ends (RFC 9700, section 4.14.2).
        """
        family = self._families.get(self._sids.get(token, ""))
        if family is None or family.sign_in.client_id != client_id:
            return None
        if family.newest != token or family.expires <= self._now():
            self.end(family.sign_in.sid)
            return None
        return family.sign_in

    def next_refresh_token(self, sign_in: SignIn) -> str:
        """The token that takes the place of the newest one."""
        family = self._families[sign_in.sid]
        family.newest = secrets.token_urlsafe(32)
        family.every.append(family.newest)
        self._sids[family.newest] = sign_in.sid
        return family.newest

    def end(self, sid: str) -> None:
        """No refresh token of this sign-in is good any more."""
        family = self._families.pop(sid, None)
        for token in family.every if family else ():
            del self._sids[token]

    def _forget_the_old(self) -> None:
        """Forget codes that nobody fetched, and used ones once nothing follows from them."""
        now = self._now()
        self._codes = {text: code for text, code in self._codes.items() if code.expires > now}
        for sid in [sid for sid, family in self._families.items() if family.expires <= now]:
            self.end(sid)
        self._used = {
            text: code for text, code in self._used.items() if code.sign_in.sid in self._families or code.expires > now
        }
