"""Who may see a field: rules, and the pure decision about one caller and one subject."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum, Flag, auto

from auth.caller import Caller, CallerKind
from records.identifiers import Nik


class Rule(Flag):
    """Who may see a field. Rules combine: `Rule.SELF | Rule.OFFICIAL`."""

    PUBLIC = auto()
    """Everybody."""
    SELF = auto()
    """The person the data is about."""
    OFFICIAL = auto()
    """An official of the city."""


class Refusal(Enum):
    """Why a caller may not see a field."""

    SIGN_IN = "This field is not public. Sign in and send the token as 'Authorization: Bearer ...'."
    NOT_YOURS = "This field is about another person. You may only read it about yourself."
    NOT_FOR_OFFICIALS = "This field is for citizens about themselves. Officials ask for citizen(nik:) instead."
    OFFICIALS_ONLY = "This field may be read by officials of the city only."


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a caller may see a field; with the reason where not."""

    refusal: Refusal | None = None

    @property
    def allowed(self) -> bool:
        """True where nothing speaks against it."""
        return self.refusal is None


ALLOWED = Decision()


def decide(rule: Rule, caller: Caller, subjects: Collection[Nik]) -> Decision:
    """Decide from the rule, the caller and the people the data is about. Pure: the same in, the same out."""
    if Rule.PUBLIC in rule:
        return ALLOWED
    if Rule.OFFICIAL in rule and caller.kind is CallerKind.OFFICIAL:
        return ALLOWED
    if Rule.SELF in rule and caller.nik is not None and caller.nik in subjects:
        return ALLOWED
    if caller.kind is CallerKind.ANONYMOUS:
        return Decision(Refusal.SIGN_IN)
    if caller.kind is CallerKind.OFFICIAL:
        return Decision(Refusal.NOT_FOR_OFFICIALS)
    return Decision(Refusal.NOT_YOURS if Rule.SELF in rule else Refusal.OFFICIALS_ONLY)
