"""An Open311 server (GeoReport v2) over HTTP: its lists, as rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast

from connectors.declared.open311.tables import Open311Wire
from connectors.drivers.http.address import Parameters
from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.http.form_files import FormFile
from connectors.drivers.http.reply import HttpReply
from connectors.drivers.http.service import HttpRequest
from connectors.readers.rows import Row, rows
from connectors.readers.unreadable import UnreadableError
from connectors.resilience.call_counters import CallCounters
from records.calls.call import Call
from records.calls.failures import AgencyMalformed, AgencyRefused

T = TypeVar("T")

BAD_REQUEST: Final = 400
NOT_FOUND: Final = 404
SERVICES: Final = "services"
REQUESTS: Final = "requests"
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

    def ask(
        self,
        resource: str,
        call: Call,
        read: Callable[[Sequence[Row]], T],
        *,
        query: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        none_at: Collection[int] = (),
    ) -> Coroutine[Any, Any, T | None]:
        """What `read` makes of a list, such as `requests`; a form makes it a POST. None for a status in `none_at`.

        A reply without a list counts against the server. Raises `AgencyFailure`.
        """
        is_post, given = form is not None, self._add_fixed(query or form or {})
        request = HttpRequest(
            "POST" if is_post else "GET",
            f"{resource}.{self.wire.format}",
            query=None if is_post else given,
            form=given if is_post else None,
            repeatable=True,
        )
        return self.http.ask_value(request, call, self._build_parser(resource, read, none_at))

    async def ask_definition(self, code: str, call: Call, read: Callable[[object], T]) -> T | None:
        """What `read` makes of the definition of a service; None if the server has none. Raises `AgencyFailure`."""

        def parse(reply: HttpReply, value: object) -> T | None:
            if reply.status == NOT_FOUND:
                return None
            if reply.status >= BAD_REQUEST:
                raise AgencyRefused(self.http.agency, f"HTTP {reply.status}")
            try:
                return read(value)
            except UnreadableError as error:
                raise AgencyMalformed(self.http.agency, str(error)) from None

        resource = f"{SERVICES}/{code}.{self.wire.format}"
        request = HttpRequest("GET", resource, query=self._add_fixed({}), repeatable=True)
        return await self.http.ask_value(request, call, parse)

    async def submit(
        self,
        form: Parameters,
        call: Call,
        read: Callable[[Sequence[Row]], T],
        refusals: Mapping[int, Callable[[bytes], T | None]],
        *,
        files: Sequence[FormFile] = (),
    ) -> T:
        """Send a new request, once: a form that changes something is never repeated. Otherwise like `ask`.

        `refusals` read the bodies of replies with their statuses; without a refusal in it, the server may take the
        request later.
        """
        parse = self._build_parser(REQUESTS, read, ())

        def parse_all(reply: HttpReply, value: object) -> T:
            read_refusal = refusals.get(reply.status)
            if read_refusal is None:
                return cast("T", parse(reply, value))
            refusal = read_refusal(reply.body)
            if refusal is None:
                raise AgencyRefused(self.http.agency, f"HTTP {reply.status} without an error of the standard")
            return refusal

        request = HttpRequest("POST", f"{REQUESTS}.{self.wire.format}", form=self._add_fixed(form), files=files)
        return await self.http.ask_value(request, call, parse_all, writes=True)

    def _add_fixed(self, given: Parameters) -> Parameters:
        jurisdiction = self.wire.jurisdiction_id
        return {"jurisdiction_id": jurisdiction, **given} if jurisdiction else given

    def _build_parser(
        self, resource: str, read: Callable[[Sequence[Row]], T], none_at: Collection[int]
    ) -> Callable[[HttpReply, object], T | None]:
        """A function from a reply to what `read` makes of its list."""

        def parse(reply: HttpReply, value: object) -> T | None:
            if reply.status in none_at:
                return None
            is_empty = reply.status == NOT_FOUND and self.wire.empty_is_not_found and resource != SERVICES
            if reply.status >= BAD_REQUEST and not is_empty:
                raise AgencyRefused(self.http.agency, f"HTTP {reply.status}")
            try:
                return read(() if is_empty else rows(_unwrap(value), f"a list of {resource}"))
            except UnreadableError as error:
                raise AgencyMalformed(self.http.agency, str(error)) from None

        return parse


def _unwrap(reply: object) -> object:
    """The list in an object: XML has one, and servers that convert it to JSON without the standard's convention."""
    if isinstance(reply, list):  # nearly always, and no `Mapping`, which costs ten times as much
        return reply
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
