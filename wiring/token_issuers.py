"""Builds the keys of the trusted token issuers, and refreshes them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from auth.caller import STAFF_KINDS, CallerKind
from auth.tokens.development_issuer import build_development_issuer
from auth.tokens.issuer_keys import IssuerKeys
from auth.tokens.issuers import Issuer
from connectors.issuer_http import IssuerDocuments
from settings import Settings

_log = logging.getLogger("simpul.issuers")


def build_issuer_keys(settings: Settings) -> Sequence[IssuerKeys]:
    """Builds the keys of each trusted issuer, without any call: an unavailable issuer does not stop the hub."""
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
    """Returns warnings about issuers of people that list none of the city's own apps."""
    without = [each for each in issuers if not each.first_party]
    fix = "List the city's own apps by their client_id."
    return [
        *(
            f"The issuer {each.name} issues tokens of citizens but lists no first_party, so every app needs scopes and"
            f" none has all rights of a person. {fix}"
            for each in without
            if CallerKind.CITIZEN in each.kinds
        ),
        *(
            f"The issuer {each.name} issues tokens of people who work for the city but lists no first_party, so they"
            f" are refused. {fix}"
            for each in without
            if not STAFF_KINDS.isdisjoint(each.kinds)
        ),
    ]


def warn_shared_address(settings: Settings) -> Sequence[str]:
    """Returns a warning if all anonymous callers share one address and limit: behind a proxy that is not trusted.

    The hub does not terminate TLS, so in production there is a proxy in front of it.
    """
    if settings.development or settings.trusted_proxies or not (settings.rate_table or settings.failed_tokens):
        return ()
    warning = (
        "SIMPUL_TRUSTED_PROXIES is not set: all callers behind a proxy share one address, so one of them can use up the"
        " limit of all anonymous callers. Name the proxy that sets X-Forwarded-For."
    )
    return (warning,)


def get_document_timeout(settings: Settings) -> float:
    """Returns the timeout for one document of an issuer, in seconds: requests wait for two documents in sequence."""
    return min(settings.agency_timeout, settings.request_timeout / 2)


@asynccontextmanager
async def refresh_keys(issuers: Sequence[IssuerKeys]) -> AsyncIterator[None]:
    """Refreshes the issuers' keys periodically during the block, and closes their connections at its end."""
    tasks = [asyncio.create_task(each.refresh_periodically()) for each in issuers if each.is_remote]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for each in issuers:
            await each.close()
