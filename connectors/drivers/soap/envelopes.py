"""The envelopes of SOAP requests: written once by the WSDL, and filled with the values of each call."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

from lxml import etree

from connectors.drivers.soap.wsdl import SoapArgument, WsdlError, WsdlOperation

ADDRESSING: Final = "http://www.w3.org/2005/08/addressing"
XML_TEXT: Final = re.compile("[^\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]*")
"""Texts that XML can hold."""
_ENTITIES: Final = {"\r": "&#13;"}
"""Beyond those of XML: a parser would read it as the end of a line."""
_SECURITY: Final = "simpul-security"
_MESSAGE: Final = "simpul-message"
_SLOT: Final = "simpul-slot-"
_SLOTS: Final = re.compile(
    rb"simpul-slot-(?P<number>\d+)-(?:one|first(?P<between>.*?)simpul-slot-(?P=number)-next)"
    rb"|(?P<message>simpul-message)|(?P<security><!--simpul-security-->)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class ValueSlot:
    """In place of a text in the arguments of a request: the value of this number in each call."""

    number: int

    @property
    def text(self) -> str:
        """In place of one text."""
        return f"{_SLOT}{self.number}-one"

    @property
    def first_and_next(self) -> tuple[str, str]:
        """In place of the texts of two elements, one for each of several values."""
        return f"{_SLOT}{self.number}-first", f"{_SLOT}{self.number}-next"


class SoapRequest:
    """The request of an operation, without the values of a call."""

    def __init__(
        self,
        operation: WsdlOperation,
        arguments: Mapping[str, SoapArgument],
        headers: Mapping[str, Mapping[str, str]],
        *,
        slots: int = 0,
    ) -> None:
        """`slots` is the number of values in each call. Raises `WsdlError` if the WSDL describes no such request."""
        envelope = operation.build_envelope(arguments, headers)
        self.operation = operation
        self.namespace = str(etree.QName(envelope).namespace)
        self._add_headers(envelope)
        _align_repeated(envelope)
        written = etree.tostring(envelope, encoding="utf-8", xml_declaration=True)
        self._pieces: list[bytes | _Value] = []
        start = 0
        for found in _SLOTS.finditer(written):
            name = next((each for each in ("message", "security") if found[each]), "") or int(found["number"])
            self._pieces += [written[start : found.start()], _Value(name, found["between"])]
            start = found.end()
        self._pieces.append(written[start:])
        numbers = sorted(each.name for each in self._pieces if isinstance(each, _Value) and isinstance(each.name, int))
        if numbers != list(range(slots)):
            raise WsdlError(f"{operation.name}: an element does not take any text; write its value")

    def write(self, values: Sequence[str | Sequence[str]], *, message: str, security: bytes) -> bytes:
        """The bytes of one attempt. Raises `ValueError` for a text that XML cannot hold."""
        written: list[bytes] = []
        for each in self._pieces:
            if isinstance(each, bytes):
                written.append(each)
            elif each.name == "message":
                written.append(message.encode())
            elif each.name == "security":
                written.append(security)
            elif isinstance(each.name, int):
                written.append(each.write(values[each.name]))
        return b"".join(written)

    def _add_headers(self, envelope: etree._Element) -> None:
        """Add the place of WS-Security, and the WS-Addressing headers if the WSDL offers them."""
        place = f"{{{self.namespace}}}Header"
        header = envelope.find(place)
        if header is None:
            header = etree.Element(place)
            envelope.insert(0, header)
        if self.operation.offers_addressing:
            etree.SubElement(header, f"{{{ADDRESSING}}}Action").text = self.operation.action
            etree.SubElement(header, f"{{{ADDRESSING}}}MessageID").text = _MESSAGE
        header.append(etree.Comment(_SECURITY))


@dataclass(frozen=True, slots=True)
class _Value:
    """The place of a value in an envelope."""

    name: int | str
    between: bytes | None
    """The bytes between two values of a list; None for a single value."""

    def write(self, value: str | Sequence[str]) -> bytes:
        if isinstance(value, str):
            return _escape(value)
        return (self.between or b"").join(_escape(each) for each in value)


def _align_repeated(envelope: etree._Element) -> None:
    """Write both elements of a list with the same prefixes, so that what is between two values can be repeated."""
    for element in list(envelope.iter("*")):
        first = element.getprevious()
        if first is not None and (text := element.text or "").startswith(_SLOT) and text.endswith("-next"):
            again = deepcopy(first)
            again.text = text
            element.getparent().replace(element, again)  # type: ignore[union-attr]  # an element with a sibling has one


def _escape(text: str) -> bytes:
    if not XML_TEXT.fullmatch(text):
        raise ValueError("a text holds a character that XML cannot hold")
    return escape(text, _ENTITIES).encode()
