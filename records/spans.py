"""A piece of work as traces tell of it: when it began and ended, what it was part of, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from records.failures import AgencyFailure

Noted = str | int | bool | tuple[str, ...]
"""What is told of a span. Never a key, a value, a document, a host or anything else that says who somebody is."""


class Span(Protocol):
    """One piece of work under way, such as a request, the call of a batch or an attempt to ask an agency.

    Where nobody collects traces there are none. A span that is not `sampled` is told to nobody, so nothing has to be
    made for it; it only keeps its place in the trace, for those to whom the work is passed on.
    """

    @property
    def sampled(self) -> bool:
        """Whether it is told to anybody."""

    @property
    def trace_id(self) -> str:
        """The trace it belongs to, 32 hexadecimal digits."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers by which whoever is asked can go on with the trace (W3C Trace Context)."""

    def begin(self, name: str, noted: Mapping[str, Noted], *, asks: bool = False) -> Span:
        """Begin a part of this work. `asks` says that it is to ask another system."""

    def apart(self, name: str, noted: Mapping[str, Noted]) -> Span:
        """Begin work that this gave rise to, and that nobody here waits for: a trace of its own, with a link."""

    def note(self, name: str, value: Noted) -> None:
        """Tell something of it."""

    def rename(self, name: str) -> None:
        """Call it otherwise, now that more is known."""

    def link(self, other: Span) -> None:
        """Say that it waits for work that belongs to another trace, or to another part of this one."""

    def end(self, code: str | None = None) -> None:
        """End it, once; `code` says how it failed."""


def code_of(failure: BaseException) -> str:
    """What traces call a failure: an agency's by its code; else whether somebody went away, or the hub failed."""
    if isinstance(failure, AgencyFailure):
        return failure.code
    return "INTERNAL" if isinstance(failure, Exception) else "CANCELLED"
