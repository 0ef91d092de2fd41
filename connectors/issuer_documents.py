"""Documents that issuers of tokens publish: discovery and key sets, over HTTP."""

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
    """Reads documents of one issuer. `name` is what logs call it, `timeout` the seconds one document may take."""

    def __init__(self, name: str, *, timeout: float) -> None:
        self._name = name
        self._patience = timeout

    async def read(self, url: str) -> bytes:
        """The body at an address; raises `AgencyFailure` for everything but a 200 of at most 256 KiB.

        Redirects are not followed. Documents are read so seldom, and from addresses that may change, that each uses a
        separate connection.
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
