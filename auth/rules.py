"""Who may see a field: rules, classes of data, and the pure decision about one caller and one subject.

A field says who may see it (`Rule`), how sensitive it is (`Classification`) and, where not every lawful purpose will
do, for which purposes (`Access`). `decide` takes no more than what it is given: it asks nobody.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum, Flag, auto

from auth.authentication_time import authenticated_within
from auth.caller import Assurance, Caller, CallerKind, Capacity
from auth.children import FOR_CHILDREN
from auth.policy import DEFAULT_POLICY, Policy
from records.identifiers import Nik
from records.purposes import CitizenScope, Purpose, Scope
from records.wishes import Wishes


class Rule(Flag):
    """Who may see a field. Rules combine: `Rule.SELF | Rule.OFFICIAL`."""

    PUBLIC = auto()
    """Everybody."""
    SELF = auto()
    """The person the data is about."""
    GUARDIAN = auto()
    """A parent, about their child under 18 on the same family card (UU PDP 27/2022, article 25)."""
    ASSISTANT = auto()
    """Who helps a person with a disability, about that person (UU PDP 27/2022, article 26)."""
    OFFICIAL = auto()
    """An official of an agency, for a purpose and a case."""
    AGENCY_SYSTEM = auto()
    """A system of an agency, for a purpose and a case."""
    PARTNER = auto()
    """A partner's application with the scope, within the person's consent, for a purpose and a case."""
    BUSINESS = auto()
    """The business the data is about, by its NIB."""
    SUPERVISOR = auto()
    """A supervisor, about what readers of their own agency read (UU PDP 27/2022, article 37)."""
    AUDITOR = auto()
    """An auditor of the city, about what anybody read."""
    PROTECTION_OFFICER = auto()
    """The data-protection officer, about what anybody read (UU PDP 27/2022, articles 53 and 54)."""


FOR_A_PURPOSE = Rule.OFFICIAL | Rule.AGENCY_SYSTEM | Rule.PARTNER
"""Who reads for a purpose and a case, and as far as people let them."""


class Classification(Enum):
    """How sensitive data is (UU PDP 27/2022, article 4)."""

    PUBLIC = "PUBLIC", None
    """No personal data."""
    PERSONAL = "PERSONAL", None
    """General personal data."""
    HEALTH = "SPECIFIC", "HEALTH"
    CHILD = "SPECIFIC", "CHILD"
    FINANCE = "SPECIFIC", "FINANCE"

    @property
    def level(self) -> str:
        """PUBLIC, PERSONAL or SPECIFIC."""
        level: str = self.value[0]
        return level

    @property
    def kind(self) -> str | None:
        """The kind of specific data, where it is specific (article 4, paragraph 2)."""
        kind: str | None = self.value[1]
        return kind

    @property
    def label(self) -> str:
        """Level and kind in one word: `PERSONAL`, `SPECIFIC:HEALTH`."""
        return self.level if self.kind is None else f"{self.level}:{self.kind}"

    @property
    def bar(self) -> Assurance:
        """How surely a person has to be identified to read it."""
        return Assurance.SUBSTANTIAL if self.level == "SPECIFIC" else Assurance.NONE


@dataclass(frozen=True, slots=True)
class Access:
    """Who may see a field, and what that takes."""

    rule: Rule
    classification: Classification = Classification.PERSONAL
    purposes: frozenset[Purpose] = frozenset()
    """For which purposes officials, systems and partners may read it; empty where each that they may state will do."""
    scope: Scope | None = None
    """What a partner must have been granted."""
    needs_case: bool = False
    """Whether those who oversee may read it for a case alone."""
    finds_cases: bool = False
    """Whether readers find the cases they work on by it, so that it may be read for any case."""
    by_any_consent: bool = False
    """Whether a partner needs a consent of the person and no scope: what is told about the consent itself."""
    citizen_scopes: frozenset[CitizenScope] = frozenset()
    """Scopes of which one lets an app of others read it for the person; without any, only the city's own apps may."""
    recent_sign_in: bool = False
    """Whether the person must have authenticated lately: what changes something for them."""


def access_of(given: Rule | Access) -> Access:
    """A rule alone means general personal data; a public one, no personal data."""
    if isinstance(given, Access):
        return given
    return Access(given, Classification.PUBLIC if given is Rule.PUBLIC else Classification.PERSONAL)


