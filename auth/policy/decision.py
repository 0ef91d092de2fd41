"""The pure decision whether one caller may see a field about one subject.

It takes no more than what it is given: it asks nobody.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from auth.authentication_time import is_authentication_recent
from auth.caller import Caller, CallerKind, Representation
from auth.policy.access_policy import DEFAULT_POLICY, AccessPolicy
from auth.policy.children import CHILD_PURPOSES
from auth.policy.rules import Access, Classification, DenialReason, Rule
from records.hub.data_preferences import DataPreferences
from records.identifiers import Nik
from records.purposes import Purpose, Scope


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a caller may see a field; with the reason where not, and by which rule where they may."""

    denial_reason: DenialReason | None = None
    by: Rule | None = None
    """The rule that let the caller pass: the ground on which the data was read."""

    @property
    def is_allowed(self) -> bool:
        """True where nothing speaks against it."""
        return self.denial_reason is None


_NO_PEOPLE: frozenset[Nik] = frozenset()
NO_PREFERENCES = DataPreferences()
"""Nobody consented to anything, and nobody restricted anything."""
PREFERENCES_NOT_LOADED = DataPreferences()
"""Everybody consented to everything: in place of wishes that nobody asked for yet. Compared by identity alone."""
UNKNOWN_PERSON_PREFERENCES = DataPreferences()
"""What somebody said of whom nobody knows who they are. Compared by identity alone."""
_ALLOWED_BY = {rule: Decision(by=rule) for rule in Rule}
_DENIED = {refusal: Decision(refusal) for refusal in DenialReason}
_PURPOSES = dict(Purpose.__members__)
_CITIZEN_RULES = Rule.SELF | Rule.GUARDIAN | Rule.ASSISTANT
_RULE_BY_OVERSEER = {
    CallerKind.SUPERVISOR: Rule.SUPERVISOR,
    CallerKind.AUDITOR: Rule.AUDITOR,
    CallerKind.PROTECTION_OFFICER: Rule.PROTECTION_OFFICER,
}
_PURPOSE_RULE_BY_KIND = {
    CallerKind.OFFICIAL: (Rule.OFFICIAL, DenialReason.NOT_FOR_OFFICIALS),
    CallerKind.AGENCY_SYSTEM: (Rule.AGENCY_SYSTEM, DenialReason.NOT_FOR_SYSTEMS),
}


def decide(
    access: Access,
    caller: Caller,
    subjects: Collection[Nik],
    *,
    policy: AccessPolicy = DEFAULT_POLICY,
    children: Collection[Nik] = _NO_PEOPLE,
    nib: str | None = None,
    preferences: DataPreferences = NO_PREFERENCES,
    concerns_child: bool = False,
    agency: str | None = None,
    now: float | None = None,
) -> Decision:
    """Decide from the rule, the caller and the people, the business, or the readers' agency, the data is about.

    `children` are the children whose guardian the caller is known to be, `preferences` what the people said about the
    use of their data; `concerns_child` says that one of them is a child. `now` is in seconds since 1970; without it no
    sign-in is recent. Pure: the same in, the same out.
    """
    if Rule.PUBLIC in access.rule:
        return _ALLOWED_BY[Rule.PUBLIC]
    kind = caller.kind
    if kind is CallerKind.CITIZEN:
        decision = _decide_citizen(access, caller, subjects, children)
        is_late = (
            access.requires_recent_sign_in and decision.is_allowed and not _has_recent_sign_in(caller, policy, now)
        )
        return _DENIED[DenialReason.REAUTHENTICATION_REQUIRED] if is_late else decision
    if kind is CallerKind.PARTNER:
        return (
            _DENIED[DenialReason.NOT_FOR_PARTNERS]
            if concerns_child
            else _decide_partner(access, caller, subjects, policy, preferences)
        )
    if kind is CallerKind.BUSINESS or kind in _RULE_BY_OVERSEER:
        return (
            _decide_business(access, caller, nib)
            if kind is CallerKind.BUSINESS
            else _decide_overseer(access, caller, agency)
        )
    if kind in _PURPOSE_RULE_BY_KIND:
        decision = _decide_by_purpose(access, caller, policy, preferences)
        differs = concerns_child and decision.is_allowed and restricts_child_data(access, caller)
        return _DENIED[DenialReason.PURPOSE_DOES_NOT_COVER] if differs else decision
    return _DENIED[DenialReason.SIGN_IN if kind is CallerKind.ANONYMOUS else DenialReason.NOT_FOR_YOUR_ROLE]


