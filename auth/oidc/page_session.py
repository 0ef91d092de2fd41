"""Sessions of people who signed in to the hub's own pages.

A session holds only what decisions read about the caller, and no access token. So a stolen cookie is useful on these
pages only.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from hashlib import sha256
from hmac import compare_digest, digest
from typing import Protocol, Self

from auth.caller import Assurance, Caller, CallerKind, Representation
from auth.crypto.sealed_cookies import SealedCookies
from auth.crypto.sealed_texts import SealedTexts, UnreadableText
from records.hub.clients import ClientId
from records.identifiers import Nik


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLimits:
    """How long sessions last, in seconds."""

    idle: float = 900.0
    """A session ends after this time without use."""
    lifetime: float = 4 * 3600.0
    """A session ends after this time, even if it is in use."""


class SessionStore(Protocol):
    """Stores which sessions are open, for all processes and hubs. The composition root provides it.

    Its methods raise `StateUnavailable` (`store/database_timeout.py`) while the database does not answer.
    """

    async def begin(
        self,
        id_: str,
        *,
        lifetime: float,
        hint: bytes | None = None,
        person: bytes | None = None,
        sign_in: bytes | None = None,
    ) -> None:
        """Add a session that ends after `lifetime` seconds, with its `hint` and the digests for `end_all`."""

    async def use(self, id_: str) -> bool:
        """Record a use of the session; returns whether it is open."""

    async def end(self, id_: str) -> bytes | None:
        """End the session for every copy of its cookie; returns its `hint`, if any."""

    async def end_all(self, *, person: bytes | None, sign_in: bytes | None, age: float) -> int:
        """End the sessions of one sign-in or, without `sign_in`, of a person, if they began `age` seconds ago or more.

        With both, a session of the person without a known sign-in ends, too. Returns how many ended.
        """


class CitizenRequired(ValueError):  # noqa: N818 - names the condition
    """The person who signed in is not a citizen, or acts for another person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedInSession:
    """A signed-in citizen who acts for themself. `repr` shows nothing personal."""

    nik: Nik = field(repr=False)
    subject: str = field(repr=False)
    client: ClientId | None
    assurance: Assurance
    ends: float
    """The latest end, in seconds since 1970: never after the expiry of the access token that proved the person."""
    authenticated_at: float | None = None
    """When the person last authenticated at the issuer, in seconds since 1970, if known."""
    id: str = field(repr=False)
    """The session's id in the store."""
    csrf_token: str = field(repr=False)
    """The CSRF token in every form that changes something. A page of another site does not know it."""

    @classmethod
    def start(cls, caller: Caller, *, ends: float, authenticated_at: float | None = None) -> Self:
        """Start a session with a new id and CSRF token; raises `CitizenRequired`."""
        if (
            caller.kind is not CallerKind.CITIZEN
            or caller.representation is not Representation.SELF
            or caller.nik is None
        ):
            raise CitizenRequired("These pages are for citizens who act for themselves.")
        return cls(
            nik=caller.nik,
            subject=caller.subject,
            client=caller.client,
            assurance=caller.assurance,
            ends=ends,
            authenticated_at=authenticated_at,
            id=secrets.token_urlsafe(32),
            csrf_token=secrets.token_urlsafe(24),
        )

    @property
    def caller(self) -> Caller:
        """The person as a caller of the graph."""
        return Caller(
            kind=CallerKind.CITIZEN,
            nik=self.nik,
            subject=self.subject,
            client=self.client,
            first_party=True,
            authenticated_at=self.authenticated_at,
            assurance=self.assurance,
        )

    def compute_expiry(self, now: float, *, idle: float) -> float:
        """When the session ends if this is its last use, in seconds since 1970."""
        return min(now + idle, self.ends)

    def has_csrf_token(self, token: str) -> bool:
        """Whether a form's CSRF token is this session's."""
        return compare_digest(token.encode(), self.csrf_token.encode())


class SessionCookies:
    """Converts sessions to cookies and back."""

    def __init__(self, secret: bytes, limits: SessionLimits | None = None) -> None:
        """Derive keys from the hub's secret."""
        self._cookies = SealedCookies(secret, "page-session")
        self._texts = SealedTexts(secret)
        self._digest_key = digest(secret, b"simpul page session names v1", sha256)
        self.limits = limits or SessionLimits()

    def seal(self, session: SignedInSession, *, now: float) -> tuple[str, float]:
        """The cookie's text and its expiry, in seconds since 1970. The session is extended, up to its latest end."""
        until = session.compute_expiry(now, idle=self.limits.idle)
        values = {
            "nik": session.nik,
            "subject": session.subject,
            "client": session.client,
            "assurance": int(session.assurance),
            "ends": session.ends,
            "authenticated_at": session.authenticated_at,
            "id": session.id,
            "forms": session.csrf_token,
        }
        return self._cookies.seal(values, until=until), until

    def open(self, text: str, *, now: float) -> SignedInSession | None:
        """The session; None if the cookie is invalid or expired."""
        values = self._cookies.open(text, now=now)
        if values is None:
            return None
        session = SignedInSession(csrf_token=values.pop("forms"), **values)
        client = None if session.client is None else ClientId.from_stored(session.client)
        return replace(session, nik=Nik(session.nik), client=client, assurance=Assurance(session.assurance))

    def digest_name(self, name: str | None) -> bytes | None:
        """The keyed digest of a person or a sign-in at the issuer, by which the store finds sessions."""
        return None if name is None else digest(self._digest_key, name.encode(), sha256)

    def seal_id_token(self, session: SignedInSession, token: str) -> bytes:
        """Seal the issuer's ID token for this session. The issuer expects it at sign-out."""
        return self._texts.seal(token, f"session {session.id}")

    def open_id_token(self, session: SignedInSession, sealed: bytes | None) -> str | None:
        """The ID token; None if there is none, or it was sealed with another secret."""
        if sealed is None:
            return None
        try:
            return self._texts.open(sealed, f"session {session.id}")
        except UnreadableText:
            return None
