"""Where an issuer gives out tokens for codes (RFC 6749, section 4.1.3), over HTTP."""

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
    """Redeems codes at one issuer. `name` is what logs call it, `timeout` the seconds that may take."""

    def __init__(self, name: str, *, timeout: float) -> None:
        self._name = name
        self._patience = timeout

    async def redeem_code(self, url: str, form: Mapping[str, str], *, authorization: str | None) -> bytes | None:
        """The issuer's answer to a form; None if it refuses the form (HTTP 400).

        It is sent once: a code that is seen twice is taken for stolen. Raises AgencyFailure for everything else.
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
