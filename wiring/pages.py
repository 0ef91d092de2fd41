"""The hub's own pages for people, and how people sign in to them."""

from __future__ import annotations

from collections.abc import Sequence

from auth.issuer_keys import IssuerKeys
from auth.session import LiveSessions, SessionLimits, Sessions
from auth.sign_in import SignIn, SignInClient
from auth.tokens import TokenReader
from connectors.issuer_documents import IssuerDocuments
from connectors.token_endpoint import TokenEndpoint
from schema.shown import Describe
from settings import Settings
from web.own_graph import OwnGraph
from web.pages import Pages
from web.personal_pages import PersonalPages, personal_pages
from web.sign_in_pages import CALLBACK, SIGNED_OUT
from wiring.callers import patience


def sign_in_at(settings: Settings, issuers: Sequence[IssuerKeys], tokens: TokenReader) -> SignIn | None:
    """How people sign in to the hub's own pages; None where no issuer is named for it. Nothing is asked yet."""
    keys = next((each for each in issuers if each.issuer.name == settings.sign_in_issuer), None)
    if keys is None or settings.sign_in_client is None:
        return None
    secret, seconds = settings.sign_in_secret, patience(settings)
    return SignIn(
        keys,
        SignInClient(
            id=settings.sign_in_client,
            secret=None if secret is None else secret.get_secret_value(),
            redirect_uri=f"{settings.own_url}{CALLBACK}",
            signed_out_uri=f"{settings.own_url}{SIGNED_OUT}",
            scopes=settings.sign_in_scopes,
        ),
        secret=settings.secret_bytes,
        documents=IssuerDocuments(keys.issuer.name, patience=seconds),
        desk=TokenEndpoint(keys.issuer.name, patience=seconds),
        tokens=tokens,
        lifetime=settings.session_lifetime,
    )


def own_pages(
    settings: Settings,
    sign_in: SignIn | None,
    live: LiveSessions | None,
    *,
    graph: OwnGraph,
    describe: Describe,
    pages: Pages,
) -> PersonalPages | None:
    """The hub's own pages, where people can sign in to them and sessions can be kept."""
    if sign_in is None or live is None:
        return None
    limits = SessionLimits(idle=settings.session_idle, lifetime=settings.session_lifetime)
    return personal_pages(
        sign_in,
        Sessions(settings.secret_bytes, limits),
        live,
        graph,
        describe,
        pages=pages,
        public_url=settings.own_url,
        recent=settings.recent_sign_in,
        with_messages=settings.development,
    )
