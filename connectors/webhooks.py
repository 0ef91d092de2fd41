"""Calls to partners' own addresses, over HTTP. They lead to public addresses only."""

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
"""Bytes of an answer, which nobody reads."""
_SUCCESS: Final = range(200, 300)
_GONE: Final = 410
_AGENCY: Final = "a partner's webhook"


class TraceStarter(Protocol):
    """Begins what no request waits for."""

    def start_client_span(self, name: str) -> Span | None:
        """A separate trace, if traces are collected."""


class NoTraces:
    """Traces nothing."""

    def start_client_span(self, name: str) -> None:
        """Start no span."""


NO_TRACES: Final = NoTraces()


class WebhookSender:
    """Sends calls, each over a new connection, because there are many partners with few calls each."""

    def __init__(
        self,
        *,
        timeout: float,
        development: bool,
        traces: TraceStarter = NO_TRACES,
        resolver: HostResolver = resolve_host,
    ) -> None:
        """Keep the settings.

        Args:
            patience: Seconds that a partner may take.
            development: Whether calls may lead to this machine.
            traces: Collects a trace of each call.
            resolve: Looks up hosts.

        """
        self._patience = timeout
        self._development = development
        self._traces = traces
        self._resolve = resolver

    async def send(self, address: str, body: bytes, headers: Mapping[str, str]) -> str | None:
        """Send one call. What went wrong, in words that name no host; None where the partner took it (2xx).

        The host is looked up once, each of its addresses is checked, and the call leads to one of those. No redirect
        is followed, and nothing of the answer is kept. Raises ValueError for a malformed address.
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
        """Where the call leads. Raises `NotPublic`, OSError, and ValueError for a malformed address."""
        # Parsed as the client parses it, so that both mean the same host.
        target = AgencyAddress(_AGENCY, address)
        return await resolve_public_addresses(
            target.host, target.port, resolve=self._resolve, loopback=self._development
        )

    @staticmethod
    def is_final(failure: str) -> bool:
        """Whether the partner said that it wants no calls any more (410 Gone)."""
        return failure == f"HTTP {_GONE}"
