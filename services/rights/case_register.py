"""The port for registers of cases, which know the people of each case.

The hub stores data requests, so it knows the cases of `SUBJECT_REQUEST`. Registers of the agencies hold the cases of
other purposes. A city passes one to `DatabasePreferences` in `wiring/hub_domains.py`. Without one, every well-formed
case is accepted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from records.calls.call import Call
from records.identifiers import Nik


class StatedCase(NamedTuple):
    """The case that a reader states."""

    agency: str | None
    """The agency they read for; None for partners."""
    purpose: str
    number: str


class CaseRegister(Protocol):
    """Knows the cases of agencies. The hub calls it before any other call about the people."""

    async def people_in(self, case: StatedCase, people: Sequence[Nik], call: Call) -> frozenset[Nik] | None:
        """The given people that the case is about; empty if it is not open, None if no register holds it.

        Raises `AgencyFailure` if the register does not answer: then the case allows no read.
        """


class NoCaseRegister:
    """No agency connected its register."""

    async def people_in(
        self,
        case: StatedCase,  # noqa: ARG002 - the null object holds no case
        people: Sequence[Nik],  # noqa: ARG002 - same
        call: Call,  # noqa: ARG002 - same
    ) -> frozenset[Nik] | None:
        """No register holds the case."""
        return None
