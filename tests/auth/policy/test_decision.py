"""The decision as a full table of callers, rules and subjects, and the further requirements of fields."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial, reduce
from itertools import combinations, product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auth.caller import Assurance, Caller, CallerKind
from auth.policy.access_policy import AccessPolicy
from auth.policy.children import CHILD_PURPOSES
from auth.policy.decision import Allowed, Decision, Denied, NeedsFact, decide
from auth.policy.facts import Fact, Facts, KnownPreferences, NoRecordYet, NotLoaded, Preferences, UnknownPerson
from auth.policy.rules import Access, Classification, DenialReason, Rule, to_access
from records.hub.consents import Consent, ConsentState
from records.hub.data_preferences import DataPreferences, Restriction
from records.identifiers import Nik
from records.purposes import CitizenScope, Purpose, Scope
from tests.auth.callers import BUDI, CALLERS, CITIZEN, NIB, OFFICIAL, SITI
from tests.fakes.city import build_policy
from tests.fakes.clients import build_client

about = partial(Facts, policy=build_policy())

CHILD = Nik("3171014107120003")
ANSWERING = replace(OFFICIAL, purpose=Purpose.SUBJECT_REQUEST.name)
SUBJECTS = {"of no person": (), "of the caller": (SITI,), "of another": (BUDI,), "of a child": (CHILD,)}
"""For an assistant, `the caller` is the person they help; `a child` is the citizen's, by their family card."""
OK = None
R = DenialReason

NOT_FOR = {
    "anonymous": R.SIGN_IN,
    "citizen": R.NOT_FOR_CITIZENS,
    "assistant": R.NOT_FOR_CITIZENS,
    "business": R.NOT_FOR_BUSINESSES,
    "official": R.NOT_FOR_OFFICIALS,
    "partner": R.NOT_FOR_PARTNERS,
    "agency system": R.NOT_FOR_SYSTEMS,
} | dict.fromkeys(("supervisor", "steward", "auditor", "protection officer", "operator"), R.NOT_FOR_YOUR_ROLE)
"""The denial if the rule does not name the caller's kind."""

THEIRS: dict[Rule, dict[str, tuple[DenialReason | None, ...]]] = {
    Rule.SELF: {
        "citizen": (R.NOT_YOURS, OK, R.NOT_YOURS, R.NOT_YOURS),
        "assistant": (R.NOT_YOURS,) * 4,
    },
    Rule.GUARDIAN: {
        "citizen": (R.NOT_YOURS, R.NOT_YOURS, R.NOT_YOURS, OK),
        "assistant": (R.NOT_YOURS,) * 4,
    },
    Rule.ASSISTANT: {
        "citizen": (R.NOT_YOURS,) * 4,
        "assistant": (R.NOT_YOURS, OK, R.NOT_YOURS, R.NOT_YOURS),
    },
    Rule.OFFICIAL: {"official": (OK,) * 4},
    Rule.AGENCY_SYSTEM: {"agency system": (OK,) * 4},
    Rule.PARTNER: {"partner": (R.CONSENT_REQUIRED, OK, R.CONSENT_REQUIRED, R.CONSENT_REQUIRED)},
    Rule.BUSINESS: {"business": (OK,) * 4},
    Rule.SUPERVISOR: {"supervisor": (OK,) * 4},
    Rule.AUDITOR: {"auditor": (OK,) * 4},
    Rule.PROTECTION_OFFICER: {"protection officer": (OK,) * 4},
}
"""Rule -> caller -> denial, for data of no person, of the caller, of another, of a child. A kind that the rule does not
name is denied as in `NOT_FOR`; public data is allowed for all."""

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
CONSENT = Consent(
    subject=SITI,
    id="1",
    client=build_client("bank"),
    partner="The Bank",
    scopes=(Scope.TAX,),
    purpose=Purpose.PAYMENT,
    state=ConsentState.GRANTED,
    granted_at=NOW,
    expires_at=NOW + timedelta(days=30),
)
CONSENTED = DataPreferences(consents=(CONSENT,))


def decide_reason(rule: Rule, caller: Caller, subjects: tuple[Nik, ...]) -> Decision:
    """The decision with every fact loaded."""
    facts = about(subjects, NIB, "dukcapil", children=frozenset({CHILD}), preferences=KnownPreferences(CONSENTED))
    return decide(Access(rule, scope=Scope.TAX), caller, facts)


