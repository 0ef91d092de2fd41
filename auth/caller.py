"""Who asks. Proven by a signed token, never claimed by a header."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from records.identifiers import Nik


class CallerKind(Enum):
    """The kinds of caller that rules distinguish."""

    ANONYMOUS = "anonymous"
    CITIZEN = "citizen"
    OFFICIAL = "official"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks, as proven by the token that came with the request.

    `repr` never shows the NIK, so that a caller can be logged.
    """

    kind: CallerKind
    nik: Nik | None = None
    """The citizen's own number; none for anonymous callers and officials."""
    agency: str | None = None
    """The agency an official works for."""

    def __post_init__(self) -> None:
        """Refuse a caller that its kind contradicts."""
        if (self.kind is CallerKind.CITIZEN) != (self.nik is not None):
            raise ValueError(
                f"A caller of kind {self.kind.value} must {'' if self.nik is None else 'not '}carry a NIK."
            )
        if (self.kind is CallerKind.OFFICIAL) != (self.agency is not None):
            raise ValueError(
                f"A caller of kind {self.kind.value} must {'' if self.agency is None else 'not '}carry an agency."
            )

    def __repr__(self) -> str:
        """Kind and agency only."""
        at = f" at {self.agency}" if self.agency else ""
        return f"<Caller {self.kind.value}{at}>"


ANONYMOUS = Caller(kind=CallerKind.ANONYMOUS)
