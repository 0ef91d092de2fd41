"""SOAP 1.1 and 1.2: calls the operations of an agency's WSDL over HTTP, and returns texts."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar
from uuid import uuid4

from lxml import etree

from connectors.batching.row_check import RowCheck
from connectors.drivers.http.body_format import UnparsableBody
from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.http.reply import HttpReply, parse_retry_after
from connectors.drivers.http.service import HttpRequest
from connectors.drivers.http.xml_body import build_xml_parser, count_signs, get_local_name, parse_xml
from connectors.drivers.soap.element_shapes import SoapValue
from connectors.drivers.soap.envelopes import SoapRequest
from connectors.drivers.soap.replies import SoapFault, SoapReply, find_body, find_relates_to, parse_fault
from connectors.drivers.soap.service import SoapService
from connectors.drivers.soap.wsdl import SoapArgument, SoapVersion, WsdlError, WsdlOperation
from connectors.resilience.call_counters import CallCounters
from connectors.resilience.gate import Gate, NoGate
from records.calls.call import Call
from records.calls.failures import AgencyMalformed, AgencyUnavailable, ReplyBudgetSpent
from records.calls.reply_budget import BYTES_PER_VALUE

T = TypeVar("T")

_SMALL_BYTES: Final = 64 * 1024
"""Bytes of a reply that is parsed without a separate turn ..."""
_FEW_ELEMENTS: Final = 1_000
"""... if it has no more tags and attributes than this: a millisecond of work."""
_OK: Final = 200
_FAULT_STATUS: Final[Mapping[SoapVersion, frozenset[int]]] = {"1.1": frozenset({500}), "1.2": frozenset({400, 500})}
"""HTTP statuses of faults."""


class SoapDriver:
    """Calls one agency.

    `http` is bound to the address of the service. Every operation passes the `gate`, if there is one; `http` has none
    then.

    Requests are written by the types of the WSDL. Replies are read by those types, but as texts and by local names: the
    connector interprets the texts (money, days, missing values).

    If the WSDL supports WS-Addressing, each attempt has a `MessageID`. A reply with another `RelatesTo` is
    `AgencyMalformed`: it answers another request. So is a reply without one, if the agency has sent one before. Faults
    are exempt, because a gateway in between may send them.
    """

    def __init__(self, http: HttpDriver, service: SoapService, *, gate: Gate | None = None) -> None:
        """Take the operations of all WSDLs. Raises `WsdlError` for an operation that two of them describe."""
        self.agency = http.agency
        self.work = http.work
        self.operations: dict[str, WsdlOperation] = {}
        for wsdl in service.wsdls:
            if twice := sorted(self.operations.keys() & wsdl.operations.keys()):
                raise WsdlError(f"two WSDLs describe the operation {twice[0]}")
            self.operations |= wsdl.operations
        self._http = http
        self._service = service
        self._gate = gate or NoGate()
        self._relates = False
        self._check = RowCheck(self.agency, self.counts)
        self._parser = build_xml_parser()

    @property
    def counts(self) -> CallCounters:
        """The counters of calls."""
        return self._gate.counts

    @property
    def expiries(self) -> Mapping[str, float]:
        """When the parts of the credential expire, in seconds since 1970."""
        return self._http.expiries

    @property
    def headers(self) -> Mapping[str, Mapping[str, str]]:
        """The header parts of every message."""
        return self._service.headers

    def __repr__(self) -> str:
        return f"<SoapDriver {self.agency} operations={sorted(self.operations)} headers={sorted(self.headers)}>"

    def prepare(self, operation: str, arguments: Mapping[str, SoapArgument], *, slots: int = 0) -> SoapRequest:
        """A request that only reads; `slots` is the number of values in each call.

        Raises `WsdlError` if the WSDL describes no such request, and `KeyError` for an operation that it lacks.
        """
        described = self.operations[operation]
        headers = {part: each for part, each in self.headers.items() if part in described.headers}
        return SoapRequest(described, arguments, headers, slots=slots)

    def ask(
        self,
        request: SoapRequest,
        values: Sequence[str | Sequence[str]],
        call: Call,
        parse: Callable[[SoapReply], T],
    ) -> Coroutine[Any, Any, T]:
        """Send a request with its values, and return what `parse` makes of the reply.

        It may be sent again if a reused connection turns out to be dead. `parse` runs inside the gate: agencies report
        failures by faults and in replies with HTTP 200, and what it raises counts there.

        Raises the failures of `HttpDriver.send`; AgencyUnavailable too for an HTTP error without a fault in its body,
        AgencyMalformed for what is not the operation's answer.
        """
        operation, token = request.operation, self._service.user_token
        headers, statuses = self._build_http_headers(operation), _FAULT_STATUS[self._service.version]

        async def attempt(call: Call) -> T:
            message = uuid4().urn if operation.offers_addressing else ""
            body = request.write(values, message=message, security=token.build_header(request.namespace))
            sent = self._http.send(
                HttpRequest("POST", "", body=body, headers=headers, accept_status=statuses, repeatable=True), call
            )
            reply = await self._read(operation, await sent, call)
            if message:
                self._require_relates_to(reply, message)
            return parse(reply)

        return self._gate.ask(call, attempt, repeatable=True)

    def read(self, operation: str, reply: HttpReply) -> SoapReply:
        """Read an HTTP reply to an operation, without any call. Raises as `ask` does."""
        self._require_bounds(reply)
        return self._parse_reply(self.operations[operation], reply, self._find_body(reply))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    def _build_http_headers(self, operation: WsdlOperation) -> Mapping[str, str]:
        if self._service.version == "1.1":
            return {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{operation.action}"'}
        action = f'; action="{operation.action}"' if operation.action else ""
        return {"Content-Type": f"application/soap+xml; charset=utf-8{action}"}

    async def _read(self, operation: WsdlOperation, reply: HttpReply, call: Call) -> SoapReply:
        """Like `read`, but a long reply is parsed in one turn of the event loop, and read in another."""
        signs = self._require_bounds(reply)
        if not call.reply_budget.take(BYTES_PER_VALUE * signs):
            raise ReplyBudgetSpent(self.agency, "the replies for one request exceed its budget")
        if signs <= _FEW_ELEMENTS and len(reply.body) <= _SMALL_BYTES:
            return self._parse_reply(operation, reply, self._find_body(reply))
        body = await self.work.run(partial(self._find_body, reply))
        return await self.work.run(partial(self._parse_reply, operation, reply, body))

    def _require_bounds(self, reply: HttpReply) -> int:
        """Count the signs of elements and attributes; texts may contain some. Raises AgencyMalformed if too many."""
        try:
            return count_signs(reply.body)
        except UnparsableBody as problem:
            raise AgencyMalformed(self.agency, f"the reply {problem}") from None

    def _require_relates_to(self, reply: SoapReply, name: str) -> None:
        """Raises AgencyMalformed if a reply answers another message than this one."""
        if reply.relates_to == name:
            self._relates = True
        elif reply.relates_to is not None or (self._relates and not isinstance(reply.content, SoapFault)):
            raise self._check.record_mismatch("the reply answers another message")

    def _find_body(self, reply: HttpReply) -> etree._Element | None:
        return find_body(parse_xml(reply.body, self._parser, charset=self._service.charset))

    def _parse_reply(self, operation: WsdlOperation, reply: HttpReply, body: etree._Element | None) -> SoapReply:
        return SoapReply(
            content=self._parse_content(operation, reply, body),
            retry_after=parse_retry_after(reply),
            relates_to=None if body is None else find_relates_to(body),
        )

    def _parse_content(
        self, operation: WsdlOperation, reply: HttpReply, body: etree._Element | None
    ) -> Mapping[str, SoapValue] | SoapFault:
        if body is not None and get_local_name(body) == "Fault":
            return parse_fault(body)
        if reply.status != _OK:
            raise AgencyUnavailable(self.agency, f"HTTP {reply.status} without a SOAP fault")
        if body is None:
            raise AgencyMalformed(self.agency, "the reply is not a SOAP envelope with a body")
        if get_local_name(body) != operation.response:
            raise AgencyMalformed(self.agency, f"the body holds no {operation.response}")
        found = operation.reply.read(body)
        if found is None:
            raise AgencyMalformed(self.agency, f"an element of {operation.response} is repeated that must not be")
        return found
