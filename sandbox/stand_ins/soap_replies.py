"""The sample replies of a SOAP service, by operation and arguments, as the WSDL describes them.

A sample file holds `{"GetObjekByNik nik=3171014506909001": {...}}`. Arguments are texts by the path of their elements,
in alphabetical order, with commas between those of one element that repeats. `{keys}` is any keys: the reply has those
rows that hold one of them. `GetObjekByNik *` answers all other arguments. A reply is a table of elements, or a fault:
`{"soap:Fault": {"code": "Client.TidakAda", "reason": "...", "detail": {...}}}`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from lxml import etree

from sandbox.agency import CannotStartError
from sandbox.stand_ins.replies import select_rows
from sandbox.stand_ins.soap_wsdl import ENVELOPES, DescribedOperation, NotInWsdlError, SoapDescription, write_element
from sandbox.stand_ins.sources import StandInSource

FAULT: Final = "soap:Fault"
_KEYS: Final = "{keys}"
_SIDES: Final = {"Client": "Sender", "Server": "Receiver"}
"""Codes of SOAP 1.1, and those of 1.2."""

Select = Callable[[str], Any]
"""From the arguments of a call to the reply as JSON."""


class SoapReplies:
    """The replies of all sample files. Raises `CannotStartError` for one that the WSDL does not describe."""

    def __init__(self, source: StandInSource, description: SoapDescription) -> None:
        self._description = description
        self._version = str(source.manifest["wire"].get("version", "1.1"))
        self._exact: dict[str, Any] = {}
        self._keyed: list[tuple[re.Pattern[str], Select]] = []
        operations = {each.name: each for each in description.operations.values()}
        for name, replies in source.read_json():
            for line, reply in replies.items():
                try:
                    self._add(source, operations, line, reply)
                except NotInWsdlError as problem:
                    raise CannotStartError(f"{name}.json of {source.code}: '{line}': {problem}") from problem

    def find(self, operation: DescribedOperation, arguments: Iterable[tuple[str, str]]) -> etree._Element:
        """The content of the body that answers a call; a fault if no sample does."""
        line = write_line(operation.name, arguments)
        found = self._exact.get(line)
        for pattern, select in self._keyed if found is None else ():
            if match := pattern.fullmatch(line):
                found = select(match[1])
                break
        if found is None:
            found = self._exact.get(f"{operation.name} *")
        if found is None:
            return self.build_fault("Client", "no sample answers this call")
        return self._write(operation, found)

    def build_fault(self, code: str, reason: str, detail: Mapping[str, Any] | None = None) -> etree._Element:
        """A fault with a code of SOAP 1.1, such as `Client` or `Client.X`, in the form of the service's version."""
        namespace = ENVELOPES[self._version]
        fault = etree.Element(f"{{{namespace}}}Fault", nsmap={"soap": namespace})
        side, _, subcode = code.partition(".")
        if self._version == "1.1":
            etree.SubElement(fault, "faultcode").text = f"soap:{code}"
            etree.SubElement(fault, "faultstring").text = reason
            holder = "detail"
        else:
            value = etree.SubElement(fault, f"{{{namespace}}}Code")
            etree.SubElement(value, f"{{{namespace}}}Value").text = f"soap:{_SIDES.get(side, side)}"
            if subcode:
                inner = etree.SubElement(value, f"{{{namespace}}}Subcode")
                etree.SubElement(inner, f"{{{namespace}}}Value").text = subcode
            text = etree.SubElement(etree.SubElement(fault, f"{{{namespace}}}Reason"), f"{{{namespace}}}Text")
            text.set("{http://www.w3.org/XML/1998/namespace}lang", "id")
            text.text = reason
            holder = f"{{{namespace}}}Detail"
        if detail:
            etree.SubElement(fault, holder).extend(self._write_detail(name, each) for name, each in detail.items())
        return fault

    def _add(self, source: StandInSource, operations: Mapping[str, DescribedOperation], line: str, reply: Any) -> None:  # noqa: ANN401 - any JSON
        operation = operations.get(line.partition(" ")[0])
        if operation is None:
            raise NotInWsdlError(f"no operation has this name; there are {', '.join(operations)}")
        self._write(operation, reply)
        if _KEYS not in line:
            self._exact[line] = reply
            return
        read = _find_read(source, operation.name)
        rows = [each for each in str(read.get("rows", "")).split(".") if each]
        pattern = re.compile(re.escape(line).replace(re.escape(_KEYS), "(.*)"))
        self._keyed.append((pattern, lambda keys: select_rows(reply, rows, read["key"], set(keys.split(",")))))

    def _write(self, operation: DescribedOperation, reply: Any) -> etree._Element:  # noqa: ANN401 - any JSON
        if isinstance(reply, dict) and FAULT in reply:
            fault = reply[FAULT]
            return self.build_fault(fault["code"], fault.get("reason", fault["code"]), fault.get("detail"))
        return write_element(operation.reply, reply)

    def _write_detail(self, name: str, value: Any) -> etree._Element:  # noqa: ANN401 - any JSON
        element = self._description.find_element(name)
        if element is None:
            raise NotInWsdlError(f"no element of the WSDL is called '{name}'")
        return write_element(element, value)


def write_line(operation: str, arguments: Iterable[tuple[str, str]]) -> str:
    """A call as samples name it."""
    values: dict[str, list[str]] = {}
    for path, text in arguments:
        values.setdefault(path, []).append(text)
    return " ".join([operation, *(f"{path}={','.join(each)}" for path, each in sorted(values.items()))])


def _find_read(source: StandInSource, operation: str) -> Mapping[str, Any]:
    for read in source.manifest.get("reads", {}).values():
        if read.get("operation") == operation and "key" in read:
            return dict(read)
    raise CannotStartError(f"{source.code}: no read with a key has the operation '{operation}'.")
