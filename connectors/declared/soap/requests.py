"""The request of a declared read over SOAP: its arguments, checked by the WSDL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from connectors.declared.domain_reads import KEY, DomainRead, find_plain_type, list_key_parts
from connectors.declared.key_patterns import build_form_check, compile_patterns
from connectors.declared.soap.tables import SoapReadTable
from connectors.declared.tables import NotDeclarableError
from connectors.declared.templates import TemplateWriter
from connectors.drivers.soap.driver import SoapDriver
from connectors.drivers.soap.element_shapes import OPEN_PART, ElementPart, ElementShape
from connectors.drivers.soap.envelopes import XML_TEXT, SoapRequest, ValueSlot
from connectors.drivers.soap.wsdl import SoapArgument, WsdlError, WsdlOperation

_KEYS: Final = "{keys}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SoapReadRequest:
    """The request of one read."""

    operation: WsdlOperation
    message: SoapRequest
    list_values: Callable[[Any], tuple[Any, ...]]
    """From a key, or all keys of a call, to the values in the message."""
    is_known_form: Callable[[Any], bool]
    """Whether a key has the form of the agency's keys. Others are unknown to it, and not sent."""
    is_batch: bool
    """Whether one call asks for several keys."""


def build_soap_request(domain_read: DomainRead, table: SoapReadTable, driver: SoapDriver) -> SoapReadRequest:
    """Compile the request of a read.

    Raises:
        NotDeclarableError: The WSDL does not describe it, or it does not depend on the whole key.

    """
    place = f"reads.{domain_read.name}"
    operation = driver.operations.get(table.operation)
    if operation is None:
        problem = f"the WSDL has no operation '{table.operation}'; it has {_list(driver.operations)}"
        raise NotDeclarableError(f"{place}.operation", problem)
    _check_headers(operation, driver)
    parts = list_key_parts(domain_read.key)
    types = {name: find_plain_type(each) for name, each in parts.items()}
    patterns = compile_patterns(place, table, parts)
    arguments = _ArgumentBuilder(TemplateWriter(types, patterns.texts, page={}, sends_numbers=False))
    given = arguments.build(f"{place}.arguments", table.arguments, operation.request)
    if unused := sorted(parts.keys() - arguments.used):
        raise NotDeclarableError(
            f"{place}.arguments", f"the answer would not depend on '{unused[0]}': send {{{unused[0]}}}"
        )
    try:
        message = driver.prepare(operation.name, given, slots=len(arguments.expressions))
    except WsdlError as error:
        raise NotDeclarableError(f"{place}.arguments", str(error)) from None
    return SoapReadRequest(
        operation=operation,
        message=message,
        list_values=eval(f"lambda key: ({''.join(f'{each}, ' for each in arguments.expressions)})"),  # noqa: S307 - made of field names, and of quoted texts
        is_known_form=_build_key_check(types, build_form_check(patterns.texts)),
        is_batch=arguments.is_batch,
    )


def check_soap_probe(domain_read: DomainRead, table: SoapReadTable, key: object) -> None:
    """Check that the read can be requested for the key of the probe. Raises `NotDeclarableError`."""
    patterns = compile_patterns(f"reads.{domain_read.name}", table, list_key_parts(domain_read.key))
    if not build_form_check(patterns.texts)(key):
        raise NotDeclarableError("probe.key", f"the read {domain_read.name} would not send it; see its key_pattern")


def _check_headers(operation: WsdlOperation, driver: SoapDriver) -> None:
    """Check the header parts of an agency. An operation gets those that the WSDL describes for it."""
    known = {part: each for some in driver.operations.values() for part, each in some.headers.items()}
    for part, elements in driver.headers.items():
        place = f"wire.headers.{part}"
        if part not in known:
            raise NotDeclarableError(place, f"no operation has such a header part; they have {_list(known)}")
        for name in elements if part in operation.headers else ():
            _find_text(f"{place}.{name}", operation.headers[part], name)


class _ArgumentBuilder:
    """Builds the arguments of one request, with slots for what depends on the key."""

    def __init__(self, writer: TemplateWriter) -> None:
        self._writer = writer
        self.expressions: list[str] = []
        """The Python expression of each slot."""
        self.is_batch = False

    @property
    def used(self) -> set[str]:
        """The parts of the key that are sent."""
        return self._writer.used

    def build(self, place: str, given: Mapping[str, Any], shape: ElementShape) -> dict[str, SoapArgument]:
        """The arguments of one element."""
        return {name: self._build_element(f"{place}.{name}", shape, name, each) for name, each in given.items()}

    def _build_element(self, place: str, shape: ElementShape, name: str, given: object) -> SoapArgument:
        part = find_element(place, shape, name)
        if isinstance(given, list):
            if not part.is_repeated:
                raise NotDeclarableError(place, "the element does not repeat; write one value")
            return [self._build_value(place, part, each) for each in given]
        value = self._build_value(place, part, given)
        return [value] if part.is_repeated and not isinstance(value, list) else value

    def _build_value(self, place: str, part: ElementPart, given: object) -> SoapArgument:
        if isinstance(given, Mapping):
            if part.is_text:
                raise NotDeclarableError(place, "the element holds a text: write one")
            return self.build(place, given, part.shape)
        if not isinstance(given, str):
            raise NotDeclarableError(place, "write a text in quotes, a table or a list of them")
        if not part.is_text:
            raise NotDeclarableError(place, f"the element holds elements: write a table with {_list(part.shape.parts)}")
        if "{" not in given and "}" not in given:
            _check_text(place, part, given)
            return given
        slot = ValueSlot(len(self.expressions))
        if given == _KEYS:
            if not part.is_repeated:
                raise NotDeclarableError(place, "the element does not repeat, so it takes one {key}")
            self._writer.write(place, "{key}")
            self.expressions.append("tuple(key)")
            self.is_batch = True
            return list(slot.first_and_next)
        self.expressions.append(self._writer.write(place, given))
        return slot.text


def find_element(place: str, shape: ElementShape, name: str) -> ElementPart:
    """An element of a type. Raises `NotDeclarableError`."""
    part = shape.parts.get(name)
    if part is None:
        if shape.is_open:
            return OPEN_PART
        raise NotDeclarableError(place, f"the WSDL has no element '{name}' here; it has {_list(shape.parts)}")
    return part


def _find_text(place: str, shape: ElementShape, name: str) -> None:
    if not find_element(place, shape, name).is_text:
        raise NotDeclarableError(place, "the element holds elements, and not a text")


def _check_text(place: str, part: ElementPart, given: str) -> None:
    try:
        part.parse(given)
    except Exception:  # noqa: BLE001 - each type of zeep raises another error
        raise NotDeclarableError(place, "the type of the element does not allow this text") from None


def _build_key_check(types: Mapping[str, object], has_form: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """Whether a key has the declared form, and XML can hold its texts."""
    texts, is_xml = [name for name, kind in types.items() if kind is str], XML_TEXT.fullmatch
    if texts == [KEY]:
        return lambda key: has_form(key) and is_xml(key) is not None
    return lambda key: has_form(key) and all(is_xml(getattr(key, name)) for name in texts)


def _list(names: Mapping[str, object]) -> str:
    return ", ".join(names) or "none"
