"""Reads documents of token issuers over HTTP: discovery documents and key sets."""

from __future__ import annotations

from secrets import token_hex
from time import monotonic
from typing import Final

from yarl import URL

from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.http.service import HttpLimits, HttpRequest, HttpService
from records.calls.call import Call
from records.calls.failures import AgencyMalformed

_MAX_BYTES: Final = 256 * 1024
_OK: Final = 200


class IssuerDocuments:
    """Reads documents of one issuer. `name` is its name in logs, `timeout` the seconds for one document."""

    def __init__(self, name: str, *, timeout: float) -> None:
        self._name = name
        self._patience = timeout

    async def read(self, url: str) -> bytes:
        """Return the body at an address. Raises `AgencyFailure` unless it is a 200 of at most 256 KiB.

        Redirects are not followed. Each document uses a separate connection, because documents are read rarely and
        their addresses may change.
        """
        address = URL(url)
        driver = HttpDriver(
            HttpService(self._name, str(address.with_query(None)), headers={"Accept": "application/json"}),
            HttpLimits(deadline=self._patience, connections=1, max_bytes=_MAX_BYTES),
        )
        call = Call(deadline=monotonic() + self._patience, request_id=f"issuer-{token_hex(4)}")
        try:
            reply = await driver.send(HttpRequest("GET", "", query=dict(address.query) or None), call)
        finally:
            await driver.close()
        if reply.status != _OK:
            raise AgencyMalformed(self._name, f"HTTP {reply.status}")
        return reply.body
