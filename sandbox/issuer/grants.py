"""The grants of the OpenID provider: authorization codes, and refresh tokens in families.

Everything is in memory: after a restart, people sign in again.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox.issuer.people import SignInPerson


@dataclass(slots=True)
class Lifetimes:
    """Lifetimes in seconds. The control API changes them, so that tests need not wait."""

    code_s: int = 60
    access_s: int = 900
    refresh_s: int = 8 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSignIn:
    """A sign-in to an application, with the claims of every token that follows from it.

    `sid` names the sign-in; `signed_in_at` is its time in seconds since 1970; `acr` is the assurance level.
    """

    sid: str
    person: SignInPerson
    client_id: str
    scopes: tuple[str, ...]
    acr: str
    signed_in_at: int
    nonce: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationCode:
    """The grant of an authorization code."""

    sign_in: ProviderSignIn
    redirect_uri: str
    challenge: str
    expires: float


@dataclass(slots=True)
class _RefreshTokenFamily:
    """All refresh tokens that follow from one sign-in; only `newest` is valid."""

    sign_in: ProviderSignIn
    newest: str
    expires: float
    tokens: list[str] = field(default_factory=list)


class Grants:
    """Stores codes and refresh tokens."""

    def __init__(self, lifetimes: Lifetimes, now: Callable[[], float] = time.time) -> None:
        self._lifetimes = lifetimes
        self._now = now
        self._codes: dict[str, AuthorizationCode] = {}
        self._used: dict[str, AuthorizationCode] = {}
        self._families: dict[str, _RefreshTokenFamily] = {}
        self._sids: dict[str, str] = {}

    def __repr__(self) -> str:
        """The numbers of codes and families, never their values."""
        return f"<Grants {len(self._codes)} codes {len(self._families)} families>"

    def issue_code(self, sign_in: ProviderSignIn, *, redirect_uri: str, challenge: str) -> str:
        """Issue a code for the sign-in, valid once and for a minute."""
        self._forget_expired()
        code = secrets.token_urlsafe(32)
        expires = self._now() + self._lifetimes.code_s
        self._codes[code] = AuthorizationCode(
            sign_in=sign_in, redirect_uri=redirect_uri, challenge=challenge, expires=expires
        )
        return code

    def redeem_code(self, code: str) -> AuthorizationCode | None:
        """Redeem a code once; None if it is unknown, used or expired.

        A code that is used twice was stolen, so its sign-in ends (RFC 6749, section 4.1.2).
        """
        if (used := self._used.get(code)) is not None:
            self.end_sign_in(used.sign_in.sid)
        if (found := self._codes.pop(code, None)) is None:
            return None
        self._used[code] = found
        return found if found.expires > self._now() else None

    def issue_refresh_token(self, sign_in: ProviderSignIn) -> str:
        """Issue the first refresh token of a sign-in."""
        token = secrets.token_urlsafe(32)
        family = _RefreshTokenFamily(sign_in, token, self._now() + self._lifetimes.refresh_s, [token])
        self._families[sign_in.sid] = family
        self._sids[token] = sign_in.sid
        return token

    def find_sign_in(self, token: str, client_id: str) -> ProviderSignIn | None:
        """The sign-in of a refresh token of the client; None if the token is not valid.

        A token that was already replaced was stolen, so the whole family ends (RFC 9700, section 4.14.2).
        """
        family = self._families.get(self._sids.get(token, ""))
        if family is None or family.sign_in.client_id != client_id:
            return None
        if family.newest != token or family.expires <= self._now():
            self.end_sign_in(family.sign_in.sid)
            return None
        return family.sign_in

    def rotate_refresh_token(self, sign_in: ProviderSignIn) -> str:
        """Issue a refresh token that replaces the newest one."""
        family = self._families[sign_in.sid]
        family.newest = secrets.token_urlsafe(32)
        family.tokens.append(family.newest)
        self._sids[family.newest] = sign_in.sid
        return family.newest

    def end_sign_in(self, sid: str) -> None:
        """End a sign-in: none of its refresh tokens is valid any more."""
        family = self._families.pop(sid, None)
        for token in family.tokens if family else ():
            del self._sids[token]

    def _forget_expired(self) -> None:
        """Forget expired codes, and used codes whose sign-in has ended."""
        now = self._now()
        self._codes = {text: code for text, code in self._codes.items() if code.expires > now}
        for sid in [sid for sid, family in self._families.items() if family.expires <= now]:
            self.end_sign_in(sid)
        self._used = {
            text: code for text, code in self._used.items() if code.sign_in.sid in self._families or code.expires > now
        }