def find_denial(access: Access, caller: Caller, facts: Facts) -> DenialReason | None:
    """The reason of a denial; None if the caller is allowed. Every fact must be loaded."""
    decision = decide(access, caller, facts)
    assert not isinstance(decision, NeedsFact)
    return decision.reason if isinstance(decision, Denied) else None


def is_allowed(access: Access, caller: Caller, facts: Facts) -> bool:
    return find_denial(access, caller, facts) is None


def find_blanket_denial(access: Access, caller: Caller, now: float | None = None) -> DenialReason | None:
    """The reason why the caller may read no record at all; None if they may read some."""
    decision = decide(access, caller, about(NoRecordYet(), now=now))
    return decision.reason if isinstance(decision, Denied) else None


def needs_family_card(access: Access, caller: Caller) -> bool:
    return decide(access, caller, about((CHILD,))) == NeedsFact(Fact.FAMILY_CARD)


def get_expected_denial(rule: Rule, caller: str, subject: str) -> DenialReason | None:
    if rule is Rule.PUBLIC:
        return OK
    row = THEIRS[rule].get(caller)
    return NOT_FOR[caller] if row is None else row[list(SUBJECTS).index(subject)]


def test_the_table_is_complete() -> None:
    assert {*THEIRS, Rule.PUBLIC} == set(Rule)
    assert set(NOT_FOR) == set(CALLERS)
    assert {each.kind for each in CALLERS.values()} == set(CallerKind)


@pytest.mark.parametrize(
    ("rule", "caller", "subject"),
    [pytest.param(*each, id=f"{each[0]}, {each[1]}, {each[2]}") for each in product(Rule, CALLERS, SUBJECTS)],
)
def test_each_kind_of_caller_gets_the_decision_of_the_table(rule: Rule, caller: str, subject: str) -> None:
    decision = decide_reason(rule, CALLERS[caller], SUBJECTS[subject])
    reason = get_expected_denial(rule, caller, subject)
    assert decision == (Allowed(rule) if reason is None else Denied(reason))


@pytest.mark.parametrize("caller", CALLERS)
def test_combined_rules_allow_exactly_the_callers_of_each_rule(caller: str) -> None:
    for count, subject in product(range(2, len(Rule) + 1), SUBJECTS):
        for chosen in combinations(Rule, count):
            together = decide_reason(reduce(lambda one, other: one | other, chosen), CALLERS[caller], SUBJECTS[subject])
            some = any(get_expected_denial(rule, caller, subject) is OK for rule in chosen)
            assert isinstance(together, Allowed) is some
            assert not isinstance(together, Allowed) or together.by in chosen


@pytest.mark.parametrize("caller", CALLERS.values(), ids=CALLERS)
def test_an_empty_rule_allows_no_caller(caller: Caller) -> None:
    assert isinstance(decide_reason(Rule(0), caller, (SITI,)), Denied)


@settings(derandomize=True)
@given(subjects=st.lists(st.from_regex(r"[0-9]{16}", fullmatch=True)))
def test_a_citizen_reads_only_about_themself(subjects: list[Any]) -> None:
    assert is_allowed(Access(Rule.SELF), CITIZEN, about(tuple(subjects))) is (SITI in subjects)


SPECIFIC = [each for each in Classification if each.level == "SPECIFIC"]


@pytest.mark.parametrize("classification", Classification)
@pytest.mark.parametrize("assurance", Assurance)
def test_specific_data_needs_assurance_substantial(classification: Classification, assurance: Assurance) -> None:
    sure = classification not in SPECIFIC or assurance >= Assurance.SUBSTANTIAL
    for rule, name in ((Rule.SELF, "citizen"), (Rule.ASSISTANT, "assistant")):
        caller = replace(CALLERS[name], assurance=assurance)
        reason = find_denial(Access(rule, classification), caller, about((SITI,)))
        assert reason is (None if sure else DenialReason.ASSURANCE_TOO_LOW)


def test_the_kinds_of_specific_data_are_those_of_the_law() -> None:
    assert {each.kind for each in SPECIFIC} == {"HEALTH", "CHILD", "FINANCE"}
    assert {each.kind for each in Classification if each not in SPECIFIC} == {None}


