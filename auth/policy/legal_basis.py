"""Why each kind of caller may read personal data (UU PDP 27/2022, article 20, paragraph 2)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from auth.caller import Caller, CallerKind, Representation


class LegalBasis(Enum):
    """A legal basis; the ledger stores the value."""

    OWN_RIGHT = "own-right"
    """The person themself: their right of access (articles 5 to 7)."""
    GUARDIANSHIP = "guardianship"
    """A parent or guardian, about their child (article 25)."""
    ASSISTANCE = "assistance"
    """An assistant, whose help a person with a disability asked for (article 26)."""
    CONSENT = "consent"
    """The person agreed (article 20, paragraph 2, letter a)."""
    LEGAL_DUTY = "legal-duty"
    """The law obliges the reader (letter c): supervision, audit, protection of data."""
    PUBLIC_TASK = "public-task"
    """A task of the city in the public interest (letter e)."""


_BASIS_BY_KIND: Mapping[CallerKind, LegalBasis] = {
    CallerKind.CITIZEN: LegalBasis.OWN_RIGHT,
    CallerKind.BUSINESS: LegalBasis.OWN_RIGHT,
    CallerKind.OFFICIAL: LegalBasis.PUBLIC_TASK,
    CallerKind.AGENCY_SYSTEM: LegalBasis.PUBLIC_TASK,
    CallerKind.STEWARD: LegalBasis.PUBLIC_TASK,
    CallerKind.SUPERVISOR: LegalBasis.LEGAL_DUTY,
    CallerKind.AUDITOR: LegalBasis.LEGAL_DUTY,
    CallerKind.PROTECTION_OFFICER: LegalBasis.LEGAL_DUTY,
    CallerKind.PARTNER: LegalBasis.CONSENT,
}


def get_legal_basis(caller: Caller, *, is_own: bool) -> LegalBasis | None:
    """The legal basis of the caller's reads; None if no rule lets callers of that kind read.

    It follows from the rule that allowed the read (`Allowed.by`), without a second decision. Each kind of caller except
    citizens has a single rule. Citizens read their own data, or that of the person they assist (`is_own`: SELF and
    ASSISTANT), or a child's (GUARDIAN). So a citizen who reads without `is_own` is a guardian.
    """
    if caller.representation is Representation.ASSISTANT:
        return LegalBasis.ASSISTANCE
    if caller.kind is CallerKind.CITIZEN and not is_own:
        return LegalBasis.GUARDIANSHIP
    return _BASIS_BY_KIND.get(caller.kind)
