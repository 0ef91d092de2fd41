"""Reads the WSDL of an agency from disk: its operations, and the envelopes of their requests. The home of zeep."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import unquote, urlsplit

import zeep
from lxml import etree
from zeep import xsd
from zeep.wsdl.bindings import Soap11Binding, Soap12Binding

from connectors.drivers.soap.element_shapes import ElementPart, ElementShape

SoapVersion = Literal["1.1", "1.2"]
SoapArgument: TypeAlias = "str | Mapping[str, SoapArgument] | Sequence[SoapArgument]"
"""The text of an element, its elements by name, or a list for an element that repeats."""

_BINDINGS: Final[Mapping[str, Any]] = {"1.1": Soap11Binding, "1.2": Soap12Binding}
_OFFERS_ADDRESSING: Final = (
    "{http://www.w3.org/2006/05/addressing/wsdl}UsingAddressing",
    "{http://www.w3.org/2007/05/addressing/metadata}Addressing",
)
_ENCODING: Final = "http://schemas.xmlsoap.org/soap/encoding/"
_ENCODING_TYPES: Final = Path(__file__).with_name("soap_encoding.xsd")
_MAX_BYTES: Final = 4 * 1024 * 1024


class WsdlError(ValueError):
    """A WSDL that cannot be used, or a request that it does not describe. The text names the file and the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WsdlOperation:
    """An operation of a WSDL."""

    name: str
    action: str
    request: ElementShape
    headers: Mapping[str, ElementShape]
    """The elements of each header part."""
    response: str
    """The local name of the element in a reply."""
    reply: ElementShape
    offers_addressing: bool
    """Whether replies name the message that they answer (WS-Addressing)."""
    wsdl: Wsdl

    def build_envelope(
        self, arguments: Mapping[str, SoapArgument], headers: Mapping[str, Mapping[str, str]]
    ) -> etree._Element:
        """The envelope of a request. Raises `WsdlError` if the WSDL does not describe it."""
        return self.wsdl.build_envelope(self.name, arguments, headers)


class Wsdl:
    """One WSDL. Networks are refused; what it imports must be in the same folder, or below it."""

    def __init__(self, path: Path, version: SoapVersion) -> None:
        """Read the file. Raises `WsdlError`."""
        self._name = path.name
        # The transport refuses networks itself, because it knows some documents of them.
        settings = zeep.Settings(strict=True, forbid_dtd=True, forbid_entities=True, forbid_external=False)
        untyped: Any = zeep  # zeep has only partial types, which mypy refuses to call
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", UserWarning)  # zeep only warns of parts that no schema describes
                self._client: Any = untyped.Client(
                    str(path), transport=_DiskTransport(path.resolve().parent), settings=settings
                )
            self._bindings = list(self._list_bindings(version))
            self.operations: Mapping[str, WsdlOperation] = dict(self._list_operations(path))
        except WsdlError:
            raise
        except Exception as error:  # noqa: BLE001 - zeep raises whatever a wrong document makes it stumble over
            raise WsdlError(f"the WSDL {self._name} cannot be used: {_describe(error)}") from None
        if not self._bindings:
            raise WsdlError(f"the WSDL {self._name} describes no SOAP {version} port; see `version`")

    def build_envelope(
        self, operation: str, arguments: Mapping[str, SoapArgument], headers: Mapping[str, Mapping[str, str]]
    ) -> etree._Element:
        """The envelope of a request. Raises `WsdlError` if the WSDL does not describe it."""
        binding = next(each for each in self._bindings if operation in each.all())
        try:
            message = binding.get(operation).create(_soapheaders=dict(headers) or None, **arguments)
            envelope: etree._Element = message.content
        except Exception as error:  # noqa: BLE001 - as above
            raise WsdlError(f"{operation}: {_describe(error)}") from None
        return envelope

    def _list_bindings(self, version: SoapVersion) -> Iterator[Any]:
        kind = _BINDINGS[version]
        for service in self._client.wsdl.services.values():
            for port in service.ports.values():
                if type(port.binding) is kind:
                    yield port.binding

    def _list_operations(self, path: Path) -> Iterator[tuple[str, WsdlOperation]]:
        offers_addressing = next(etree.parse(str(path)).iter(*_OFFERS_ADDRESSING), None) is not None
        shapes: dict[int, ElementShape] = {}
        for binding in self._bindings:
            for name, each in binding.all().items():
                if each.output is None or each.output.body is None:
                    continue  # nothing is answered, so there is nothing to read
                yield (
                    name,
                    WsdlOperation(
                        name=name,
                        action=each.soapaction or "",
                        request=_build_shape(each.input.body.type, shapes) if each.input.body else ElementShape({}),
                        headers={
                            part: _build_shape(element.type, shapes)
                            for part, element in each.input.header.type.elements
                        },
                        response=each.output.body.name,
                        reply=_build_shape(each.output.body.type, shapes),
                        offers_addressing=offers_addressing,
                        wsdl=self,
                    ),
                )


class _DiskTransport:
    """A transport for zeep that loads the WSDL and its imports from one folder, and refuses networks."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, url: str) -> bytes:
        """The bytes of a document. One of a network is looked for by its name beside the WSDL."""
        if url == _ENCODING:
            return _ENCODING_TYPES.read_bytes()
        parts = urlsplit(url)
        is_remote = parts.scheme not in {"", "file"}
        path = Path(unquote(parts.path) if "://" in url else url)
        path = (self._folder / path.name if is_remote else path).resolve()
        if not path.is_relative_to(self._folder):
            raise WsdlError(f"{path.name} is outside the folder of the WSDL; keep a copy of it there")
        try:
            content = path.read_bytes()
        except OSError as error:
            if is_remote:
                raise WsdlError(f"{path.name} is in a network; keep a copy of it beside the WSDL") from None
            raise WsdlError(f"{path.name} cannot be read: {error.strerror}") from None
        if len(content) > _MAX_BYTES:
            raise WsdlError(f"{path.name} is larger than {_MAX_BYTES} bytes")
        return content


def _build_shape(described: Any, known: dict[int, ElementShape]) -> ElementShape:  # noqa: ANN401 - zeep carries no types
    """Build the reader of a WSDL type. `known` holds the types so far, because a type may contain itself."""
    shape = known.get(id(described))
    if shape is None:
        shape = known[id(described)] = ElementShape({})
        for name, element in getattr(described, "elements", None) or ():
            if not isinstance(element, xsd.Element):
                shape.is_open = True
            # `_value_1` is zeep's name for the text of a type.
            elif not name.startswith("_value_"):
                shape.parts[str(element.name)] = ElementPart(
                    element.accepts_multiple,
                    _build_shape(element.type, known),
                    getattr(element.type, "pythonvalue", str),
                )
        if getattr(described, "_array_type", None) is not None:
            shape.is_open = True
    return shape


def _describe(error: Exception) -> str:
    """The reason that zeep gives, in one line; it holds names of the WSDL only."""
    if isinstance(error, zeep.exceptions.DTDForbidden | zeep.exceptions.EntitiesForbidden):
        return "it has a document type definition; remove it"
    reason = " ".join(str(getattr(error, "message", "") or error).split())[:300]
    is_plain = isinstance(error, zeep.exceptions.Error | Warning | LookupError | TypeError)
    return reason if reason and is_plain else f"{type(error).__name__}: {reason}"
