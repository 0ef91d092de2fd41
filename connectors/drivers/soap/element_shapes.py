"""Reads the elements of a SOAP body by the types of a WSDL, as texts and by local names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from lxml import etree

from connectors.drivers.http.xml_body import get_local_name

_NIL: Final = "{http://www.w3.org/2001/XMLSchema-instance}nil"

SoapValue: TypeAlias = "str | Mapping[str, SoapValue] | tuple[SoapValue, ...] | None"
"""A text, none for `xsi:nil`, a mapping by element name for a complex type, a tuple for an element that may repeat."""


@dataclass(slots=True)
class ElementShape:
    """The readers of the elements of a complex type; empty for a text type."""

    parts: dict[str, ElementPart]
    is_open: bool = False
    """Whether it may hold elements that the WSDL does not describe, such as the rows of a data set or an array."""

    def read(self, element: etree._Element) -> dict[str, SoapValue] | None:
        """The parts of an element by local name; skips undeclared parts. None if one wrongly repeats."""
        found: dict[str, SoapValue] = {}
        lists: dict[str, list[SoapValue]] = {name: [] for name, part in self.parts.items() if part.is_repeated}
        for child in element.iterchildren("*"):
            name = get_local_name(child)
            part = self.parts.get(name)
            if part is None:
                if self.is_open:
                    lists.setdefault(name, []).append(_read_any(child))
                continue
            value: SoapValue = None
            if child.get(_NIL) in {"true", "1"}:
                pass
            elif not part.is_text:
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
        for name, values in lists.items():
            found[name] = tuple(values) if name in self.parts or len(values) > 1 else values[0]
        return found


@dataclass(frozen=True, slots=True)
class ElementPart:
    """One element of a complex type."""

    is_repeated: bool
    shape: ElementShape
    parse: Callable[[str], object] = str
    """From a text to a value of its type; raises an error for a text that the type does not allow."""

    @property
    def is_text(self) -> bool:
        """Whether it holds a text, and no elements."""
        return not self.shape.parts and not self.shape.is_open


OPEN_PART: Final = ElementPart(is_repeated=False, shape=ElementShape({}, is_open=True))
"""An element that the WSDL does not describe: a text, or anything else."""


def _read_any(element: etree._Element) -> SoapValue:
    """An element that the WSDL does not describe: a text, or its elements by local name, in tuples if repeated."""
    if element.get(_NIL) in {"true", "1"}:
        return None
    lists: dict[str, list[SoapValue]] = {}
    for child in element.iterchildren("*"):
        lists.setdefault(get_local_name(child), []).append(_read_any(child))
    if not lists:
        return element.text or ""
    return {name: values[0] if len(values) == 1 else tuple(values) for name, values in lists.items()}
