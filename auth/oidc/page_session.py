"""Somebody who signed in to the hub's own pages, for as long as they use them.

A session holds what a decision about its caller reads and no more, so no token: who got hold of the cookie could use it
on these pages, and nowhere else.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from hmac import compare_digest
from typing import Protocol, Self

from auth.caller import Assurance, Caller, CallerKind, Representation
from auth.crypto.sealed_cookies import SealedCookies
from auth.crypto.sealed_texts import SealedTexts, UnreadableText
from records.hub.clients import ClientId
from records.identifiers import Nik


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLimits:
    """How long sessions go on, in seconds."""

    idle: float = 900.0
    """After this time without use a session is over."""
    lifetime: float = 4 * 3600.0
    """After this time it is over however much it is used."""


class SessionStore(Protocol):
    """Which sessions go on, for all processes and hubs; filled in by the composition root.

    Its methods raise `StateUnavailable` (`store/database_timeout.py`) while the database does not answer.
    """

    async def begin(self, id_: str, *, lifetime: float, hint: bytes | None = None) -> None:
        """Note a new session that ends after `lifetime` seconds. `hint` is kept until it ends."""

    async def use(self, id_: str) -> bool:
        """Whether the session goes on; it was used now, if so."""

    async def end(self, id_: str) -> bytes | None:
        """End the session for every copy of its cookie; its `hint`, where there was one."""


class CitizenRequired(ValueError):  # noqa: N818 - names the condition
    """Who signed in is no citizen, or acts for another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedInSession:
    """A citizen, for themself. `repr` shows nothing personal."""

    nik: Nik = field(repr=False)
    subject: str = field(repr=False)
    client: ClientId | None
    assurance: Assurance
    ends: float
    """When it is over however much it is used, in seconds since 1970: never after the token that proved them."""
    authenticated_at: float | None = None
    """When they last authenticated at the issuer, in seconds since 1970, where it said so."""
    id: str = field(repr=False)
    """Names it among those that go on."""
    forms: str = field(repr=False)
    """Stands in every form that changes something: a page of another site cannot know it."""

    @classmethod
    def start(cls, caller: Caller, *, ends: float, authenticated_at: float | None = None) -> Self:
        """A new session, unlike every other; raises `CitizenRequired`."""
        if (
            caller.kind is not CallerKind.CITIZEN
            or caller.representation is not Representation.SELF
            or caller.nik is None
        ):
            raise CitizenRequired("These pages are for citizens, for themselves.")
        return cls(
            nik=caller.nik,
            subject=caller.subject,
            client=caller.client,
            assurance=caller.assurance,
            ends=ends,
            authenticated_at=authenticated_at,
            id=secrets.token_urlsafe(32),
            forms=secrets.token_urlsafe(24),
        )

    @property
    def caller(self) -> Caller:
        """Who asks."""
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
        """Until when it goes on, in seconds since 1970, where it is used now and not again."""
        return min(now + idle, self.ends)

    def has_form_token(self, form: str) -> bool:
        """Whether a form with this text was given out in this session."""
        return compare_digest(form.encode(), self.forms.encode())


class SessionCookies:
    """Sessions as the texts of cookies."""

    def __init__(self, secret: bytes, limits: SessionLimits | None = None) -> None:
        """Derive keys from the hub's secret."""
        self._cookies = SealedCookies(secret, "page-session")
        self._texts = SealedTexts(secret)
        self.limits = limits or SessionLimits()

    def seal(self, session: SignedInSession, *, now: float) -> tuple[str, float]:
        """The cookie's text, and until when it is good: the session goes on from here, up to its end."""
        until = session.compute_expiry(now, idle=self.limits.idle)
        values = {
            "nik": session.nik,
            "subject": session.subject,
            "client": session.client,
            "assurance": int(session.assurance),
            "ends": session.ends,
            "authenticated_at": session.authenticated_at,
            "id": session.id,
            "forms": session.forms,
        }
        return self._cookies.seal(values, until=until), until

    def open(self, text: str, *, now: float) -> SignedInSession | None:
        """The session; None where there is none, or no longer."""
        values = self._cookies.open(text, now=now)
        if values is None:
            return None
        session = SignedInSession(**values)
        client = None if session.client is None else ClientId.from_stored(session.client)
        return replace(session, nik=Nik(session.nik), client=client, assurance=Assurance(session.assurance))

    def seal_id_token(self, session: SignedInSession, token: str) -> bytes:
        """The issuer's ID token, sealed for this session: what the issuer wants to see when it ends."""
        return self._texts.seal(token, f"session {session.id}")

    def open_id_token(self, session: SignedInSession, sealed: bytes | None) -> str | None:
        """The ID token; None where there is none, or it was sealed with another secret."""
        if sealed is None:
            return None
        try:
            return self._texts.open(sealed, f"session {session.id}")
        except UnreadableText:
            return None