@pytest.mark.parametrize("assurance", Assurance)
def test_a_guardian_needs_assurance_substantial_for_any_data_of_a_child(assurance: Assurance) -> None:
    caller = replace(CITIZEN, assurance=assurance)
    access = Access(Rule.SELF | Rule.GUARDIAN)
    sure = assurance >= Assurance.SUBSTANTIAL
    assert needs_family_card(access, caller) is sure
    decision = decide(access, caller, about((CHILD,), children={CHILD}))
    assert decision == (Allowed(Rule.GUARDIAN) if sure else Denied(R.NOT_YOURS))


@pytest.mark.parametrize("caller", [each for each in CALLERS if each != "citizen"])
def test_the_family_card_is_needed_only_for_citizens_who_act_for_themselves(caller: str) -> None:
    assert isinstance(decide(Access(Rule.GUARDIAN), CALLERS[caller], about((CHILD,))), Denied)


FOR_A_PURPOSE = {"official": Rule.OFFICIAL, "agency system": Rule.AGENCY_SYSTEM, "partner": Rule.PARTNER}
NAMED = frozenset({Purpose.SUBJECT_REQUEST, Purpose.PAYMENT, Purpose.CIVIL_REGISTRATION})


@pytest.mark.parametrize("name", FOR_A_PURPOSE)
@pytest.mark.parametrize(
    ("change", "purposes", "refusal"),
    [
        ({}, NAMED, None),
        ({"purpose": None}, NAMED, R.PURPOSE_REQUIRED),
        ({"purpose": ""}, NAMED, R.PURPOSE_REQUIRED),
        ({"case": None}, NAMED, R.CASE_REQUIRED),
        ({"case": ""}, NAMED, R.CASE_REQUIRED),
        ({"purpose": "CURIOSITY"}, NAMED, R.PURPOSE_NOT_ALLOWED),
        ({"purpose": Purpose.TAX_ASSESSMENT.name}, NAMED | {Purpose.TAX_ASSESSMENT}, R.PURPOSE_NOT_ALLOWED),
        ({}, frozenset({Purpose.HEALTHCARE}), R.PURPOSE_DOES_NOT_COVER),
        ({}, frozenset(), None),
    ],
)
def test_personal_data_needs_a_stated_and_allowed_purpose_that_covers_it(
    name: str, change: dict[str, Any], purposes: frozenset[Purpose], refusal: DenialReason | None
) -> None:
    access = Access(FOR_A_PURPOSE[name], Classification.PERSONAL, purposes, Scope.TAX)
    facts = about((SITI,), preferences=KnownPreferences(CONSENTED))
    assert find_denial(access, replace(CALLERS[name], **change), facts) is refusal


def test_a_partner_without_the_scope_is_denied_before_consent_is_needed() -> None:
    partner = replace(CALLERS["partner"], scopes=frozenset({"msmes"}))
    assert decide_reason(Rule.PARTNER, partner, (SITI,)) == Denied(DenialReason.SCOPE_REQUIRED)
    access = Access(Rule.PARTNER, scope=Scope.TAX)
    assert decide(access, partner, about((SITI,))) == Denied(DenialReason.SCOPE_REQUIRED)


def test_without_a_consent_no_partner_is_allowed() -> None:
    access = Access(Rule.PARTNER, scope=Scope.TAX)
    facts = about((SITI,), preferences=KnownPreferences(DataPreferences()))
    assert find_denial(access, CALLERS["partner"], facts) is DenialReason.CONSENT_REQUIRED


def test_data_without_a_scope_is_not_for_partners() -> None:
    assert find_denial(Access(Rule.PARTNER), CALLERS["partner"], about((SITI,))) is DenialReason.NOT_FOR_PARTNERS


@pytest.mark.parametrize("nib", [None, "", "9120009999999"])
def test_a_business_reads_only_about_itself(nib: str | None) -> None:
    reason = find_denial(Access(Rule.BUSINESS), CALLERS["business"], about((), business=nib))
    assert reason is DenialReason.NOT_YOUR_BUSINESS


OVERSEEN = Rule.SUPERVISOR | Rule.AUDITOR | Rule.PROTECTION_OFFICER


@pytest.mark.parametrize("agency", [None, "", "pbb", "DUKCAPIL"])
def test_a_supervisor_sees_reads_of_their_own_agency_and_other_overseers_see_all(agency: str | None) -> None:
    refusals = {
        name: find_denial(Access(OVERSEEN), CALLERS[name], about((), agency=agency))
        for name in ("supervisor", "auditor", "protection officer")
    }
    assert refusals == {"supervisor": DenialReason.NOT_YOUR_AGENCY, "auditor": None, "protection officer": None}


