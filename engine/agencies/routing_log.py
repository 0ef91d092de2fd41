"""What one request read from domains that several agencies answer."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, NamedTuple


class MissingPart(NamedTuple):
    """An agency whose part of an answer is missing, and why."""

    agency: str
    code: str


@dataclass(slots=True, eq=False)
class RoutingLog:
    """Which agencies one request called, and what they answered."""

    incomplete: dict[Hashable, dict[Hashable, tuple[MissingPart, ...]]] = field(default_factory=dict)
    """By batch and key: the missing parts of the answer."""
    _called: dict[type[Any], dict[Hashable, set[str]]] = field(default_factory=dict)
    """By domain and subject: the agencies that were called."""
    _origins: dict[int, tuple[Any, str]] = field(default_factory=dict)
    """The agency of each record, by the identity of the record, which is held for as long."""

    def record_call(self, domain: type[Any], keys: Iterable[Any], agency: str) -> None:
        """Record that an agency is called about the subjects of keys."""
        called = self._called.setdefault(domain, {})
        for key in keys:
            called.setdefault(getattr(key, "owner", key), set()).add(agency)

    def list_called(self, domain: type[Any], subject: Hashable) -> set[str]:
        """The agencies that were called about a subject; without such a key, all that were called."""
        called = self._called.get(domain, {})
        return called[subject] if subject in called else set().union(*called.values())

    def record_origin(self, answer: Any, agency: str) -> None:  # noqa: ANN401 - any answer
        """Record the agency of every record in an answer."""
        if isinstance(answer, list | tuple):
            for each in answer:
                self.record_origin(each, agency)
        elif is_dataclass(answer) and id(answer) not in self._origins:
            self._origins[id(answer)] = answer, agency
            for each in fields(answer):
                self.record_origin(getattr(answer, each.name), agency)

    def get_origin(self, record: object) -> str | None:
        """The agency that a record came from; None if it is not known."""
        found = self._origins.get(id(record))
        return None if found is None else found[1]


NO_ROUTING = RoutingLog()
"""For runs without a request, such as those of tools: nothing is ever recorded."""
