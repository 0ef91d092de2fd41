"""Calls to token issuers over HTTP: their documents (discovery, key sets) and their token endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from secrets import token_hex
from time import monotonic
from typing import Final, Literal

from yarl import URL

from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.http.reply import HttpReply
from connectors.drivers.http.service import HttpLimits, HttpRequest, HttpService
from records.calls.call import Call
from records.calls.failures import AgencyMalformed

_MAX_BYTES: Final = 256 * 1024
_OK: Final = 200
_BAD_REQUEST: Final = 400


class IssuerDocuments:
    """Reads documents of one issuer. `name` is its name in logs, `timeout` the seconds for one document."""

    def __init__(self, name: str, *, timeout: float) -> None:
        self._name = name
        self._timeout = timeout

    async def read(self, url: str) -> bytes:
        """Return the body at an address. Raises `AgencyFailure` unless it is a 200 of at most 256 KiB."""
        return _require_ok(self._name, await _send(self._name, url, "GET", timeout=self._timeout))


class TokenEndpoint:
    """Exchanges authorization codes at one issuer (RFC 6749, section 4.1.3). `name` is its name in logs."""

    def __init__(self, name: str, *, timeout: float) -> None:
        self._name = name
        self._timeout = timeout

    async def redeem_code(self, url: str, form: Mapping[str, str], *, authorization: str | None) -> bytes | None:
        """Post the form and return the issuer's answer; None if the issuer refuses the form (HTTP 400).

        The form is sent once, because issuers treat a repeated code as stolen (RFC 6749, section 4.1.2). Raises
        AgencyFailure for other errors.
        """
        headers = {"Authorization": authorization} if authorization else {}
        reply = await _send(self._name, url, "POST", timeout=self._timeout, form=form, headers=headers)
        return None if reply.status == _BAD_REQUEST else _require_ok(self._name, reply)


async def _send(
    name: str,
    url: str,
    method: Literal["GET", "POST"],
    *,
    timeout: float,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> HttpReply:
    """Send one request over a separate connection, because calls are rare and addresses may change.

    Redirects are not followed.
    """
    address = URL(url)
    driver = HttpDriver(
        HttpService(name, str(address.with_query(None)), headers={"Accept": "application/json", **(headers or {})}),
        HttpLimits(deadline=timeout, connections=1, max_bytes=_MAX_BYTES),
    )
    call = Call(deadline=monotonic() + timeout, request_id=f"issuer-{token_hex(4)}")
    try:
        return await driver.send(HttpRequest(method, "", query=dict(address.query) or None, form=form), call)
    finally:
        await driver.close()


def _require_ok(name: str, reply: HttpReply) -> bytes:
    if reply.status != _OK:
        raise AgencyMalformed(name, f"HTTP {reply.status}")
    return reply.body