class Refusal(Enum):
    """Why a caller may not see a field. The name is the class of the reason, as callers get it."""

    SIGN_IN = "This field is not public. Sign in and send the token as 'Authorization: Bearer ...'."
    NOT_YOURS = (
        "This field is about another person. You may read it about yourself, and where it says so about a child of"
        " yours, if you are surely identified."
    )
    ASSURANCE_TOO_LOW = (
        "This field is specific personal data. Sign in with assurance 'substantial' or 'high' ('acr') to read it."
    )
    NOT_FOR_CITIZENS = "This field is not for citizens. Ask for 'me' instead."
    NOT_FOR_OFFICIALS = "This field is for citizens about themselves. Officials ask for citizen(nik:) instead."
    NOT_FOR_SYSTEMS = "This field is for people. Systems of agencies ask for citizen(nik:) instead."
    NOT_FOR_PARTNERS = "This field is not for partners, whatever a person consents to."
    NOT_FOR_BUSINESSES = "This field is not for businesses."
    NOT_FOR_YOUR_ROLE = "Your role reads no personal data through the graph."
    NOT_YOUR_AGENCY = "These are reads of another agency. Supervisors see what readers of their own agency read."
    NOT_YOUR_BUSINESS = "This field is about another business. You may only read it about your own."
    PURPOSE_REQUIRED = "Personal data is read for a purpose. Say yours with the request or in the token."
    CASE_REQUIRED = "Personal data is read for a case. Say its number with the request or in the token."
    CASE_NOT_OPEN = (
        "Your case is not open, or is not about this person. For SUBJECT_REQUEST the case is the number of an open data"
        " request of the person you read about; for other purposes, a case in your agency's register."
    )
    PURPOSE_NOT_ALLOWED = "Your agency or role may not state this purpose. Ask the hub's operators which it may."
    PURPOSE_DOES_NOT_COVER = "This field may not be read for the purpose you state. The schema says for which it may."
    SCOPE_REQUIRED = "Your token does not hold the scope that this field needs. The schema says which."
    FIRST_PARTY_ONLY = "Only the city's own apps may read or change this for a person. Send the person there."
    REAUTHENTICATION_REQUIRED = (
        "This requires a recent sign-in. Have the person authenticate again at the issuer ('max_age' or 'prompt=login')"
        " and send the new token, whose 'auth_time' holds the time."
    )
    RESTRICTED = "The person restricted what is done with their data, and your purpose is no exception."
    PERSON_UNKNOWN = (
        "Nobody knows whom this is about, and so whether that person restricted what is done with their data. Read it"
        " at the citizen."
    )
    CONSENT_REQUIRED = "The person has not consented to your reading this field. Ask for consent first."


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a caller may see a field; with the reason where not, and by which rule where they may."""

    refusal: Refusal | None = None
    by: Rule | None = None
    """The rule that let the caller pass: the ground on which the data was read."""

    @property
    def allowed(self) -> bool:
        """True where nothing speaks against it."""
        return self.refusal is None


_NOBODY: frozenset[Nik] = frozenset()
NOTHING_SAID = Wishes()
"""Nobody consented to anything, and nobody restricted anything."""
WILLING = Wishes()
"""Everybody consented to everything: in place of wishes that nobody asked for yet. Compared by identity alone."""
UNKNOWN = Wishes()
"""What somebody said of whom nobody knows who they are. Compared by identity alone."""
_BY = {rule: Decision(by=rule) for rule in Rule}
_REFUSED = {refusal: Decision(refusal) for refusal in Refusal}
_PURPOSES = dict(Purpose.__members__)
_FOR_CITIZENS = Rule.SELF | Rule.GUARDIAN | Rule.ASSISTANT
_OVERSEERS = {
    CallerKind.SUPERVISOR: Rule.SUPERVISOR,
    CallerKind.AUDITOR: Rule.AUDITOR,
    CallerKind.PROTECTION_OFFICER: Rule.PROTECTION_OFFICER,
}
_FOR_A_PURPOSE = {
    CallerKind.OFFICIAL: (Rule.OFFICIAL, Refusal.NOT_FOR_OFFICIALS),
    CallerKind.AGENCY_SYSTEM: (Rule.AGENCY_SYSTEM, Refusal.NOT_FOR_SYSTEMS),
}


def decide(
    access: Access,
    caller: Caller,
    subjects: Collection[Nik],
    *,
    policy: Policy = DEFAULT_POLICY,
    wards: Collection[Nik] = _NOBODY,
    nib: str | None = None,
    wishes: Wishes = NOTHING_SAID,
    of_child: bool = False,
    agency: str | None = None,
    now: float | None = None,
) -> Decision:
    """Decide from the rule, the caller and the people, the business, or the readers' agency, the data is about.

    `wards` are the children whose guardian the caller is known to be, `wishes` what the people said about the use of
    their data; `of_child` says that one of them is a child. `now` is in seconds since 1970; without it no
    sign-in is recent. Pure: the same in, the same out.
    """
    if Rule.PUBLIC in access.rule:
        return _BY[Rule.PUBLIC]
    kind = caller.kind
    if kind is CallerKind.CITIZEN:
        decision = _citizen(access, caller, subjects, wards)
        is_late = access.recent_sign_in and decision.allowed and not _signed_in_recently(caller, policy, now)
        return _REFUSED[Refusal.REAUTHENTICATION_REQUIRED] if is_late else decision
    if kind is CallerKind.PARTNER:
        return _REFUSED[Refusal.NOT_FOR_PARTNERS] if of_child else _partner(access, caller, subjects, policy, wishes)
    if kind is CallerKind.BUSINESS or kind in _OVERSEERS:
        return _business(access, caller, nib) if kind is CallerKind.BUSINESS else _overseer(access, caller, agency)
    if kind in _FOR_A_PURPOSE:
        decision = _for_a_purpose(access, caller, policy, wishes)
        differs = of_child and decision.allowed and child_differs(access, caller)
        return _REFUSED[Refusal.PURPOSE_DOES_NOT_COVER] if differs else decision
    return _REFUSED[Refusal.SIGN_IN if kind is CallerKind.ANONYMOUS else Refusal.NOT_FOR_YOUR_ROLE]


def may_be_guardian(access: Access, caller: Caller) -> bool:
    """Whether it is worth asking whose guardian the caller is. Children's data is specific: it takes the same bar."""
    return (
        Rule.GUARDIAN in access.rule
        and caller.kind is CallerKind.CITIZEN
        and caller.capacity is Capacity.SELF
        and caller.first_party
        and caller.assurance >= Classification.CHILD.bar
    )


