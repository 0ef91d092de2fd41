"""The operations of a WSDL for a server, which reads requests and writes replies. The sandbox's home of zeep."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import zeep
from lxml import etree
from zeep import xsd
from zeep.wsdl.bindings import Soap11Binding, Soap12Binding

from sandbox.agency import CannotStartError

ENVELOPES: Final[Mapping[str, str]] = {
    "1.1": "http://schemas.xmlsoap.org/soap/envelope/",
    "1.2": "http://www.w3.org/2003/05/soap-envelope",
}
_BINDINGS: Final[Mapping[str, Any]] = {"1.1": Soap11Binding, "1.2": Soap12Binding}
_XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"


class NotInWsdlError(ValueError):
    """A message that the WSDL does not describe. The text names the element and the problem."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedOperation:
    """An operation. Its elements are zeep's, which has no types."""

    name: str
    action: str
    request: Any
    reply: Any
    headers: Mapping[str, etree.QName]
    """The element of each header part."""


class SoapDescription:
    """All WSDLs of a service. Nothing is fetched from a network."""

    def __init__(self, paths: Sequence[Path], version: str) -> None:
        """Read the files. Raises `CannotStartError`."""
        self.operations: dict[str, DescribedOperation] = {}
        """By the name of the element of a request."""
        self._elements: dict[str, Any] = {}
        for path in paths:
            try:
                self._read(path, version)
            except Exception as error:
                raise CannotStartError(f"{path} cannot be used as a WSDL: {error}") from error

    def find_element(self, name: str) -> Any:  # noqa: ANN401 - zeep has no types
        """The global element of this local name, such as that of a fault's detail; None if there is none."""
        return self._elements.get(name)

    def _read(self, path: Path, version: str) -> None:
        untyped: Any = zeep
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            client = untyped.Client(str(path), transport=_FolderTransport(path.resolve().parent))
        self._elements |= {each.qname.localname: each for each in client.wsdl.types.elements}
        ports = [port for service in client.wsdl.services.values() for port in service.ports.values()]
        for port in ports:
            if type(port.binding) is _BINDINGS[version]:
                for name, each in port.binding.all().items():
                    self.operations[str(each.input.body.qname)] = DescribedOperation(
                        name=name,
                        action=each.soapaction or "",
                        request=each.input.body,
                        reply=each.output.body,
                        headers={part: element.qname for part, element in each.input.header.type.elements},
                    )


class _FolderTransport:
    """Loads a WSDL and its imports from one folder. A document of a network is looked for by its name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, url: str) -> bytes:
        """The bytes of a document."""
        parts = urlsplit(url)
        path = Path(unquote(parts.path) if "://" in url else url)
        return (self._folder / path.name if parts.scheme not in {"", "file"} else path).read_bytes()


def write_element(element: Any, value: Any) -> etree._Element:  # noqa: ANN401 - zeep has no types; any JSON
    """An element with its value: a text, a table of elements, null for `xsi:nil`. Raises `NotInWsdlError`."""
    node = etree.Element(element.qname)
    if value is None:
        if not element.nillable:
            raise NotInWsdlError(f"'{node.tag}' cannot be null; leave it out")
        node.set(f"{{{_XSI}}}nil", "true")
        return node
    parts, is_open = _list_parts(element.type)
    if not isinstance(value, dict):
        if parts or isinstance(value, list):
            raise NotInWsdlError(f"'{node.tag}' holds elements: write a table with {', '.join(parts)}")
        node.text = _write_text(value)
        return node
    for name, part in parts.items():
        node.extend(_write_part(part, value, name, node.tag))
    rest = {name: each for name, each in value.items() if name not in parts}
    if rest and not is_open:
        raise NotInWsdlError(f"'{node.tag}' has no element '{next(iter(rest))}'; it has {', '.join(parts) or 'none'}")
    node.extend(_write_open(rest))
    return node


def read_arguments(element: Any, node: etree._Element, path: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401 - zeep has no types
    """The texts of a request by their path, such as `daftar.nomor`. Raises `NotInWsdlError`."""
    parts, is_open = _list_parts(element.type)
    if not parts and not is_open:
        if len(node):
            raise NotInWsdlError(f"'{node.tag}' holds a text, and no elements")
        yield path, node.text or ""
        return
    known = {str(each.qname): (name, each) for name, each in parts.items()}
    seen: list[str] = []
    for child in node.iterchildren("*"):
        name, part = known.get(child.tag, ("", None))
        if part is None:
            raise NotInWsdlError(f"'{node.tag}' has no element '{child.tag}'")
        if name in seen and not part.accepts_multiple:
            raise NotInWsdlError(f"'{child.tag}' does not repeat")
        seen.append(name)
        yield from read_arguments(part, child, f"{path}.{name}" if path else name)
    for name, part in parts.items():
        if name not in seen and not part.is_optional:
            raise NotInWsdlError(f"'{node.tag}' lacks the element '{name}'")


def _list_parts(described: Any) -> tuple[Mapping[str, Any], bool]:  # noqa: ANN401 - zeep has no types
    """The elements of a type by their names, and whether it holds elements that the WSDL does not describe."""
    elements = list(getattr(described, "elements", None) or ())
    parts = {str(each.name): each for name, each in elements if isinstance(each, xsd.Element) and name[:7] != "_value_"}
    is_open = any(not isinstance(each, xsd.Element) for _, each in elements)
    return parts, is_open or getattr(described, "_array_type", None) is not None


def _write_part(part: Any, table: Mapping[str, Any], name: str, place: object) -> Iterator[etree._Element]:  # noqa: ANN401 - zeep has no types
    if name not in table:
        if not part.is_optional:
            raise NotInWsdlError(f"'{place}' lacks the element '{name}'")
        return
    value = table[name]
    if part.accepts_multiple != isinstance(value, list):
        form = "repeats: write a list" if part.accepts_multiple else "does not repeat: write one value"
        raise NotInWsdlError(f"'{name}' of '{place}' {form}")
    for each in value if isinstance(value, list) else [value]:
        yield write_element(part, each)


def _write_open(table: Mapping[str, Any]) -> Iterator[etree._Element]:
    """Elements that the WSDL does not describe, such as the rows of a data set."""
    for name, value in table.items():
        for each in value if isinstance(value, list) else [value]:
            node = etree.Element(name)
            if isinstance(each, dict):
                node.extend(_write_open(each))
            elif each is None:
                node.set(f"{{{_XSI}}}nil", "true")
            else:
                node.text = _write_text(each)
            yield node


def _write_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
