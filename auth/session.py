"""Somebody who signed in to the hub's own pages, for as long as they use them.

A session holds what a decision about its caller reads and no more, so no token: who got hold of the cookie could use it
on these pages, and nowhere else.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from hmac import compare_digest
from typing import Final, Self

from auth.caller import Assurance, Caller, CallerKind, Capacity
from auth.sealed_cookies import SealedCookies
from records.clients import ClientId
from records.identifiers import Nik

IDLE: Final = 900.0
"""Seconds after which a session that is not used is over."""


class NotForThemself(ValueError):  # noqa: N818 - names the condition
    """Who signed in is no citizen, or acts for another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A citizen, for themself. `repr` shows nothing personal."""

    nik: Nik = field(repr=False)
    subject: str = field(repr=False)
    client: ClientId | None
    assurance: Assurance
    ends: float
    """When the token that proved them is over, in seconds since 1970; no session lives longer."""
    forms: str = field(repr=False)
    """Stands in every form that changes something: a page of another site cannot know it."""

    @classmethod
    def of(cls, caller: Caller, *, ends: float) -> Self:
        """A new session, unlike every other; raises `NotForThemself`."""
        if caller.kind is not CallerKind.CITIZEN or caller.capacity is not Capacity.SELF or caller.nik is None:
            raise NotForThemself("These pages are for citizens, for themselves.")
        return cls(
            nik=caller.nik,
            subject=caller.subject,
            client=caller.client,
            assurance=caller.assurance,
            ends=ends,
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
            assurance=self.assurance,
        )

    def until(self, now: float) -> float:
        """Until when it goes on, in seconds since 1970, where it is used now and not again."""
        return min(now + IDLE, self.ends)

    def gave(self, form: str) -> bool:
        """Whether a form with this text was given out in this session."""
        return compare_digest(form.encode(), self.forms.encode())


class Sessions:
    """Sessions as the texts of cookies."""

    def __init__(self, secret: bytes) -> None:
        """Derive a key of its own from the hub's secret."""
        self._cookies = SealedCookies(secret, "session")

    def seal(self, session: Session, *, now: float) -> tuple[str, float]:
        """The cookie's text, and until when it is good: the session goes on from here, up to its end."""
        until = session.until(now)
        values = {
            "nik": session.nik,
            "subject": session.subject,
            "client": session.client,
            "assurance": int(session.assurance),
            "ends": session.ends,
            "forms": session.forms,
        }
        return self._cookies.seal(values, until=until), until

    def open(self, text: str, *, now: float) -> Session | None:
        """The session; None where there is none, or no longer."""
        values = self._cookies.open(text, now=now)
        if values is None:
            return None
        session = Session(**values)
        client = None if session.client is None else ClientId.stored(session.client)
        return replace(session, nik=Nik(session.nik), client=client, assurance=Assurance(session.assurance))
