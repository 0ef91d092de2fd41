"""The refusals of one answer, and the protocol that counts them.

A refusal is named by the field's schema coordinate and the class of the reason, never by text of the caller.
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


class RefusalRecorder(Protocol):
    """Keeps count of refusals."""

    def record(self, caller: Any, refusals: Refusals, /) -> None:  # noqa: ANN401 - the engine knows no callers
        """Count the refusals of one caller."""


class NoRefusalRecorder:
    """Discards refusals."""

    def record(self, caller: Any, refusals: Refusals, /) -> None:  # noqa: ANN401 - as the protocol
        """Nothing is kept."""