def child_differs(access: Access, caller: Caller) -> bool:
    """Whether the caller may see less of a child than of others: children's data is specific, whatever it is.

    Partners see nothing of children, who cannot consent (UU PDP 27/2022, article 25). Who states a purpose sees what
    names its purposes for one of them, as of anybody; and what names none, for those of children only.
    """
    if caller.kind is CallerKind.PARTNER:
        return True
    stated = _PURPOSES.get(caller.purpose or "")
    return caller.kind in _FOR_A_PURPOSE and not access.purposes and stated not in FOR_CHILDREN


def heeds_wishes(caller: Caller) -> bool:
    """Whether the decision about this caller takes what people said: it does for all who state a purpose."""
    return caller.kind in _FOR_A_PURPOSE or caller.kind is CallerKind.PARTNER


def never(
    access: Access, caller: Caller, *, policy: Policy = DEFAULT_POLICY, now: float | None = None
) -> Refusal | None:
    """Why the caller may see the field of no record at all; None where there may be one."""
    if may_be_guardian(access, caller):
        return None
    own = person_of(caller)
    subjects = () if own is None else (own,)
    if caller.kind is CallerKind.PARTNER:
        subjects = (Nik("somebody who consents"),)
    return decide(
        access, caller, subjects, policy=policy, nib=caller.nib, agency=caller.agency, wishes=WILLING, now=now
    ).refusal


def person_of(caller: Caller) -> Nik | None:
    """Whom a citizen asks for: themself, or the person they assist."""
    return caller.nik if caller.on_behalf_of is None else caller.on_behalf_of


def _citizen(access: Access, caller: Caller, subjects: Collection[Nik], wards: Collection[Nik]) -> Decision:
    own = Rule.SELF if caller.capacity is Capacity.SELF else Rule.ASSISTANT
    if not caller.first_party and access.rule & _FOR_CITIZENS:
        if own is not Rule.SELF or own not in access.rule or not access.citizen_scopes:
            return _REFUSED[Refusal.FIRST_PARTY_ONLY]
        if not caller.may_use(access.citizen_scopes):
            return _REFUSED[Refusal.SCOPE_REQUIRED]
    if own in access.rule and person_of(caller) in subjects:
        if caller.assurance < access.classification.bar:
            return _REFUSED[Refusal.ASSURANCE_TOO_LOW]
        return _BY[own]
    if may_be_guardian(access, caller) and any(each in wards for each in subjects):
        return _BY[Rule.GUARDIAN]
    return _REFUSED[Refusal.NOT_YOURS if access.rule & _FOR_CITIZENS else Refusal.NOT_FOR_CITIZENS]


