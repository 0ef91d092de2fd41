"""Decides whether a caller may see a field, or which fact has to be loaded first.

`decide` is pure and loads nothing. If the outcome depends on a fact that is not loaded, it returns `NeedsFact`, and its
caller calls it again with the fact. A fact never turns a denial into a permission. So a denial needs no fact, and no
agency is called for a caller who is denied anyway.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from auth.caller import Caller, CallerKind, Representation, is_authentication_recent
from auth.policy.access_policy import AccessPolicy
from auth.policy.children import CHILD_PURPOSES
from auth.policy.facts import (
    Fact,
    Facts,
    KnownPreferences,
    NoRecordYet,
    NotLoaded,
    Preferences,
    UnknownPerson,
)
from auth.policy.rules import PURPOSE_RULES, Access, Classification, DenialReason, Rule
from records.hub.data_preferences import DataPreferences
from records.identifiers import Nik
from records.purposes import Purpose, Scope


@dataclass(frozen=True, slots=True)
class Allowed:
    """The caller may see the field."""

    by: Rule
    """The rule that allows it, which determines the legal basis of the read."""


@dataclass(frozen=True, slots=True)
class Denied:
    """The caller may not see the field."""

    reason: DenialReason


@dataclass(frozen=True, slots=True)
class NeedsFact:
    """The decision depends on a fact that is not loaded."""

    fact: Fact


Decision: TypeAlias = Allowed | Denied | NeedsFact


_ALLOWED_BY = {rule: Allowed(rule) for rule in Rule}
_ALLOWED_AS_SELF = _ALLOWED_BY[Rule.SELF]
_ALLOWED_AS_ASSISTANT = _ALLOWED_BY[Rule.ASSISTANT]
_ALLOWED_AS_GUARDIAN = _ALLOWED_BY[Rule.GUARDIAN]
_DENIED = {reason: Denied(reason) for reason in DenialReason}
_NEEDS_SUBJECTS = NeedsFact(Fact.SUBJECTS)
_NEEDS_FAMILY_CARD = NeedsFact(Fact.FAMILY_CARD)
_NEEDS_PREFERENCES = NeedsFact(Fact.PREFERENCES)
_NO_PREFERENCES = KnownPreferences(DataPreferences())
_PURPOSES = dict(Purpose.__members__)
_GUARDIAN_ASSURANCE = Classification.CHILD.required_assurance
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


def decide(access: Access, caller: Caller, facts: Facts) -> Decision:
    """Decide whether the caller may see a field with this access rule in a record with these facts."""
    if access.is_public:
        return _ALLOWED_BY[Rule.PUBLIC]
    kind = caller.kind
    decide_for_kind = _DECIDE_BY_KIND.get(kind)
    if decide_for_kind is not None:
        return decide_for_kind(access, caller, facts)
    return _DENIED[DenialReason.SIGN_IN if kind is CallerKind.ANONYMOUS else DenialReason.NOT_FOR_YOUR_ROLE]


def find_possible_facts(access: Access) -> tuple[Fact, ...]:
    """The facts that decisions about known people can need, for any caller. They add to the cost of a field."""
    if access.is_public:
        return ()
    return (
        *((Fact.FAMILY_CARD,) if Rule.GUARDIAN in access.rules else ()),
        *((Fact.PREFERENCES,) if access.rules & PURPOSE_RULES else ()),
    )


def get_represented_person(caller: Caller) -> Nik | None:
    """The person that a citizen acts for: the citizen, or the person they assist. None for other callers."""
    return caller.nik if caller.on_behalf_of is None else caller.on_behalf_of


def _decide_citizen(access: Access, caller: Caller, facts: Facts) -> Decision:
    own_rule = Rule.SELF if caller.representation is Representation.SELF else Rule.ASSISTANT
    is_plain = caller.first_party and own_rule is Rule.SELF
    if not is_plain and (refusal := _check_scopes(access, caller, own_rule)) is not None:
        return _DENIED[refusal]
    subjects = facts.subjects
    before_any_record = isinstance(subjects, NoRecordYet)
    people = subjects if isinstance(subjects, tuple) else ()
    if before_any_record and _can_be_guardian(access, caller):
        decision = _check_assurance_and_recency(access, caller, facts, _ALLOWED_AS_GUARDIAN)
        return decision if isinstance(decision, Denied) else _NEEDS_SUBJECTS
    if (before_any_record or get_represented_person(caller) in people) and own_rule in access.rules:
        decision = _check_assurance_and_recency(
            access, caller, facts, _ALLOWED_AS_SELF if own_rule is Rule.SELF else _ALLOWED_AS_ASSISTANT
        )
        # The next record may be about another person: so a permission for one's own records is not one for all.
        return _NEEDS_SUBJECTS if before_any_record and isinstance(decision, Allowed) else decision
    if people and _can_be_guardian(access, caller):
        if isinstance(facts.children, NotLoaded):
            return _NEEDS_FAMILY_CARD
        if any(each in facts.children for each in people):
            return _check_assurance_and_recency(access, caller, facts, _ALLOWED_AS_GUARDIAN)
    return _DENIED[DenialReason.NOT_YOURS if access.rules & _CITIZEN_RULES else DenialReason.NOT_FOR_CITIZENS]


def _check_scopes(access: Access, caller: Caller, own_rule: Rule) -> DenialReason | None:
    """Check a third-party app, or an assistant in an app of the city.

    A third-party app may read only the citizen's own data, and only what one of its scopes opens. The delegation of an
    assistant covers what its scopes open; without scopes, it is a whole one.
    """
    if not access.rules & _CITIZEN_RULES:
        return None
    if caller.first_party:
        limits, opening = caller.delegation_limits, access.citizen_scopes | access.delegation_scopes
        is_covered = not limits or own_rule not in access.rules or any(each.value in limits for each in opening)
        return None if is_covered else DenialReason.SCOPE_REQUIRED
    if own_rule is not Rule.SELF or own_rule not in access.rules or not access.citizen_scopes:
        return DenialReason.FIRST_PARTY_ONLY
    return None if caller.has_citizen_scope(access.citizen_scopes) else DenialReason.SCOPE_REQUIRED


def _can_be_guardian(access: Access, caller: Caller) -> bool:
    """Whether the family card can affect the decision.

    Data about a child is specific personal data (UU PDP 27/2022, article 4), so it needs the same assurance.
    """
    return (
        caller.first_party
        and Rule.GUARDIAN in access.rules
        and caller.representation is Representation.SELF
        and caller.assurance >= _GUARDIAN_ASSURANCE
    )


def _check_assurance_and_recency(access: Access, caller: Caller, facts: Facts, allowed: Allowed) -> Decision:
    """Allow it if the person's assurance and the time of their sign-in meet the requirements."""
    if caller.assurance < access.classification.required_assurance:
        return _DENIED[DenialReason.ASSURANCE_TOO_LOW]
    max_age = facts.policy.recent_sign_in_seconds
    is_sign_in_too_old = access.requires_recent_sign_in and (
        facts.now is None or not is_authentication_recent(caller.authenticated_at, max_age, now=facts.now)
    )
    return _DENIED[DenialReason.REAUTHENTICATION_REQUIRED] if is_sign_in_too_old else allowed


