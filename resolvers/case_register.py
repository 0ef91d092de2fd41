"""Cases that readers state: whom they are about, where somebody holds them.

The hub holds data requests, so it knows the cases of `SUBJECT_REQUEST`. Cases of other purposes stand in registers of
the agencies. A city that connects one binds it in `wiring/own_state.py`; without one, any case of a right form counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from records.call import Call
from records.identifiers import Nik


class StatedCase(NamedTuple):
    """What a reader says they work on."""

    agency: str | None
    """The agency they read for; None for partners."""
    purpose: str
    number: str


class CaseRegister(Protocol):
    """Knows the cases of agencies. It is asked before anything else is asked about the people."""

    async def people_in(self, case: StatedCase, people: Sequence[Nik], call: Call) -> frozenset[Nik] | None:
        """Those of the people whom the case is about, none where it is not open; None where no register holds it.

        Raises `AgencyFailure` where the register does not answer: then nobody reads on the strength of the case.
        """


class NoCaseRegister:
    """No agency connected its register."""

    async def people_in(
        self,
        case: StatedCase,  # noqa: ARG002 - nobody holds it
        people: Sequence[Nik],  # noqa: ARG002 - same
        call: Call,  # noqa: ARG002 - same
    ) -> frozenset[Nik] | None:
        """No register holds the case."""
        return None
