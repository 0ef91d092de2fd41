"""A piece of work as traces tell of it: when it began and ended, what it was part of, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from records.calls.failures import AgencyFailure

AttributeValue = str | int | bool | tuple[str, ...]
"""What is told of a span. Never a key, a value, a document, a host or anything else that says who somebody is."""


class Span(Protocol):
    """One piece of work under way, such as a request, the call of a batch or an attempt to ask an agency.

    Where nobody collects traces there are none. A span that is not `is_sampled` is told to nobody, so nothing has to be
    made for it; it only keeps its place in the trace, for those to whom the work is passed on.
    """

    @property
    def is_sampled(self) -> bool:
        """Whether it is told to anybody."""

    @property
    def trace_id(self) -> str:
        """The trace it belongs to, 32 hexadecimal digits."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers by which whoever is asked can go on with the trace (W3C Trace Context)."""

    def start_child(self, name: str, attributes: Mapping[str, AttributeValue], *, is_client: bool = False) -> Span:
        """Begin a part of this work. `is_client` says that it is to ask another system."""

    def start_linked(self, name: str, attributes: Mapping[str, AttributeValue]) -> Span:
        """Begin work that this gave rise to, and that nobody here waits for: a trace of its own, with a link."""

    def set_attribute(self, name: str, value: AttributeValue) -> None:
        """Tell something of it."""

    def update_name(self, name: str) -> None:
        """Call it otherwise, now that more is known."""

    def add_link(self, other: Span) -> None:
        """Say that it waits for work that belongs to another trace, or to another part of this one."""

    def end(self, code: str | None = None) -> None:
        """End it, once; `code` says how it failed."""


def get_failure_code(failure: BaseException) -> str:
    """What traces call a failure: an agency's by its code; else whether somebody went away, or the hub failed."""
    if isinstance(failure, AgencyFailure):
        return failure.code
    return "INTERNAL" if isinstance(failure, Exception) else "CANCELLED"