def _decide_by_purpose(access: Access, caller: Caller, facts: Facts) -> Decision:
    """Decide for officials and systems of agencies."""
    rule, denial = _PURPOSE_RULE_BY_KIND[caller.kind]
    if rule not in access.rules:
        return _DENIED[denial]
    refusal = _check_purpose(access, caller, facts.policy)
    if refusal is not None:
        return _DENIED[refusal]
    if facts.concerns_child and not _covers_children(access, caller, facts):
        return _DENIED[DenialReason.PURPOSE_DOES_NOT_COVER]
    if isinstance(facts.subjects, NoRecordYet):
        return _NEEDS_SUBJECTS
    preferences = _get_preferences(facts)
    if isinstance(preferences, NotLoaded):
        return _NEEDS_PREFERENCES
    refusal = _check_preferences(access, caller, facts.policy, preferences)
    return _ALLOWED_BY[rule] if refusal is None else _DENIED[refusal]


def _covers_children(access: Access, caller: Caller, facts: Facts) -> bool:
    """Whether the stated purpose covers children. All data about a child is specific personal data.

    A field that declares its purposes covers children as well.
    """
    return (
        bool(access.purposes)
        or facts.skips_child_purpose_check
        or _PURPOSES.get(caller.purpose or "") in CHILD_PURPOSES
    )


def _decide_partner(access: Access, caller: Caller, facts: Facts) -> Decision:
    if Rule.PARTNER not in access.rules:
        return _DENIED[DenialReason.NOT_FOR_PARTNERS]
    if access.scope is None and not access.allows_any_consent:
        return _DENIED[DenialReason.NOT_FOR_PARTNERS]
    refusal = _check_purpose(access, caller, facts.policy)
    if refusal is None and access.scope is not None and access.scope.value not in caller.scopes:
        refusal = DenialReason.SCOPE_REQUIRED
    if refusal is not None:
        return _DENIED[refusal]
    if isinstance(facts.subjects, NoRecordYet):
        return _NEEDS_SUBJECTS
    preferences = _get_preferences(facts)
    if isinstance(preferences, NotLoaded):
        return _NEEDS_PREFERENCES
    refusal = _check_preferences(access, caller, facts.policy, preferences)
    if refusal is None and not _has_consent(caller, facts, access.scope, preferences):
        of_child = facts.concerns_child
        refusal = DenialReason.GUARDIAN_CONSENT_REQUIRED if of_child else DenialReason.CONSENT_REQUIRED
    return _ALLOWED_BY[Rule.PARTNER] if refusal is None else _DENIED[refusal]


