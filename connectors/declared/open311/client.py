"""An Open311 server (GeoReport v2) over HTTP: its lists, as rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from connectors.declared.open311.tables import Open311Wire
from connectors.drivers.http.address import Parameters
from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.http.service import HttpRequest
from connectors.readers.rows import Row, rows
from connectors.readers.unreadable import UnreadableError
from connectors.resilience.call_counters import CallCounters
from records.calls.call import Call
from records.calls.failures import AgencyMalformed, AgencyRefused

T = TypeVar("T")

BAD_REQUEST: Final = 400
NOT_FOUND: Final = 404
_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""Ids and codes of servers. A comma would split one into two."""
_IDENTITY_NUMBER: Final = re.compile(r"[0-9]{16}|[0-9]{18}")
"""A NIK, KK or NOP in place of an id, which must not be sent in a URL."""
_LISTS: Final = ("service_requests", "services")
_ITEMS: Final = ("request", "service")


@dataclass(frozen=True, slots=True, kw_only=True)
class Open311Client:
    """An Open311 server. Every call of it goes through `ask`."""

    http: HttpDriver
    wire: Open311Wire

    @property
    def counts(self) -> CallCounters:
        """The counters of the agency's gate."""
        return self.http.counts

    @property
    def expiries(self) -> Mapping[str, float]:
        """When the parts of the credential expire, in seconds since 1970."""
        return self.http.expiries

    async def close(self) -> None:
        """Close its connections."""
        await self.http.close()

    async def ask(
        self,
        resource: str,
        call: Call,
        read: Callable[[int, object], T],
        *,
        query: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
    ) -> T:
        """Ask for a resource, such as `requests`; a form makes it a POST. `read` gets the status and the reply."""
        wire = self.wire
        fixed = {"jurisdiction_id": wire.jurisdiction_id} if wire.jurisdiction_id else {}
        request = HttpRequest(
            "GET" if form is None else "POST",
            f"{resource}.{wire.format}",
            query=fixed | dict(query or {}) if form is None else None,
            form=None if form is None else fixed | dict(form),
            repeatable=True,
        )
        return await self.http.ask_value(request, call, lambda reply, value: read(reply.status, value))

    async def submit(self, resource: str, form: Parameters, call: Call, read: Callable[[int, object], T]) -> T:
        """Send a form that changes something, once. `read` gets the status and the reply; for 4xx, no body."""
        wire = self.wire
        fixed: Parameters = {"jurisdiction_id": wire.jurisdiction_id} if wire.jurisdiction_id else {}
        request = HttpRequest("POST", f"{resource}.{wire.format}", form={**fixed, **form})
        return await self.http.ask_value(request, call, lambda reply, value: read(reply.status, value), writes=True)

    async def list_services(self, call: Call) -> tuple[Row, ...]:
        """The categories of requests. Raises `AgencyFailure`."""
        return await self.ask("services", call, partial(self._read_list, "a list of services"))

    def read_rows(self, status: int, reply: object) -> tuple[Row, ...]:
        """The service requests of a list; a reply without one counts against the server."""
        if status == NOT_FOUND and self.wire.empty_is_not_found:
            return ()
        return self._read_list("a list of service requests", status, reply)

    def _read_list(self, kind: str, status: int, reply: object) -> tuple[Row, ...]:
        if status >= BAD_REQUEST:
            raise AgencyRefused(self.http.agency, f"HTTP {status}")
        try:
            return rows(_unwrap(reply), kind)
        except UnreadableError as error:
            raise AgencyMalformed(self.http.agency, str(error)) from None


def _unwrap(reply: object) -> object:
    """The list in an object: XML has one, and servers that convert it to JSON without the standard's convention."""
    name = next((each for each in _LISTS if isinstance(reply, Mapping) and each in reply), None)
    if not isinstance(reply, Mapping) or name is None:
        return reply
    found = reply[name]
    if isinstance(found, Mapping):
        found = next((found[each] for each in _ITEMS if each in found), found)
    return [] if not found else [found] if isinstance(found, Mapping) else found


def filter_codes(given: Iterable[str]) -> list[str]:
    """Select the ids or codes that may be sent in a URL."""
    return [each for each in given if _CODE.fullmatch(each) and not _IDENTITY_NUMBER.fullmatch(each)]
