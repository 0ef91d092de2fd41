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


@dataclass(frozen=True, slots=True)
class ElementShape:
    """The readers of the elements of a complex type; empty for a text type."""

    parts: dict[str, ElementPart]

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

    def find(self, path: str) -> ElementPart | None:
        """The element at a path of names; None if there is none, or an element on the way repeats."""
        shape, found = self, None
        for name in path.split("."):
            if found is not None and found.is_repeated:
                return None
            found = shape.parts.get(name)
            if found is None:
                return None
            shape = found.shape
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
        return not self.shape.parts
