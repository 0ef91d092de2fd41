"""The replies of SOAP services: answers by the types of the WSDL, and faults of both versions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from lxml import etree

from connectors.drivers.http.xml_body import get_local_name
from connectors.drivers.soap.element_shapes import SoapValue
from connectors.drivers.soap.envelopes import ADDRESSING

_ENVELOPES: Final = frozenset(
    {"http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"}  # 1.1 and 1.2
)
_WORD: Final = re.compile(r"(?!.*[0-9]{6})[A-Za-z0-9_.-]{1,40}", re.ASCII)
"""A code that logs may hold: never the number of a person."""
_RELATES_TO: Final = f"{{{ADDRESSING}}}RelatesTo"
_OF_1_2: Final = {"Sender": "Client", "Receiver": "Server"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SoapFault:
    """A `soap:Fault` of version 1.1 or 1.2, in the terms of 1.1."""

    code: str
    """`Client`, `Server`, `MustUnderstand` or `VersionMismatch`, with a subcode after a dot; else "unreadable"."""
    detail: Mapping[str, str] = field(repr=False)
    """Texts in the fault's detail, by element name. Not for logs, because they are the agency's own words."""

    @property
    def is_of_caller(self) -> bool:
        """Whether the caller is at fault, and not the agency."""
        return self.code.partition(".")[0] == "Client"


@dataclass(frozen=True, slots=True, kw_only=True)
class SoapReply:
    """The reply to one operation."""

    content: Mapping[str, SoapValue] | SoapFault = field(repr=False)
    """The parts of the response element, or the fault."""
    retry_after: float | None = None
    """Seconds until the agency accepts the next request, if its HTTP headers say so."""
    relates_to: str | None = None
    """The id of the request message, if the reply has one (WS-Addressing)."""


def find_body(root: etree._Element | None) -> etree._Element | None:
    """The first element in the body of an envelope; None if a document is no envelope."""
    if root is None:
        return None
    # Names are taken apart as texts, and children by `iterchildren`: `QName` and `find` take three times as long.
    namespace, _, name = str(root.tag).rpartition("}")
    if name != "Envelope" or namespace[1:] not in _ENVELOPES:
        return None
    body = next(root.iterchildren(namespace + "}Body"), None)
    return None if body is None or not len(body) else body[0]


def parse_fault(element: etree._Element) -> SoapFault:
    """Read a fault of SOAP 1.1 (section 4.4) or 1.2 (part 1, section 5.4), with any namespaces."""
    codes: list[str] = []
    detail: dict[str, str] = {}
    for child in element:
        name = get_local_name(child)
        if name == "faultcode":
            codes = [child.text or ""]
        elif name == "Code":
            codes = [value.text or "" for value in child.iter("*") if get_local_name(value) == "Value"][:2]
        elif name in {"detail", "Detail"}:
            detail = {
                get_local_name(part): part.text.strip() for part in child.iter("*") if part.text and part.text.strip()
            }
    words = [each.strip().rpartition(":")[2] for each in codes]
    if not words or not _WORD.fullmatch(words[0]) or not words[0][0].isalpha():
        return SoapFault(code="unreadable", detail=detail)
    subcodes = [each for each in words[1:] if _WORD.fullmatch(each)]
    return SoapFault(code=".".join([_OF_1_2.get(words[0], words[0]), *subcodes]), detail=detail)


def find_relates_to(content: etree._Element) -> str | None:
    """The message id that a reply answers: the first `RelatesTo` in its header. `content` is the first in the body."""
    body = content.getparent()
    envelope = None if body is None else body.getparent()
    if envelope is None:
        return None
    header = next(envelope.iterchildren(str(envelope.tag).rpartition("}")[0] + "}Header"), None)
    found = None if header is None else next(header.iterchildren(_RELATES_TO), None)
    return None if found is None else (found.text or "").strip()
