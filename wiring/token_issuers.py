"""Whose tokens are believed, and by which keys."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from auth.caller import CallerKind
from auth.tokens.development_issuer import build_development_issuer
from auth.tokens.issuer_keys import IssuerKeys
from auth.tokens.issuers import Issuer
from connectors.issuer_documents import IssuerDocuments
from settings import Settings

_log = logging.getLogger("simpul.issuers")


def build_issuer_keys(settings: Settings) -> Sequence[IssuerKeys]:
    """Whose tokens are believed; nothing is asked yet, so a dead issuer does not stop the hub."""
    found = [
        IssuerKeys(each, IssuerDocuments(each.name, timeout=get_document_timeout(settings)))
        for each in settings.issuers
    ]
    if settings.issuer_keys is not None:
        found.append(IssuerKeys(build_development_issuer(settings.issuer_keys)))
    for warning in (*warn_no_first_party(settings.issuers), *warn_shared_address(settings)):
        _log.warning("%s", warning)
    return found


def warn_no_first_party(issuers: Sequence[Issuer]) -> Sequence[str]:
    """Warnings about issuers of citizens that list none of the city's own apps."""
    return [
        f"The issuer {each.name} has citizens but lists no first_party: none of its apps has all rights of a person,"
        " and every app needs scopes. List the city's own apps by their client_id."
        for each in issuers
        if CallerKind.CITIZEN in each.kinds and not each.first_party
    ]


def warn_shared_address(settings: Settings) -> Sequence[str]:
    """What an operator is warned of: behind a proxy that nobody trusts, all strangers are one.

    The hub speaks no TLS, so in production there is a proxy before it.
    """
    if settings.development or settings.trusted_proxies or not (settings.rate_table or settings.failed_tokens):
        return ()
    warning = (
        "SIMPUL_TRUSTED_PROXIES is not set: everybody who comes through a proxy counts as one address, and one of them"
        " can use up what all may do without a token. Name the proxy that sets X-Forwarded-For."
    )
    return (warning,)


def get_document_timeout(settings: Settings) -> float:
    """Seconds for one document of an issuer: two are read in turn, and requests wait for them."""
    return min(settings.agency_timeout, settings.request_timeout / 2)


@asynccontextmanager
async def refresh_keys(issuers: Sequence[IssuerKeys]) -> AsyncIterator[None]:
    """A time in which the issuers' keys are read now and then; they are closed at its end."""
    tasks = [asyncio.create_task(each.refresh_periodically()) for each in issuers if each.is_remote]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for each in issuers:
            await each.close()