@pytest.mark.parametrize("case", [None, "", "PDP/1"])
def test_a_field_that_requires_a_case_needs_a_case(case: str | None) -> None:
    officer = replace(CALLERS["protection officer"], case=case)
    access = Access(Rule.PROTECTION_OFFICER, requires_case=True)
    expected = None if case else DenialReason.CASE_REQUIRED
    assert find_denial(access, officer, about((SITI,))) is expected
    assert find_blanket_denial(access, officer) is expected


@pytest.mark.parametrize("rule", Rule)
@pytest.mark.parametrize("caller", CALLERS)
def test_a_denial_for_every_record_is_known_before_any_record(rule: Rule, caller: str) -> None:
    hopeless = find_blanket_denial(Access(rule, scope=Scope.TAX), CALLERS[caller])
    some = any(get_expected_denial(rule, caller, subject) is OK for subject in SUBJECTS)
    assert (hopeless is None) is some


def test_specific_data_is_denied_before_any_record_without_assurance() -> None:
    caller = replace(CITIZEN, assurance=Assurance.LOW)
    assert find_blanket_denial(Access(Rule.SELF, Classification.FINANCE), caller) is DenialReason.ASSURANCE_TOO_LOW
    assert find_blanket_denial(Access(Rule.SELF), caller) is None


def test_personal_data_is_denied_before_any_record_without_a_purpose() -> None:
    assert find_blanket_denial(Access(Rule.OFFICIAL), replace(OFFICIAL, purpose=None)) is DenialReason.PURPOSE_REQUIRED


def test_a_bare_rule_means_personal_data_and_a_bare_public_rule_public_data() -> None:
    assert to_access(Rule.SELF) == Access(Rule.SELF, Classification.PERSONAL)
    assert to_access(Rule.PUBLIC) == Access(Rule.PUBLIC, Classification.PUBLIC)
    assert to_access(Access(Rule.SELF, Classification.HEALTH)) == Access(Rule.SELF, Classification.HEALTH)


APP = replace(CITIZEN, first_party=False)
_COMPLAINTS = frozenset({CitizenScope.COMPLAINTS})
OF_TAX = Access(Rule.SELF | Rule.GUARDIAN | Rule.ASSISTANT, citizen_scopes=frozenset({CitizenScope.TAX}))


@pytest.mark.parametrize(
    ("access", "scopes", "subject", "refusal"),
    [
        (OF_TAX, {"citizen:tax"}, SITI, None),
        (OF_TAX, {"citizen:tax"}, BUDI, R.NOT_YOURS),
        (OF_TAX, {"citizen:tax"}, CHILD, R.NOT_YOURS),
        (OF_TAX, {"tax", "citizen:msmes", "citizen:tax ", "CITIZEN:TAX", "citizen:*", "*"}, SITI, R.SCOPE_REQUIRED),
        (OF_TAX, set(), SITI, R.SCOPE_REQUIRED),
        (Access(Rule.SELF), {each.value for each in CitizenScope}, SITI, R.FIRST_PARTY_ONLY),
        (Access(Rule.GUARDIAN, citizen_scopes=OF_TAX.citizen_scopes), {"citizen:tax"}, CHILD, R.FIRST_PARTY_ONLY),
        (Access(Rule.OFFICIAL), {"citizen:tax"}, SITI, R.NOT_FOR_CITIZENS),
        (Access(Rule.PUBLIC, Classification.PUBLIC), set(), SITI, None),
    ],
)
def test_a_third_party_app_reads_only_what_its_scopes_open_about_the_person(
    access: Access, scopes: set[str], subject: Nik, refusal: DenialReason | None
) -> None:
    app = replace(APP, scopes=frozenset(scopes))
    assert find_denial(access, app, about((subject,), children=frozenset({CHILD}))) is refusal
    assert not needs_family_card(access, app)


def test_an_assistant_acts_only_in_the_citys_own_apps() -> None:
    assistant = replace(CALLERS["assistant"], first_party=False, scopes=frozenset({"citizen:tax"}))
    assert find_denial(OF_TAX, assistant, about((SITI,))) is R.FIRST_PARTY_ONLY
    assert find_blanket_denial(OF_TAX, assistant) is R.FIRST_PARTY_ONLY


