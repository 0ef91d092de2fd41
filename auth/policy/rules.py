"""The access that a field declares: rules, classes of data, and the reasons for which a caller is denied.

A field declares who may see it (`Rule`), how sensitive it is (`Classification`) and, if not every lawful purpose is
enough, its purposes (`Access`). `auth/policy/decision.py` decides by them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, Flag, auto
from functools import cache
from typing import Final

from auth.caller import Assurance
from records.purposes import CitizenScope, Purpose, Scope


class Rule(Flag):
    """Who may see a field. Rules combine: `Rule.SELF | Rule.OFFICIAL`."""

    PUBLIC = auto()
    """Everybody."""
    SELF = auto()
    """The person the data is about."""
    GUARDIAN = auto()
    """A parent, about their child under 18 on the same family card (UU PDP 27/2022, article 25)."""
    ASSISTANT = auto()
    """The assistant of a person with a disability, about that person (UU PDP 27/2022, article 26)."""
    OFFICIAL = auto()
    """An official of an agency, for a purpose and a case."""
    AGENCY_SYSTEM = auto()
    """A system of an agency, for a purpose and a case."""
    PARTNER = auto()
    """A partner's application with the scope, within the person's consent, for a purpose and a case."""
    BUSINESS = auto()
    """The business the data is about, by its NIB."""
    SUPERVISOR = auto()
    """A supervisor, about reads by their own agency's readers (UU PDP 27/2022, article 37)."""
    AUDITOR = auto()
    """An auditor of the city, about all reads."""
    PROTECTION_OFFICER = auto()
    """The data-protection officer, about all reads (UU PDP 27/2022, articles 53 and 54)."""


PURPOSE_RULES = Rule.OFFICIAL | Rule.AGENCY_SYSTEM | Rule.PARTNER
"""Rules for callers that read for a purpose and a case, within people's preferences."""


class Classification(Enum):
    """How sensitive data is (UU PDP 27/2022, article 4)."""

    PUBLIC = "PUBLIC", None
    """No personal data."""
    PERSONAL = "PERSONAL", None
    """General personal data."""
    HEALTH = "SPECIFIC", "HEALTH"
    CHILD = "SPECIFIC", "CHILD"
    FINANCE = "SPECIFIC", "FINANCE"

    def __init__(self, level: str, kind: str | None) -> None:
        """Plain attributes instead of properties, because every decision reads them."""
        self.level: Final = level
        """PUBLIC, PERSONAL or SPECIFIC."""
        self.kind: Final = kind
        """The kind of specific data, if it is specific (article 4, paragraph 2)."""
        self.required_assurance: Final = Assurance.SUBSTANTIAL if level == "SPECIFIC" else Assurance.NONE
        """The assurance that a person needs to read it."""

    @property
    def label(self) -> str:
        """Level and kind in one word: `PERSONAL`, `SPECIFIC:HEALTH`."""
        return self.level if self.kind is None else f"{self.level}:{self.kind}"


@dataclass(frozen=True, slots=True)
class Access:
    """Who may see a field, and under which conditions."""

    rules: Rule
    classification: Classification = Classification.PERSONAL
    purposes: frozenset[Purpose] = frozenset()
    """Purposes for which officials, systems and partners may read it; empty for all that they may state."""
    scope: Scope | None = None
    """The scope that a partner needs."""
    requires_case: bool = False
    """Whether overseers need a case to read it."""
    allows_any_case: bool = False
    """Whether any case is enough, because readers find their cases by this field."""
    allows_any_consent: bool = False
    """Whether a partner needs only a consent of the person and no scope, as for data about the consent itself."""
    citizen_scopes: frozenset[CitizenScope] = frozenset()
    """Scopes for third-party apps; one is enough to read it for the person. Without any, only the city's apps may."""
    delegation_scopes: frozenset[CitizenScope] = frozenset()
    """Scopes of an assistant's delegation that cover it, besides `citizen_scopes`. They open it to no third-party app,
    as a change must not be."""
    requires_recent_sign_in: bool = False
    """Whether the person must have authenticated recently, as for changes."""
    is_public: bool = field(init=False, compare=False, repr=False)
    """Whether everybody may see it. Stored, because every decision reads it, and `in` of a flag is slow."""

    own_decisions: dict[tuple[bool, int], bool] = field(init=False, compare=False, repr=False, default_factory=dict)
    """Whether citizens in first-party apps may see it in their own records, by whether they act for themselves, and by
    their assurance; filled in as decisions are made, except for those about limited delegations."""

    def __post_init__(self) -> None:
        """Store what follows from the rules."""
        object.__setattr__(self, "is_public", Rule.PUBLIC in self.rules)


