"""SOAP 1.1, document/literal: reads an agency's WSDL from disk, calls its operations over HTTP, returns texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit
from uuid import uuid4

import zeep
from lxml import etree
from zeep.wsdl.bindings import Soap11Binding

from connectors.batching.row_check import RowCheck
from connectors.drivers.http.body_format import UnparsableBody
from connectors.drivers.http.driver import HttpDriver, HttpReply, parse_retry_after
from connectors.drivers.http.service import HttpRequest
from connectors.drivers.http.xml_body import build_xml_parser, count_signs, get_local_name, parse_xml
from connectors.resilience.call_counters import CallCounters
from connectors.resilience.gate import Gate, NoGate
from records.calls.call import Call
from records.calls.failures import AgencyFailure, AgencyMalformed, AgencyUnavailable, ReplyBudgetSpent
from records.calls.reply_budget import BYTES_PER_VALUE

_ENVELOPES: Final = frozenset(
    {"http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"}  # 1.1 and 1.2
)
_SMALL_BYTES: Final = 64 * 1024
"""Bytes of a reply that is parsed without a separate turn ..."""
_FEW_ELEMENTS: Final = 1_000
"""... if it has no more tags and attributes than this: a millisecond of work."""
_NIL: Final = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_OK: Final = 200
_FAULT_STATUS: Final = 500
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,39}", re.ASCII)
_ADDRESSING: Final = "http://www.w3.org/2005/08/addressing"
_OFFERS_ADDRESSING: Final = "{http://www.w3.org/2006/05/addressing/wsdl}UsingAddressing"
_OF_1_2: Final = {"Sender": "Client", "Receiver": "Server"}

SoapValue: TypeAlias = "str | Mapping[str, SoapValue] | tuple[SoapValue, ...] | None"
"""A text, none for `xsi:nil`, a mapping by element name for a complex type, a tuple for an element that may repeat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoapFault:
    """A `soap:Fault` of version 1.1 or 1.2, in the terms of 1.1."""

    code: str
    """`Client`, `Server`, `MustUnderstand` or `VersionMismatch`, with a suffix after a dot; else "unreadable"."""
    detail: Mapping[str, str] = field(repr=False)
    """Texts in the fault's detail, by element name. Not for logs, because they are the agency's own words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoapReply:
    """The reply to one operation."""

    content: Mapping[str, SoapValue] | SoapFault = field(repr=False)
    """The parts of the response element, or the fault."""
    retry_after: float | None = None
    """Seconds until the agency accepts the next request, if its HTTP headers say so."""
    relates_to: str | None = None
    """The id of the request message, if the reply has one (WS-Addressing)."""
    is_long: bool = False
    """Whether it is so large that its processing needs a separate turn of the event loop (`LongWork`)."""


class SoapDriver:
    """Speaks SOAP 1.1 to one agency.

    `http` is bound to the address of the service; the address in the WSDL is not used. The WSDL is read from disk
    here, at construction, and its imports are never fetched from a network. `headers` holds the parts of the SOAP
    header for every operation of this agency, by part name (credentials). `charset` is the encoding of bodies that are
    not UTF-8, whatever they declare. Every operation passes the `gate`, if there is one; `http` has none then.

    zeep builds requests and knows the types. Replies are read by those types, but as texts and by local names. The
    connector interprets the texts (money, days, missing values); zeep would turn an unexpected text into None and log
    it.

    If the WSDL supports WS-Addressing, each attempt has a `MessageID`. A reply with another `RelatesTo` is
    `AgencyMalformed`: it answers another request. So is a reply without one, if the agency has sent one before. Faults
    are exempt, because a gateway in between may send them.
    """

    def __init__(
        self,
        http: HttpDriver,
        wsdl: Path,
        *,
        headers: Mapping[str, Mapping[str, str]],
        charset: str = "windows-1252",
        gate: Gate | None = None,
    ) -> None:
        """Read the WSDL. Raises ValueError with the file name if it has no SOAP 1.1 port or needs a network."""
        self.agency = http.agency
        self.work = http.work
        self._http = http
        self._gate = gate or NoGate()
        self._headers = {part: dict(values) for part, values in headers.items()}
        self._charset = charset
        settings = zeep.Settings(strict=True, forbid_dtd=True, forbid_entities=True, forbid_external=True)
        untyped: Any = zeep  # zeep has only partial types, which mypy refuses to call
        try:
            self._client: Any = untyped.Client(str(wsdl), transport=_DiskTransport(), settings=settings)
        except (zeep.exceptions.Error, OSError, ValueError) as error:
            raise ValueError(
                f"The WSDL {wsdl.name} cannot be read: {type(error).__name__}. "
                "It must be a WSDL 1.1 file on disk, and so must be what it imports."
            ) from error
        binding = _get_soap_11_binding(self._client, wsdl)
        self._addresses = next(etree.parse(str(wsdl)).iter(_OFFERS_ADDRESSING), None) is not None
        self._relates = False
        self._check = RowCheck(self.agency, self.counts)
        shapes: dict[int, _ElementShape] = {}
        self._operations = {
            name: _SoapOperation(
                action=operation.soapaction or "",
                response=operation.output.body.name,
                shape=_build_shape(operation.output.body.type, shapes),
            )
            for name, operation in binding.all().items()
        }
        self._parser = build_xml_parser()

    @property
    def counts(self) -> CallCounters:
        """The counters of calls."""
        return self._gate.counts

    def __repr__(self) -> str:
        return f"<SoapDriver {self.agency} operations={sorted(self._operations)} headers={sorted(self._headers)}>"

    async def ask(
        self,
        operation: str,
        arguments: Mapping[str, str],
        call: Call,
        *,
        find_failure: Callable[[SoapReply], AgencyFailure | None] = lambda _reply: None,
    ) -> SoapReply:
        """Call one operation that only reads (it may be sent again if a reused connection turns out to be dead).

        `find_failure` finds the failure that a reply reports, if it reports one: agencies report failures by faults and
        in replies with HTTP 200. It is raised, and counts at the gate.

        Raises KeyError for an operation that the WSDL lacks, and the failures of `HttpDriver.send`; AgencyUnavailable
        too for an HTTP error without a fault in its body, AgencyMalformed for what is not the operation's answer.
        """
        known = self._operations[operation]
        message = self._client.create_message(self._client.service, operation, _soapheaders=self._headers, **arguments)
        named = self._add_addressing(message, known.action) if self._addresses else None
        headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{known.action}"'}

        async def attempt(call: Call) -> SoapReply:
            if named is not None:
                named.text = uuid4().urn
            body = etree.tostring(message, encoding="utf-8", xml_declaration=True)
            sent = self._http.send(
                HttpRequest("POST", "", body=body, headers=headers, accept_status={_FAULT_STATUS}, repeatable=True),
                call,
            )
            reply = await self._read(operation, await sent, call)
            if named is not None:
                self._require_relates_to(reply, named.text or "")
            failure = find_failure(reply)
            if failure is not None:
                raise failure
            return reply

        return await self._gate.ask(call, attempt, repeatable=True)

    def read(self, operation: str, reply: HttpReply) -> SoapReply:
        """Read an HTTP reply to an operation, without any call. Raises as `ask` does."""
        self._require_bounds(reply)
        return self._parse_reply(operation, reply, self._body_of(reply))

    async def _read(self, operation: str, reply: HttpReply, call: Call) -> SoapReply:
        """Like `read`, but a long reply is parsed in one turn of the event loop, and read in another."""
        signs = self._require_bounds(reply)
        if not call.reply_budget.take(BYTES_PER_VALUE * signs):
            raise ReplyBudgetSpent(self.agency, "the replies for one request exceed its budget")
        if signs <= _FEW_ELEMENTS and len(reply.body) <= _SMALL_BYTES:
            return self._parse_reply(operation, reply, self._body_of(reply))
        body = await self.work.run(partial(self._body_of, reply))
        return replace(await self.work.run(partial(self._parse_reply, operation, reply, body)), is_long=True)

    def _require_bounds(self, reply: HttpReply) -> int:
        """Count the signs of elements and attributes; texts may contain some. Raises AgencyMalformed if too many."""
        try:
            return count_signs(reply.body)
        except UnparsableBody as problem:
            raise AgencyMalformed(self.agency, f"the reply {problem}") from None

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    @staticmethod
    def _add_addressing(message: etree._Element, action: str) -> etree._Element:
        """Add the WS-Addressing header. Returns the element with the message id."""
        place = f"{{{etree.QName(message).namespace}}}Header"
        header = message.find(place)
        if header is None:
            header = etree.Element(place)
            message.insert(0, header)
        etree.SubElement(header, f"{{{_ADDRESSING}}}Action").text = action
        return etree.SubElement(header, f"{{{_ADDRESSING}}}MessageID")

    def _require_relates_to(self, reply: SoapReply, name: str) -> None:
        """Raises AgencyMalformed if a reply answers another message than this one."""
        if reply.relates_to == name:
            self._relates = True
        elif reply.relates_to is not None or (self._relates and not isinstance(reply.content, SoapFault)):
            raise self._check.record_mismatch("the reply answers another message")

    def _parse_reply(self, operation: str, reply: HttpReply, content: etree._Element | None) -> SoapReply:
        return SoapReply(
            content=self._content(self._operations[operation], reply, content),
            retry_after=parse_retry_after(reply),
            relates_to=None if content is None else _get_relates_to(content),
        )

    def _content(
        self, operation: _SoapOperation, reply: HttpReply, content: etree._Element | None
    ) -> Mapping[str, SoapValue] | SoapFault:
        if content is not None and get_local_name(content) == "Fault":
            return _parse_fault(content)
        if reply.status != _OK:
            raise AgencyUnavailable(self.agency, f"HTTP {reply.status} without a SOAP fault")
        if content is None:
            raise AgencyMalformed(self.agency, "the reply is not a SOAP envelope with a body")
        if get_local_name(content) != operation.response:
            raise AgencyMalformed(self.agency, f"the body holds no {operation.response}")
        read = operation.shape.read(content)
        if read is None:
            raise AgencyMalformed(self.agency, f"an element of {operation.response} is repeated that must not be")
        return read

    def _body_of(self, reply: HttpReply) -> etree._Element | None:
        """Returns the first element in the body of an envelope; None if the reply is not an envelope, or has a DTD."""
        root = parse_xml(reply.body, self._parser, charset=self._charset)
        if root is None:
            return None
        name = etree.QName(root)
        if name.localname != "Envelope" or name.namespace not in _ENVELOPES:
            return None
        body = root.find(f"{{{name.namespace}}}Body")
        return None if body is None or not len(body) else body[0]


class _DiskTransport:
    """A transport for zeep that loads the WSDL and its imports from disk, and refuses networks."""

    def load(self, url: str) -> bytes:
        if urlsplit(url).scheme not in {"", "file"}:
            raise ValueError("The WSDL imports a document from a network. Keep a copy of it beside the WSDL.")
        return Path(urlsplit(url).path).read_bytes()


@dataclass(frozen=True, slots=True)
class _SoapOperation:
    """The facts about an operation, looked up once."""

    action: str
    response: str
    shape: _ElementShape


@dataclass(frozen=True, slots=True)
class _ElementShape:
    """The readers of the elements of a complex type; empty for a text type."""

    parts: dict[str, _ElementPart]

    def read(self, element: etree._Element) -> dict[str, SoapValue] | None:
        """The parts of an element by local name; skips undeclared parts. None if one wrongly repeats."""
        found: dict[str, SoapValue] = {}
        lists: dict[str, list[SoapValue]] = {name: [] for name, part in self.parts.items() if part.is_repeated}
        for child in element.iterchildren("*"):
            name = get_local_name(child)
            part = self.parts.get(name)
            if part is None:
                continue
            value: SoapValue = None
            if child.get(_NIL) in {"true", "1"}:
                pass
            elif part.shape.parts:
                value = part.shape.read(child)
                if value is None:
                    return None
            else:
                value = child.text or ""
            if part.is_repeated:
                lists[name].append(value)
            elif name in found:
                return None
            else:
                found[name] = value
        return found | {name: tuple(values) for name, values in lists.items()}


@dataclass(frozen=True, slots=True)
class _ElementPart:
    """One element of a complex type."""

    is_repeated: bool
    shape: _ElementShape


def _get_soap_11_binding(client: Any, wsdl: Path) -> Any:  # noqa: ANN401 - zeep has no types here
    for service in client.wsdl.services.values():
        for port in service.ports.values():
            if isinstance(port.binding, Soap11Binding):
                return port.binding
    raise ValueError(f"The WSDL {wsdl.name} describes no SOAP 1.1 port. The SOAP driver speaks SOAP 1.1 only.")


def _build_shape(described: Any, known: dict[int, _ElementShape]) -> _ElementShape:  # noqa: ANN401 - zeep carries no types
    """Build the reader of a WSDL type. `known` holds the types so far, because a type may contain itself."""
    shape = known.get(id(described))
    if shape is None:
        shape = known[id(described)] = _ElementShape({})
        for name, element in getattr(described, "elements", None) or ():
            # `_value_1` is zeep's name for the text of a type, and for the content of xsd:any.
            if not name.startswith("_value_"):
                shape.parts[element.name] = _ElementPart(element.accepts_multiple, _build_shape(element.type, known))
    return shape


def _parse_fault(element: etree._Element) -> SoapFault:
    """Read a fault of SOAP 1.1 (section 4.4) or 1.2 (part 1, section 5.4), with any namespaces."""
    code, detail = "", {}
    for child in element:
        name = get_local_name(child)
        if name == "faultcode":
            code = child.text or ""
        elif name == "Code":
            code = next((value.text or "" for value in child if get_local_name(value) == "Value"), "")
        elif name in {"detail", "Detail"}:
            detail = {
                get_local_name(part): part.text.strip() for part in child.iter("*") if part.text and part.text.strip()
            }
    code = code.strip().rpartition(":")[2]
    return SoapFault(code=_OF_1_2.get(code, code) if _WORD.fullmatch(code) else "unreadable", detail=detail)


def _get_relates_to(content: etree._Element) -> str | None:
    """Return the message id that a reply answers: its first `RelatesTo` in the envelope's header."""
    envelope = content.getroottree().getroot()
    header = envelope.find(f"{{{etree.QName(envelope).namespace}}}Header")
    found = None if header is None else header.findtext(f"{{{_ADDRESSING}}}RelatesTo")
    return None if found is None else found.strip()