@pytest.mark.parametrize(
    ("scopes", "refusal"),
    [
        (set(), None),
        ({"openid", "tax"}, None),
        ({"citizen:tax"}, None),
        ({"citizen:complaints", "openid"}, None),
        ({"citizen:msmes"}, R.SCOPE_REQUIRED),
        ({"citizen:msmes", "citizen:identity"}, R.SCOPE_REQUIRED),
    ],
)
def test_a_delegation_with_scopes_covers_only_what_they_open(scopes: set[str], refusal: DenialReason | None) -> None:
    assistant = replace(CALLERS["assistant"], scopes=frozenset(scopes))
    access = Access(Rule.SELF | Rule.ASSISTANT, citizen_scopes=OF_TAX.citizen_scopes, delegation_scopes=_COMPLAINTS)
    assert find_denial(access, assistant, about((SITI,))) is refusal
    assert find_blanket_denial(access, assistant) is refusal
    itself = replace(CITIZEN, scopes=frozenset(scopes))
    assert find_denial(access, itself, about((SITI,))) is None


def test_the_scopes_of_a_delegation_open_nothing_to_a_third_party_app() -> None:
    access = Access(Rule.SELF, delegation_scopes=_COMPLAINTS)
    app = replace(APP, scopes=frozenset({"citizen:complaints"}))
    assert find_denial(access, app, about((SITI,))) is R.FIRST_PARTY_ONLY


def test_a_scope_does_not_raise_the_assurance() -> None:
    app = replace(APP, scopes=frozenset({"citizen:tax"}), assurance=Assurance.LOW)
    assert (
        find_denial(replace(OF_TAX, classification=Classification.FINANCE), app, about((SITI,))) is R.ASSURANCE_TOO_LOW
    )


@pytest.mark.parametrize(
    ("authenticated_at", "refusal"),
    [
        (1000.0, None),
        (100.0, None),
        (90.0, None),  # clocks may differ by 10 seconds
        (89.9, R.REAUTHENTICATION_REQUIRED),
        (1010.0, None),
        (1010.1, R.REAUTHENTICATION_REQUIRED),  # in the future
        (None, R.REAUTHENTICATION_REQUIRED),
    ],
)
def test_a_change_needs_a_recent_sign_in(authenticated_at: float | None, refusal: DenialReason | None) -> None:
    access, person = (
        Access(Rule.SELF, requires_recent_sign_in=True),
        replace(CITIZEN, authenticated_at=authenticated_at),
    )
    assert find_denial(access, person, about((SITI,), now=1000.0)) is refusal
    assert find_blanket_denial(access, person, 1000.0) is refusal
    assert find_denial(access, person, about((BUDI,), now=1000.0)) is R.NOT_YOURS
    assert find_denial(access, person, about((SITI,))) is R.REAUTHENTICATION_REQUIRED  # the current time is unknown
    assert find_denial(access, replace(person, first_party=False), about((SITI,), now=1000.0)) is R.FIRST_PARTY_ONLY


def test_each_denial_reason_says_what_to_do_or_why() -> None:
    assert all(each.value.endswith(".") and len(each.value) > 30 for each in DenialReason)
    assert len({each.value for each in DenialReason}) == len(DenialReason) == 23


@pytest.mark.parametrize("preferences", [KnownPreferences(CONSENTED), NotLoaded()], ids=["consented", "not loaded"])
def test_no_consent_opens_a_record_about_no_person(preferences: Preferences) -> None:
    access = Access(Rule.PARTNER, scope=Scope.TAX)
    assert find_denial(access, CALLERS["partner"], about((), preferences=preferences)) is DenialReason.CONSENT_REQUIRED


@pytest.mark.parametrize(
    "change",
    [
        {"client": "another"},
        {"scopes": (Scope.MSMES,)},
        {"scopes": ()},
        {"purpose": Purpose.CREDIT_ASSESSMENT},
        {"subject": BUDI},
    ],
    ids=str,
)
def test_a_consent_opens_only_its_scopes_for_its_client_and_purpose(change: dict[str, Any]) -> None:
    preferences = DataPreferences(consents=(replace(CONSENT, **change),))
    access = Access(Rule.PARTNER, scope=Scope.TAX)
    assert (
        find_denial(access, CALLERS["partner"], about((SITI,), preferences=KnownPreferences(preferences)))
        is DenialReason.CONSENT_REQUIRED
    )


