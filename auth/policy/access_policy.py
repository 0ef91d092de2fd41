"""What the city decided about reading personal data: who may state which purpose, and what nobody can restrict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from auth.caller import Caller, CallerKind
from records.purposes import Purpose

PARTNERS = "partners"
"""In place of an agency: what partners may state."""

DEFAULT_PURPOSES = (
    "dukcapil:CIVIL_REGISTRATION,SUBJECT_REQUEST",
    "pbb:TAX_ASSESSMENT",
    "jakpreneur:BUSINESS_SUPPORT",
    "crm:COMPLAINT_HANDLING",
    "dinsos:SOCIAL_ASSISTANCE",
    "dinkes:HEALTHCARE",
    "disdik:EDUCATION",
    "partners:IDENTITY_VERIFICATION,CREDIT_ASSESSMENT,PAYMENT",
)
"""An agency may state what its law gives it; the register's counters also answer people's requests."""

DEFAULT_UNRESTRICTABLE = (Purpose.SUBJECT_REQUEST.name,)
"""Who restricts what is done with their data still wants an answer to their own request. A city adds what its law keeps
from being restricted (UU PDP 27/2022, articles 15 and 33)."""


def parse_purposes(lines: Sequence[str]) -> Mapping[str, frozenset[Purpose]]:
    """By agency, or agency and role, the purposes that may be stated: out of `agency[/role]:PURPOSE,PURPOSE_HEADER`.

    Raises `ValueError` for a line that says something else.
    """
    purposes: dict[str, frozenset[Purpose]] = {}
    for line in lines:
        who, _, names = line.partition(":")
        unknown = [name for name in names.split(",") if name not in Purpose.__members__]
        if not who or unknown:
            raise ValueError(
                f"'{line}' does not say who may state which purposes. Write agency:PURPOSE,PURPOSE or"
                f" agency/role:PURPOSE, of {', '.join(Purpose.__members__)}."
            )
        purposes[who] = frozenset(Purpose[name] for name in names.split(","))
    return purposes


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessPolicy:
    """What rules read besides the caller and the record."""

    purposes: Mapping[str, frozenset[Purpose]] = field(default_factory=lambda: parse_purposes(DEFAULT_PURPOSES))
    """By agency, or `agency/role` where a role has purposes of its own, or `partners`."""
    unrestrictable: frozenset[Purpose] = frozenset({Purpose.SUBJECT_REQUEST})
    """For which purposes data is read though the person restricted that."""
    recent_sign_in_seconds: float = 900.0
    """Seconds within which a citizen must have authenticated to change something."""

    def get_agency_purposes(self, agency: str) -> frozenset[Purpose]:
        """The purposes that somebody of an agency may state, whatever their role."""
        lines = (stated for who, stated in self.purposes.items() if who.partition("/")[0] == agency)
        return frozenset[Purpose]().union(*lines)

    def get_allowed_purposes(self, caller: Caller) -> frozenset[Purpose]:
        """The purposes that this caller may state."""
        if caller.kind is CallerKind.PARTNER:
            return self.purposes.get(PARTNERS, frozenset())
        of_role = self.purposes.get(f"{caller.agency}/{caller.role}") if caller.role else None
        return self.purposes.get(caller.agency or "", frozenset()) if of_role is None else of_role


DEFAULT_POLICY = AccessPolicy()
"""The purposes that stand in the table of settings."""