def can_be_guardian(access: Access, caller: Caller) -> bool:
    """Whether it is worth asking whose guardian the caller is. Children's data is specific: it takes the same bar."""
    return (
        Rule.GUARDIAN in access.rule
        and caller.kind is CallerKind.CITIZEN
        and caller.representation is Representation.SELF
        and caller.first_party
        and caller.assurance >= Classification.CHILD.required_assurance
    )


def restricts_child_data(access: Access, caller: Caller) -> bool:
    """Whether the caller may see less of a child than of others: children's data is specific, whatever it is.

    Partners see nothing of children, who cannot consent (UU PDP 27/2022, article 25). Who states a purpose sees what
    names its purposes for one of them, as of anybody; and what names none, for those of children only.
    """
    if caller.kind is CallerKind.PARTNER:
        return True
    stated = _PURPOSES.get(caller.purpose or "")
    return caller.kind in _PURPOSE_RULE_BY_KIND and not access.purposes and stated not in CHILD_PURPOSES


def obeys_preferences(caller: Caller) -> bool:
    """Whether the decision about this caller takes what people said: it does for all who state a purpose."""
    return caller.kind in _PURPOSE_RULE_BY_KIND or caller.kind is CallerKind.PARTNER


def find_blanket_refusal(
    access: Access, caller: Caller, *, policy: AccessPolicy = DEFAULT_POLICY, now: float | None = None
) -> DenialReason | None:
    """Why the caller may see the field of no record at all; None where there may be one."""
    if can_be_guardian(access, caller):
        return None
    own = get_represented_person(caller)
    subjects = () if own is None else (own,)
    if caller.kind is CallerKind.PARTNER:
        subjects = (Nik("somebody who consents"),)
    return decide(
        access,
        caller,
        subjects,
        policy=policy,
        nib=caller.nib,
        agency=caller.agency,
        preferences=PREFERENCES_NOT_LOADED,
        now=now,
    ).denial_reason


def get_represented_person(caller: Caller) -> Nik | None:
    """Whom a citizen asks for: themself, or the person they assist."""
    return caller.nik if caller.on_behalf_of is None else caller.on_behalf_of


def _decide_citizen(access: Access, caller: Caller, subjects: Collection[Nik], children: Collection[Nik]) -> Decision:
    own = Rule.SELF if caller.representation is Representation.SELF else Rule.ASSISTANT
    if not caller.first_party and access.rule & _CITIZEN_RULES:
        if own is not Rule.SELF or own not in access.rule or not access.citizen_scopes:
            return _DENIED[DenialReason.FIRST_PARTY_ONLY]
        if not caller.has_citizen_scope(access.citizen_scopes):
            return _DENIED[DenialReason.SCOPE_REQUIRED]
    if own in access.rule and get_represented_person(caller) in subjects:
        if caller.assurance < access.classification.required_assurance:
            return _DENIED[DenialReason.ASSURANCE_TOO_LOW]
        return _ALLOWED_BY[own]
    if can_be_guardian(access, caller) and any(each in children for each in subjects):
        return _ALLOWED_BY[Rule.GUARDIAN]
    return _DENIED[DenialReason.NOT_YOURS if access.rule & _CITIZEN_RULES else DenialReason.NOT_FOR_CITIZENS]


def _has_recent_sign_in(caller: Caller, policy: AccessPolicy, now: float | None) -> bool:
    return now is not None and is_authentication_recent(caller.authenticated_at, policy.recent_sign_in_seconds, now=now)


def _decide_by_purpose(access: Access, caller: Caller, policy: AccessPolicy, preferences: DataPreferences) -> Decision:
    rule, denial = _PURPOSE_RULE_BY_KIND[caller.kind]
    if rule not in access.rule:
        return _DENIED[denial]
    refusal = _check_purpose(access, caller, policy, preferences)
    return _ALLOWED_BY[rule] if refusal is None else _DENIED[refusal]


