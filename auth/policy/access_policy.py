"""The city's policy for reading personal data: allowed purposes, and purposes that people cannot restrict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from auth.caller import Caller, CallerKind
from records.purposes import Purpose

PARTNERS = "partners"
"""In place of an agency, for the purposes of partners."""

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
"""Each agency may state the purposes that its law allows. The register's counters also answer people's requests."""

DEFAULT_UNRESTRICTABLE = (Purpose.SUBJECT_REQUEST.name,)
"""A person who restricts the use of their data still expects an answer to their own request. A city adds the purposes
that its law exempts from restrictions (UU PDP 27/2022, articles 15 and 33)."""


def parse_purposes(lines: Sequence[str]) -> Mapping[str, frozenset[Purpose]]:
    """Parse lines `agency[/role]:PURPOSE,PURPOSE` into the allowed purposes by agency, or agency and role.

    Raises `ValueError` for any other line.
    """
    purposes: dict[str, frozenset[Purpose]] = {}
    for line in lines:
        who, _, names = line.partition(":")
        unknown = [name for name in names.split(",") if name not in Purpose.__members__]
        if not who or unknown:
            raise ValueError(
                f"'{line}' does not assign purposes to an agency. Write agency:PURPOSE,PURPOSE or agency/role:PURPOSE,"
                f" with purposes of {', '.join(Purpose.__members__)}."
            )
        purposes[who] = frozenset(Purpose[name] for name in names.split(","))
    return purposes


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessPolicy:
    """The settings that decisions use, besides the caller and the record."""

    purposes: Mapping[str, frozenset[Purpose]] = field(default_factory=lambda: parse_purposes(DEFAULT_PURPOSES))
    """By agency, by `agency/role` for a role with its own purposes, or by `partners`."""
    unrestrictable: frozenset[Purpose] = frozenset({Purpose.SUBJECT_REQUEST})
    """Purposes for which data is read despite a person's restriction."""
    recent_sign_in_seconds: float = 900.0
    """Seconds within which a citizen must have authenticated to change something."""

    def get_agency_purposes(self, agency: str) -> frozenset[Purpose]:
        """The purposes that callers of an agency may state, over all roles."""
        lines = (stated for who, stated in self.purposes.items() if who.partition("/")[0] == agency)
        return frozenset[Purpose]().union(*lines)

    def get_allowed_purposes(self, caller: Caller) -> frozenset[Purpose]:
        """The purposes that this caller may state."""
        if caller.kind is CallerKind.PARTNER:
            return self.purposes.get(PARTNERS, frozenset())
        of_role = self.purposes.get(f"{caller.agency}/{caller.role}") if caller.role else None
        return self.purposes.get(caller.agency or "", frozenset()) if of_role is None else of_role


DEFAULT_POLICY = AccessPolicy()
"""The policy with the default settings."""