def test_a_record_about_several_people_needs_the_consent_of_each() -> None:
    access, both = Access(Rule.PARTNER, scope=Scope.TAX), (SITI, BUDI)
    assert (
        find_denial(access, CALLERS["partner"], about(both, preferences=KnownPreferences(CONSENTED)))
        is DenialReason.CONSENT_REQUIRED
    )
    preferences = DataPreferences(consents=(CONSENT, replace(CONSENT, subject=BUDI)))
    assert is_allowed(access, CALLERS["partner"], about(both, preferences=KnownPreferences(preferences)))


RESTRICTING = ["official", "agency system", "partner"]


@pytest.mark.parametrize("name", RESTRICTING)
@pytest.mark.parametrize("named", [True, False], ids=["for the purpose", "for every purpose"])
def test_a_restriction_denies_every_caller_with_a_purpose(name: str, *, named: bool) -> None:
    caller = replace(CALLERS[name], purpose=Purpose.TAX_ASSESSMENT.name)
    policy = AccessPolicy(purposes={"dukcapil": frozenset(Purpose), "partners": frozenset(Purpose)})
    preferences = DataPreferences(
        consents=(replace(CONSENT, purpose=Purpose.TAX_ASSESSMENT),),
        restrictions=(
            Restriction(subject=SITI, number="H", purposes=(Purpose.TAX_ASSESSMENT,) if named else (), since=NOW),
        ),
    )
    access = Access(FOR_A_PURPOSE[name], scope=Scope.TAX)
    facts = about((SITI,), policy=policy, preferences=KnownPreferences(preferences))
    assert find_denial(access, caller, facts) is DenialReason.RESTRICTED


@pytest.mark.parametrize("name", RESTRICTING)
def test_a_restriction_of_other_purposes_changes_nothing(name: str) -> None:
    other = Restriction(subject=SITI, number="H", purposes=(Purpose.HEALTHCARE,), since=NOW)
    preferences = DataPreferences(consents=(CONSENT,), restrictions=(other,))
    facts = about((SITI,), preferences=KnownPreferences(preferences))
    assert is_allowed(Access(FOR_A_PURPOSE[name], scope=Scope.TAX), CALLERS[name], facts)


def test_unrestrictable_purposes_are_allowed_despite_a_restriction() -> None:
    restriction = Restriction(subject=SITI, number="H", purposes=(), since=NOW)
    preferences = DataPreferences(restrictions=(restriction,), people_in_case=frozenset({SITI}))
    assert is_allowed(Access(Rule.OFFICIAL), ANSWERING, about((SITI,), preferences=KnownPreferences(preferences)))
    none = replace(build_policy(), unrestrictable=frozenset())
    assert (
        find_denial(
            Access(Rule.OFFICIAL), ANSWERING, about((SITI,), policy=none, preferences=KnownPreferences(preferences))
        )
        is DenialReason.RESTRICTED
    )


@pytest.mark.parametrize(
    ("people_in_case", "refusal"),
    [
        (frozenset({SITI}), None),
        (frozenset(), DenialReason.CASE_NOT_OPEN),
        (None, DenialReason.CASE_NOT_OPEN),
    ],
    ids=["the person's open request", "another's, closed or invented", "not looked up"],
)
def test_an_official_who_answers_a_data_request_reads_only_about_its_person(
    people_in_case: frozenset[Nik] | None, refusal: DenialReason | None
) -> None:
    preferences = DataPreferences(people_in_case=people_in_case)
    assert (
        find_denial(Access(Rule.OFFICIAL), ANSWERING, about((SITI,), preferences=KnownPreferences(preferences)))
        is refusal
    )
    assert (
        find_denial(Access(Rule.OFFICIAL), ANSWERING, about((SITI, BUDI), preferences=KnownPreferences(preferences)))
        is refusal
    )
    finding = Access(Rule.OFFICIAL, purposes=frozenset({Purpose.SUBJECT_REQUEST}), allows_any_case=True)
    assert find_denial(finding, ANSWERING, about((SITI,), preferences=KnownPreferences(preferences))) is None


