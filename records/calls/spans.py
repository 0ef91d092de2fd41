"""The span of a trace: start, parent, attributes and end of one piece of work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from records.calls.failures import AgencyFailure

AttributeValue = str | int | bool | tuple[str, ...]
"""The value of a span attribute. Never a key, a value, a document, a host or anything that identifies a person."""


class Span(Protocol):
    """One running piece of work, such as a request, a batch call or an attempt to call an agency.

    Without tracing, there are no spans. A span that is not `is_sampled` is not exported, so its attributes need not be
    computed. It only passes the trace context on to the systems that it calls.
    """

    @property
    def is_sampled(self) -> bool:
        """Whether the span is exported."""

    @property
    def trace_id(self) -> str:
        """The trace it belongs to, 32 hexadecimal digits."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers that let the called system continue the trace (W3C Trace Context)."""

    def start_child(self, name: str, attributes: Mapping[str, AttributeValue], *, is_client: bool = False) -> Span:
        """Starts a child span. `is_client` marks a call to another system."""

    def start_linked(self, name: str, attributes: Mapping[str, AttributeValue]) -> Span:
        """Starts a new trace, with a link to this span, for work that this span does not wait for."""

    def set_attribute(self, name: str, value: AttributeValue) -> None:
        """Sets an attribute of the span."""

    def update_name(self, name: str) -> None:
        """Renames the span when a better name is known."""

    def add_link(self, other: Span) -> None:
        """Links to a span of another trace, or of another part of this trace, that this span waits for."""

    def end(self, code: str | None = None) -> None:
        """Ends the span, once; `code` is the error code of a failure."""


def get_failure_code(failure: BaseException) -> str:
    """Returns the code of a failure: an agency's own code, `CANCELLED`, or `INTERNAL` for a fault of the hub."""
    if isinstance(failure, AgencyFailure):
        return failure.code
    return "INTERNAL" if isinstance(failure, Exception) else "CANCELLED"