def _signed_in_recently(caller: Caller, policy: Policy, now: float | None) -> bool:
    return now is not None and authenticated_within(caller.authenticated_at, policy.recent_sign_in, now=now)


def _for_a_purpose(access: Access, caller: Caller, policy: Policy, wishes: Wishes) -> Decision:
    rule, otherwise = _FOR_A_PURPOSE[caller.kind]
    if rule not in access.rule:
        return _REFUSED[otherwise]
    refusal = _purpose(access, caller, policy, wishes)
    return _BY[rule] if refusal is None else _REFUSED[refusal]


def _purpose(access: Access, caller: Caller, policy: Policy, wishes: Wishes) -> Refusal | None:
    if not caller.purpose:
        return Refusal.PURPOSE_REQUIRED
    if not caller.case:
        return Refusal.CASE_REQUIRED
    purpose = _PURPOSES.get(caller.purpose)
    if purpose not in policy.allowed(caller):
        return Refusal.PURPOSE_NOT_ALLOWED
    if access.purposes and purpose not in access.purposes:
        return Refusal.PURPOSE_DOES_NOT_COVER
    if wishes is not WILLING and not access.finds_cases and (refusal := _outside_case(purpose, wishes)) is not None:
        return refusal
    return None if purpose in policy.unrestrictable else _restricted(purpose, wishes)


def _outside_case(purpose: Purpose | None, wishes: Wishes) -> Refusal | None:
    """Why the caller's case does not cover these people; None where it does, or where no register holds it.

    Of a record about several people, such as a family card, one of them is enough: it is a record of that person, too.
    The hub itself holds data requests, so a purpose of answering them always needs one.
    """
    if wishes.in_case:
        return None
    if wishes.in_case is None and purpose is not Purpose.SUBJECT_REQUEST:
        return None
    return Refusal.PERSON_UNKNOWN if wishes is UNKNOWN else Refusal.CASE_NOT_OPEN


def _restricted(purpose: Purpose | None, wishes: Wishes) -> Refusal | None:
    if wishes is UNKNOWN:
        return Refusal.PERSON_UNKNOWN
    restricts = any(not each.purposes or purpose in each.purposes for each in wishes.restrictions)
    return Refusal.RESTRICTED if restricts else None


def _partner(access: Access, caller: Caller, subjects: Collection[Nik], policy: Policy, wishes: Wishes) -> Decision:
    if Rule.PARTNER not in access.rule or (access.scope is None and not access.by_any_consent):
        return _REFUSED[Refusal.NOT_FOR_PARTNERS]
    refusal = _purpose(access, caller, policy, wishes)
    if refusal is None and access.scope is not None and access.scope.value not in caller.scopes:
        refusal = Refusal.SCOPE_REQUIRED
    if refusal is None and not _consented(caller, subjects, access.scope, wishes):
        refusal = Refusal.CONSENT_REQUIRED
    return _BY[Rule.PARTNER] if refusal is None else _REFUSED[refusal]


def _consented(caller: Caller, subjects: Collection[Nik], scope: Scope | None, wishes: Wishes) -> bool:
    """Whether each person the data is about lets this client read it, for the purpose that it states.

    Without a scope, whatever they let it read.
    """
    if wishes is WILLING:
        return bool(subjects)
    granted = {
        each.subject
        for each in wishes.consents
        if each.client == caller.client
        and (scope is None or scope in each.scopes)
        and each.purpose.name == caller.purpose
    }
    return bool(subjects) and granted.issuperset(subjects)


def _business(access: Access, caller: Caller, nib: str | None) -> Decision:
    if Rule.BUSINESS not in access.rule:
        return _REFUSED[Refusal.NOT_FOR_BUSINESSES]
    return _BY[Rule.BUSINESS] if nib == caller.nib else _REFUSED[Refusal.NOT_YOUR_BUSINESS]


def _overseer(access: Access, caller: Caller, agency: str | None) -> Decision:
    rule = _OVERSEERS[caller.kind]
    if rule not in access.rule:
        return _REFUSED[Refusal.NOT_FOR_YOUR_ROLE]
    if rule is Rule.SUPERVISOR and agency != caller.agency:
        return _REFUSED[Refusal.NOT_YOUR_AGENCY]
    if access.needs_case and not caller.case:
        return _REFUSED[Refusal.CASE_REQUIRED]
    return _BY[rule]
