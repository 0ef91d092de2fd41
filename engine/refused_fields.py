"""What was refused in one answer, and who is told of it: refusals leave a trace, too.

A refusal is named by the field's coordinate in the schema and the class of the reason, never by what a caller wrote.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

OPERATION = "operation"
"""In place of a field: the operation as a whole."""


class RefusedField(NamedTuple):
    """What was refused, and why."""

    field: str
    """Its coordinate (`Citizen.name`), or `OPERATION`."""
    reason: str


Refusals = Mapping[RefusedField, int]
"""How often each."""


class RefusalNotes(Protocol):
    """Keeps count of refusals."""

    def note(self, who: Any, refusals: Refusals, /) -> None:  # noqa: ANN401 - the engine knows no callers
        """Somebody was refused."""


class NoRefusalNotes:
    """Nobody keeps count."""

    def note(self, who: Any, refusals: Refusals, /) -> None:  # noqa: ANN401 - as the protocol
        """Nothing is kept."""
