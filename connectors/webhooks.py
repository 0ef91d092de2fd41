"""Sends webhooks to partners over HTTP, only to public addresses."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Final, Protocol

from connectors.drivers.http.address import AgencyAddress
from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.http.public_addresses import HostResolver, NotPublic, resolve_host, resolve_public_addresses
from connectors.drivers.http.service import HttpLimits, HttpRequest, HttpService
from records.calls.call import Call
from records.calls.failures import AgencyFailure
from records.calls.spans import Span, get_failure_code

_MAX_BYTES: Final = 64 * 1024
"""Maximum size of a response, which is not used."""
_SUCCESS: Final = range(200, 300)
_GONE: Final = 410
_AGENCY: Final = "a partner's webhook"


class TraceStarter(Protocol):
    """Starts traces for work outside of requests."""

    def start_client_span(self, name: str) -> Span | None:
        """Start a new trace; None if traces are not collected."""


class NoTraces:
    """Starts no trace."""

    def start_client_span(self, name: str) -> None:
        """Return None."""


NO_TRACES: Final = NoTraces()


class WebhookSender:
    """Sends webhooks, each over a separate connection, because there are many partners with few calls."""

    def __init__(
        self,
        *,
        timeout: float,
        development: bool,
        traces: TraceStarter = NO_TRACES,
        resolver: HostResolver = resolve_host,
    ) -> None:
        """Store the settings.

        Args:
            timeout: Limit for one call, in seconds.
            development: Whether calls may go to this machine.
            traces: Starts a trace for each call.
            resolve: Resolves hosts.

        """
        self._patience = timeout
        self._development = development
        self._traces = traces
        self._resolve = resolver

    async def send(self, address: str, body: bytes, headers: Mapping[str, str]) -> str | None:
        """Send one webhook. Returns the error without the host, or None if the partner accepted it (2xx).

        The host is resolved once, all its addresses are checked, and the call goes to one of them. Redirects are not
        followed, and the response is discarded. Raises ValueError for a malformed address.
        """
        deadline = monotonic() + self._patience
        try:
            async with asyncio.timeout(self._patience):
                addresses = await self._addresses(address)
        except NotPublic as refusal:
            return f"not sent: {refusal}"
        except OSError as failure:  # a TimeoutError is one
            return f"not sent: the host cannot be looked up ({type(failure).__name__})"
        driver = HttpDriver(
            HttpService(
                _AGENCY, address, headers={"Content-Type": "application/json", "Accept": "*/*"}, addresses=addresses
            ),
            HttpLimits(deadline=self._patience, connections=1, max_bytes=_MAX_BYTES),
        )
        span = self._traces.start_client_span("tell a partner")
        call = Call(deadline=deadline, request_id=headers["webhook-id"], span=span)
        code: str | None = "CANCELLED"
        try:
            reply = await driver.send(HttpRequest("POST", "", body=body, headers=headers), call)
            code = None if reply.status in _SUCCESS else str(reply.status)
        except AgencyFailure as failure:
            code = get_failure_code(failure)
            return f"{failure.code}: {failure.detail}"
        finally:
            if span is not None:
                span.end(code)
            await driver.close()
        return None if code is None else f"HTTP {code}"

    async def _addresses(self, address: str) -> Sequence[str]:
        """Resolve the target of the call. Raises `NotPublic`, OSError, and ValueError for a malformed address."""
        # Parsed like the client does, so that both mean the same host.
        target = AgencyAddress(_AGENCY, address)
        return await resolve_public_addresses(
            target.host, target.port, resolve=self._resolve, loopback=self._development
        )

    @staticmethod
    def is_final(failure: str) -> bool:
        """Whether the partner wants no more webhooks (410 Gone)."""
        return failure == f"HTTP {_GONE}"
