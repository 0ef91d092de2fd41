"""Parses XML of agencies, up to a size that does not stop the event loop, and without document type definitions.

`build_xml_format` turns a document into values like those of JSON, which declared reads take by path:

- a document is an object with its root: `{"stations": {...}}`
- an element with elements is an object of them by name, and a repeated name holds a list
- an element without elements is its text, or none without one; with attributes, it is an object with `#text`
- an attribute is the member `@name` of its element
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from lxml import etree

from connectors.drivers.http.body_format import BodyFormat, UnparsableBody

MAX_ELEMENTS: Final = 20_000
"""Maximum elements in one reply, and also maximum attributes.

lxml parses in one piece and holds the interpreter's lock; to read the parsed elements takes Python. Measured here as
processor time (lxml 6.1, libxml2 2.14): up to 9 ms for a MiB of text (references), 14 ms for 100,000 elements or
attributes (44 for declarations of namespaces), and 0.8 µs for each element to be read. So 20,000 elements take 3 ms (9
with as many namespaces), or 2 MiB of references 18, in one turn of the loop, and 16 in the next: a third of the 50 ms
for which it may stand still. The longest real answers, a hundred objects with their bills of six years, hold 18,000.
libxml2 itself refuses nesting beyond 256 levels and texts beyond 10 MB.
"""
MAX_XML_BYTES: Final = 2 * 1024 * 1024
"""Maximum size of one decompressed reply: the maximum of elements takes 1 MiB."""
XML_TEXT: Final = "#text"
"""The member with the text of an element that has attributes."""
_CHARSET: Final = "windows-1252"
"""Of bodies that are not UTF-8."""
_SMALL_BYTES: Final = 4 * 1024
"""Size in bytes of a body that is parsed without a separate turn: 1,000 elements at most, or 2 ms."""
_DTD: Final = b"<!DOCTYPE"
"""SOAP forbids it (1.1, section 3), and data needs none. Checked before parsing, because its entities would be expanded
in attributes."""
_ROOT: Final = re.compile(rb"<[^\s<>/?!]+")
_DECLARED: Final = rb'\g<0> xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
_UNDECLARED: Final = "Namespace prefix xsi for nil on "
_BYTE_ORDER_MARKS: Final = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def count_signs(body: bytes) -> int:
    """Count the signs of elements and attributes, of which texts may contain some.

    Raises UnparsableBody for more than 20,000 elements or attributes.
    """
    # Both are counted in the raw bytes: the signs are the same in every supported charset except
    # UTF-16, where each is a byte of a pair, so the count can only be too high.
    elements, attributes = body.count(b"<"), body.count(b"=")
    if elements > 2 * MAX_ELEMENTS or attributes > MAX_ELEMENTS:  # most elements have two tags
        raise UnparsableBody(f"holds more than {MAX_ELEMENTS} elements or attributes")
    return elements + attributes


def build_xml_parser() -> etree.XMLParser:
    """A parser that loads nothing, and expands no entities."""
    return etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip


def parse_xml(body: bytes, parser: etree.XMLParser, *, charset: str) -> etree._Element | None:
    """The root of a document; None if it is not XML, or has a document type definition.

    `charset` is the encoding of a body that is not UTF-8, whatever it declares.
    """
    document = _to_utf_8(body, charset)
    if _DTD in document:
        return None
    try:
        return etree.fromstring(document, parser)
    except etree.XMLSyntaxError:
        return _parse_with_nil(document, parser) if _lacks_nil(parser) else None
    except UnicodeError:
        return None


def _lacks_nil(parser: etree.XMLParser) -> bool:
    """Whether all that is wrong is that nothing declares the prefix of `xsi:nil`: npm `soap` writes nulls so."""
    log: Any = parser.error_log  # of its last run; that of the error holds earlier ones of the whole process
    faults = [each.message for each in log]
    return bool(faults) and all(each.startswith(_UNDECLARED) for each in faults)


def _parse_with_nil(document: bytes, parser: etree.XMLParser) -> etree._Element | None:
    try:
        return etree.fromstring(_ROOT.sub(_DECLARED, document, count=1), parser)
    except etree.XMLSyntaxError:
        return None


def get_local_name(element: etree._Element) -> str:
    """The name of an element without its namespace."""
    return str(element.tag).rpartition("}")[2]


def _to_utf_8(body: bytes, charset: str) -> bytes:
    """Decode a reply's XML to UTF-8. The bytes decide, because declarations in XML and HTTP are often wrong.

    Valid UTF-8 is taken as UTF-8: letters of a one-byte charset are hardly ever valid UTF-8.
    """
    charset = _BYTE_ORDER_MARKS.get(body[:2], charset)
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        try:
            return body.decode(charset).encode()
        except UnicodeDecodeError:
            return body.decode("iso-8859-1").encode()  # accepts any byte; windows-1252 leaves five without a letter
    return body


def build_xml_format(namespaces: Mapping[str, str]) -> BodyFormat:
    """The format of XML. `namespaces` are those with a prefix, by prefix: `geo:lat`. Others are left out of names."""
    prefixes = {uri: f"{prefix}:" for prefix, uri in namespaces.items()}
    return BodyFormat(
        parse=partial(_parse_document, parser=build_xml_parser(), prefixes=prefixes),
        count_values=count_signs,
        small_bytes=_SMALL_BYTES,
    )


def _parse_document(body: bytes, *, parser: etree.XMLParser, prefixes: Mapping[str, str]) -> object:
    count_signs(body)
    root = parse_xml(body, parser, charset=_CHARSET)
    if root is None:
        raise UnparsableBody("is not XML, or has a document type definition")
    names: dict[str, str] = {}

    def name_of(tag: str) -> str:
        name = names.get(tag)
        if name is None:
            uri, _, local = tag.rpartition("}")
            name = names[tag] = prefixes.get(uri[1:], "") + local
        return name

    def read(element: etree._Element) -> object:
        found: dict[str, object] = {f"@{name_of(str(name))}": value for name, value in element.items()}
        if not len(element):
            if not found:
                return element.text
            found[XML_TEXT] = element.text
            return found
        for child in element:
            name, value = name_of(str(child.tag)), read(child)
            if name not in found:
                found[name] = value
            elif isinstance(former := found[name], list):
                former.append(value)
            else:
                found[name] = [former, value]
        return found

    return {name_of(str(root.tag)): read(root)}