@cache
def to_access(declared: Rule | Access) -> Access:
    """Complete a bare rule: a public one means no personal data, any other one general personal data.

    Equal declarations share one object, and so its `own_decisions`.
    """
    if isinstance(declared, Access):
        return declared
    return Access(declared, Classification.PUBLIC if declared is Rule.PUBLIC else Classification.PERSONAL)


class DenialReason(Enum):
    """Why a caller may not see a field. Callers receive the name as the class of the reason."""

    SIGN_IN = "This field is not public. Sign in and send the token as 'Authorization: Bearer ...'."
    NOT_YOURS = (
        "This field is about another person. You may read it about yourself. Some fields also allow your child, with"
        " assurance 'substantial' or higher ('acr')."
    )
    ASSURANCE_TOO_LOW = (
        "This field is specific personal data. To read it, sign in with assurance 'substantial' or 'high' ('acr')."
    )
    NOT_FOR_CITIZENS = "Citizens may not read this field. Query 'me' instead."
    NOT_FOR_OFFICIALS = "Officials may not read this field. Query citizen(nik:) instead."
    NOT_FOR_SYSTEMS = "Systems of agencies may not read this field. Query citizen(nik:) instead."
    NOT_FOR_PARTNERS = "Partners may not read this field, even with consent."
    NOT_FOR_BUSINESSES = "Businesses may not read this field."
    NOT_FOR_YOUR_ROLE = "Your role may not read personal data through the graph."
    NOT_YOUR_AGENCY = "These reads are another agency's. Supervisors see only reads by their own agency."
    NOT_YOUR_BUSINESS = "This field is about another business. You may only read it about your own."
    PURPOSE_REQUIRED = "Reading personal data needs a purpose. Send it as X-Purpose or in the token."
    CASE_REQUIRED = "Reading personal data needs a case. Send its number as X-Case or in the token."
    CASE_NOT_OPEN = (
        "Your case is not open, or is not about this person. For SUBJECT_REQUEST the case is the number of an open data"
        " request of the person you read about; for other purposes, a case in your agency's register."
    )
    PURPOSE_NOT_ALLOWED = "Your agency or role may not state this purpose. Ask the hub's operators for those it may."
    PURPOSE_DOES_NOT_COVER = "This field may not be read for your purpose. The schema lists its purposes."
    SCOPE_REQUIRED = "Your token lacks the scope that this field needs. The schema names it."
    FIRST_PARTY_ONLY = "Only the city's own apps may read or change this for a person. Refer the person to them."
    REAUTHENTICATION_REQUIRED = (
        "This requires a recent sign-in. Have the person authenticate again at the issuer ('max_age' or 'prompt=login')"
        " and send the new token, whose 'auth_time' holds the time."
    )
    RESTRICTED = "The person restricted the use of their data, and your purpose is not exempt."
    PERSON_UNKNOWN = (
        "The agency does not identify the person of this record, so the hub cannot check their restrictions. Read it"
        " through citizen(nik:)."
    )
    GUARDIAN_CONSENT_REQUIRED = (
        "This field is about a child, who cannot consent. A parent or guardian has not consented to your reading of it."
        " Request consent about a child first."
    )
    CONSENT_REQUIRED = "The person has not consented to your reading of this field. Request consent first."