def _check_purpose(
    access: Access, caller: Caller, policy: AccessPolicy, preferences: DataPreferences
) -> DenialReason | None:
    if not caller.purpose:
        return DenialReason.PURPOSE_REQUIRED
    if not caller.case:
        return DenialReason.CASE_REQUIRED
    purpose = _PURPOSES.get(caller.purpose)
    if purpose not in policy.get_allowed_purposes(caller):
        return DenialReason.PURPOSE_NOT_ALLOWED
    if access.purposes and purpose not in access.purposes:
        return DenialReason.PURPOSE_DOES_NOT_COVER
    if (
        preferences is not PREFERENCES_NOT_LOADED
        and not access.allows_any_case
        and (refusal := _check_case(purpose, preferences)) is not None
    ):
        return refusal
    return None if purpose in policy.unrestrictable else _check_restrictions(purpose, preferences)


def _check_case(purpose: Purpose | None, preferences: DataPreferences) -> DenialReason | None:
    """Why the caller's case does not cover these people; None where it does, or where no register holds it.

    Of a record about several people, such as a family card, one of them is enough: it is a record of that person, too.
    The hub itself holds data requests, so a purpose of answering them always needs one.
    """
    if preferences.people_in_case:
        return None
    if preferences.people_in_case is None and purpose is not Purpose.SUBJECT_REQUEST:
        return None
    return DenialReason.PERSON_UNKNOWN if preferences is UNKNOWN_PERSON_PREFERENCES else DenialReason.CASE_NOT_OPEN


def _check_restrictions(purpose: Purpose | None, preferences: DataPreferences) -> DenialReason | None:
    if preferences is UNKNOWN_PERSON_PREFERENCES:
        return DenialReason.PERSON_UNKNOWN
    restricts = any(not each.purposes or purpose in each.purposes for each in preferences.restrictions)
    return DenialReason.RESTRICTED if restricts else None


def _decide_partner(
    access: Access, caller: Caller, subjects: Collection[Nik], policy: AccessPolicy, preferences: DataPreferences
) -> Decision:
    if Rule.PARTNER not in access.rule or (access.scope is None and not access.allows_any_consent):
        return _DENIED[DenialReason.NOT_FOR_PARTNERS]
    refusal = _check_purpose(access, caller, policy, preferences)
    if refusal is None and access.scope is not None and access.scope.value not in caller.scopes:
        refusal = DenialReason.SCOPE_REQUIRED
    if refusal is None and not _has_consent(caller, subjects, access.scope, preferences):
        refusal = DenialReason.CONSENT_REQUIRED
    return _ALLOWED_BY[Rule.PARTNER] if refusal is None else _DENIED[refusal]


def _has_consent(caller: Caller, subjects: Collection[Nik], scope: Scope | None, preferences: DataPreferences) -> bool:
    """Whether each person the data is about lets this client read it, for the purpose that it states.

    Without a scope, whatever they let it read.
    """
    if preferences is PREFERENCES_NOT_LOADED:
        return bool(subjects)
    granted = {
        each.subject
        for each in preferences.consents
        if each.client == caller.client
        and (scope is None or scope in each.scopes)
        and each.purpose.name == caller.purpose
    }
    return bool(subjects) and granted.issuperset(subjects)


def _decide_business(access: Access, caller: Caller, nib: str | None) -> Decision:
    if Rule.BUSINESS not in access.rule:
        return _DENIED[DenialReason.NOT_FOR_BUSINESSES]
    return _ALLOWED_BY[Rule.BUSINESS] if nib == caller.nib else _DENIED[DenialReason.NOT_YOUR_BUSINESS]


def _decide_overseer(access: Access, caller: Caller, agency: str | None) -> Decision:
    rule = _RULE_BY_OVERSEER[caller.kind]
    if rule not in access.rule:
        return _DENIED[DenialReason.NOT_FOR_YOUR_ROLE]
    if rule is Rule.SUPERVISOR and agency != caller.agency:
        return _DENIED[DenialReason.NOT_YOUR_AGENCY]
    if access.requires_case and not caller.case:
        return _DENIED[DenialReason.CASE_REQUIRED]
    return _ALLOWED_BY[rule]
