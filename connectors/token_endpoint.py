"""The token endpoint of an issuer (RFC 6749, section 4.1.3), over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from secrets import token_hex
from time import monotonic
from typing import Final

from yarl import URL

from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.http.service import HttpLimits, HttpRequest, HttpService
from records.calls.call import Call
from records.calls.failures import AgencyMalformed

_MAX_BYTES: Final = 64 * 1024
_OK: Final = 200
_BAD_REQUEST: Final = 400


class TokenEndpoint:
    """Exchanges authorization codes at one issuer. `name` is its name in logs, `timeout` the limit in seconds."""

    def __init__(self, name: str, *, timeout: float) -> None:
        self._name = name
        self._patience = timeout

    async def redeem_code(self, url: str, form: Mapping[str, str], *, authorization: str | None) -> bytes | None:
        """Post the form and return the issuer's answer; None if the issuer refuses the form (HTTP 400).

        The form is sent once, because issuers treat a repeated code as stolen. Raises AgencyFailure for other errors.
        """
        address = URL(url)
        driver = HttpDriver(
            HttpService(
                self._name,
                str(address.with_query(None)),
                headers={"Accept": "application/json", **({"Authorization": authorization} if authorization else {})},
            ),
            HttpLimits(deadline=self._patience, connections=1, max_bytes=_MAX_BYTES),
        )
        call = Call(deadline=monotonic() + self._patience, request_id=f"sign-in-{token_hex(4)}")
        try:
            reply = await driver.send(HttpRequest("POST", "", query=dict(address.query) or None, form=form), call)
        finally:
            await driver.close()
        if reply.status == _BAD_REQUEST:
            return None
        if reply.status != _OK:
            raise AgencyMalformed(self._name, f"HTTP {reply.status}")
        return reply.body