@pytest.mark.parametrize(
    ("people_in_case", "refusal"),
    [(frozenset({SITI}), None), (frozenset(), DenialReason.CASE_NOT_OPEN), (None, None)],
    ids=["in the register", "not in the register", "no register"],
)
@pytest.mark.parametrize("name", ["official", "agency system"])
def test_a_case_for_another_purpose_counts_if_an_agencys_register_holds_it(
    name: str, people_in_case: frozenset[Nik] | None, refusal: DenialReason | None
) -> None:
    caller = CALLERS[name]
    facts = about((SITI,), preferences=KnownPreferences(DataPreferences(people_in_case=people_in_case)))
    assert find_denial(Access(FOR_A_PURPOSE[name]), caller, facts) is refusal


def test_no_data_request_about_an_unknown_person_can_be_answered() -> None:
    assert find_denial(Access(Rule.OFFICIAL), ANSWERING, about(UnknownPerson())) is DenialReason.PERSON_UNKNOWN


@pytest.mark.parametrize("name", ["citizen", "assistant"])
def test_a_person_with_a_restriction_still_reads_their_own_data(name: str) -> None:
    preferences = DataPreferences(restrictions=(Restriction(subject=SITI, number="H", purposes=(), since=NOW),))
    assert is_allowed(
        Access(Rule.SELF | Rule.ASSISTANT), CALLERS[name], about((SITI,), preferences=KnownPreferences(preferences))
    )


@pytest.mark.parametrize("name", CALLERS)
def test_preferences_are_needed_only_for_callers_with_a_purpose(name: str) -> None:
    assert CALLERS[name].states_purpose is (name in RESTRICTING)
    every = ~Rule.PUBLIC
    decision = decide(Access(every, scope=Scope.TAX), CALLERS[name], about((BUDI,)))
    assert (decision == NeedsFact(Fact.PREFERENCES)) is (name in RESTRICTING)


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("name", ["official", "agency system"])
def test_a_childs_data_needs_a_purpose_of_the_field_or_one_for_children(name: str, purpose: Purpose) -> None:
    policy = AccessPolicy(purposes={"dukcapil": frozenset(Purpose)})
    caller, rule = replace(CALLERS[name], purpose=purpose.name), FOR_A_PURPOSE[name]
    for named, access in ((False, Access(rule)), (True, Access(rule, purposes=frozenset({purpose})))):
        preferences = DataPreferences(people_in_case=frozenset({CHILD}))
        of_others = about((CHILD,), policy=policy, preferences=KnownPreferences(preferences))
        of_child = of_others._replace(concerns_child=True)
        covered = named or purpose in CHILD_PURPOSES
        assert decide(access, caller, of_others) == Allowed(rule)
        assert decide(access, caller, of_child) == (Allowed(rule) if covered else Denied(R.PURPOSE_DOES_NOT_COVER))
        assert decide(access, caller, of_child._replace(skips_child_purpose_check=True)) == Allowed(rule)


def test_a_child_changes_no_other_denial() -> None:
    for caller, refusal in (
        (replace(OFFICIAL, purpose=None), R.PURPOSE_REQUIRED),
        (replace(OFFICIAL, case=None), R.CASE_REQUIRED),
    ):
        assert find_denial(Access(Rule.OFFICIAL), caller, about((CHILD,), concerns_child=True)) is refusal


@pytest.mark.parametrize("of_child", [True, False])
@pytest.mark.parametrize("by_guardian", [True, False])
def test_partners_need_the_consent_of_a_guardian_for_a_child_and_of_the_person_for_an_adult(
    *, of_child: bool, by_guardian: bool
) -> None:
    access = Access(Rule.PARTNER, purposes=NAMED, scope=Scope.TAX)
    consent = replace(CONSENT, subject=CHILD, by_guardian=by_guardian)
    facts = about((CHILD,), preferences=KnownPreferences(DataPreferences(consents=(consent,))), concerns_child=of_child)
    refusal = R.GUARDIAN_CONSENT_REQUIRED if of_child else R.CONSENT_REQUIRED
    expected = Allowed(Rule.PARTNER) if of_child == by_guardian else Denied(refusal)
    for each in (facts, facts._replace(skips_child_purpose_check=True)):
        assert decide(access, CALLERS["partner"], each) == expected


@pytest.mark.parametrize("name", ["citizen", "assistant", "business", "anonymous", "auditor"])
def test_a_child_makes_no_difference_for_other_callers(name: str) -> None:
    for rule in Rule:
        facts = about((CHILD,), NIB, children=frozenset({CHILD}))
        plain = decide(Access(rule), CALLERS[name], facts)
        assert decide(Access(rule), CALLERS[name], facts._replace(concerns_child=True)) == plain