def _get_preferences(facts: Facts) -> Preferences:
    """The people's preferences, if they are known without loading."""
    if isinstance(facts.subjects, UnknownPerson):
        return facts.subjects
    if not facts.subjects and isinstance(facts.preferences, NotLoaded):
        return _NO_PREFERENCES  # a record about no person has no preferences
    return facts.preferences


def _check_purpose(access: Access, caller: Caller, policy: AccessPolicy) -> DenialReason | None:
    """Check the caller's purpose and case, which do not depend on the record."""
    if not caller.purpose:
        return DenialReason.PURPOSE_REQUIRED
    if not caller.case:
        return DenialReason.CASE_REQUIRED
    purpose = _PURPOSES.get(caller.purpose)
    if purpose not in policy.get_allowed_purposes(caller):
        return DenialReason.PURPOSE_NOT_ALLOWED
    return DenialReason.PURPOSE_DOES_NOT_COVER if access.purposes and purpose not in access.purposes else None


def _check_preferences(
    access: Access, caller: Caller, policy: AccessPolicy, preferences: KnownPreferences | UnknownPerson
) -> DenialReason | None:
    """Check the caller's case and the people's restrictions."""
    purpose = _PURPOSES.get(caller.purpose or "")
    if not access.allows_any_case and (refusal := _check_case(purpose, preferences)) is not None:
        return refusal
    if purpose in policy.unrestrictable:
        return None
    if isinstance(preferences, UnknownPerson):
        return DenialReason.PERSON_UNKNOWN
    restrictions = preferences.preferences.restrictions
    is_restricted = any(not each.purposes or purpose in each.purposes for each in restrictions)
    return DenialReason.RESTRICTED if is_restricted else None


def _check_case(purpose: Purpose | None, preferences: KnownPreferences | UnknownPerson) -> DenialReason | None:
    """Check that the caller's case covers the people. Without a register of such cases, it does.

    For a record about several people, such as a family card, one of them is enough: it is that person's record, too.
    The hub itself holds data requests, so the purpose of answering them always needs a case.
    """
    is_required = purpose is Purpose.SUBJECT_REQUEST
    if isinstance(preferences, UnknownPerson):
        return DenialReason.PERSON_UNKNOWN if is_required else None
    people = preferences.preferences.people_in_case
    is_covered = bool(people) or (people is None and not is_required)
    return None if is_covered else DenialReason.CASE_NOT_OPEN


def _has_consent(caller: Caller, facts: Facts, scope: Scope | None, preferences: Preferences) -> bool:
    """Whether each person consented to this client and the stated purpose, for the scope or, without one, for any.

    For a child, a guardian must have consented (UU PDP 27/2022, article 25); who has come of age consents alone.
    """
    subjects = facts.subjects
    if not isinstance(subjects, tuple) or not isinstance(preferences, KnownPreferences):
        return False
    granted = {
        each.subject
        for each in preferences.preferences.consents
        if each.client == caller.client
        and (scope is None or scope in each.scopes)
        and each.purpose.name == caller.purpose
        and each.by_guardian == facts.concerns_child
    }
    return bool(subjects) and granted.issuperset(subjects)


def _decide_business(access: Access, caller: Caller, facts: Facts) -> Decision:
    if Rule.BUSINESS not in access.rules:
        return _DENIED[DenialReason.NOT_FOR_BUSINESSES]
    if isinstance(facts.subjects, NoRecordYet):
        return _NEEDS_SUBJECTS
    is_own = facts.business == caller.nib
    return _ALLOWED_BY[Rule.BUSINESS] if is_own else _DENIED[DenialReason.NOT_YOUR_BUSINESS]


def _decide_overseer(access: Access, caller: Caller, facts: Facts) -> Decision:
    rule = _RULE_BY_OVERSEER[caller.kind]
    if rule not in access.rules:
        return _DENIED[DenialReason.NOT_FOR_YOUR_ROLE]
    before_any_record = isinstance(facts.subjects, NoRecordYet)
    sees_own_agency_only = rule is Rule.SUPERVISOR
    if sees_own_agency_only and not before_any_record and facts.agency != caller.agency:
        return _DENIED[DenialReason.NOT_YOUR_AGENCY]
    if access.requires_case and not caller.case:
        return _DENIED[DenialReason.CASE_REQUIRED]
    return _NEEDS_SUBJECTS if before_any_record and sees_own_agency_only else _ALLOWED_BY[rule]


_DECIDE_BY_KIND = {
    CallerKind.CITIZEN: _decide_citizen,
    CallerKind.PARTNER: _decide_partner,
    CallerKind.OFFICIAL: _decide_by_purpose,
    CallerKind.AGENCY_SYSTEM: _decide_by_purpose,
    CallerKind.BUSINESS: _decide_business,
    **dict.fromkeys(_RULE_BY_OVERSEER, _decide_overseer),
}
"""Other kinds read no personal data."""
