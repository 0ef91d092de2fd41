"""The decision of one caller about one field: calls `decide`, and maps each fact that it needs to a batch.

Built once for a caller and a field, then called for each record. A decision that holds for every record is made once.
The engine loads the facts of many records together, and decides again with each fact (`FactRequest`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from auth.caller import CallerKind
from auth.policy.children import find_guarded_children, is_child
from auth.policy.decision import (
    Allowed,
    Decision,
    Denied,
    NeedsFact,
    decide,
    find_possible_facts,
)
from auth.policy.facts import Fact, Facts, KnownPreferences, NoRecordYet, NotLoaded, Subjects, UnknownPerson
from engine.batch import Batch
from engine.errors import Forbidden
from engine.field_kinds import Decider, FactRequest, Verdict
from records.hub.data_preferences import DataPreferences
from records.identifiers import Nik
from resolvers.hub.data_preferences import preferences_of
from resolvers.population import family_cards_of
from schema.declarations.request_context import RequestContext

if TYPE_CHECKING:  # a guard builds its decider here
    from schema.declarations.guards import Guard

_BATCH_BY_FACT: Mapping[Fact, Batch[Any, Any]] = {Fact.FAMILY_CARD: family_cards_of, Fact.PREFERENCES: preferences_of}
"""The batches that load facts about known people. The field's own `subject_batch` finds the people."""
_NO_RECORD_YET, _UNKNOWN_PERSON, _NOT_LOADED = NoRecordYet(), UnknownPerson(), NotLoaded()


def list_fact_batches(guard: Guard) -> Sequence[Batch[Any, Any]]:
    """The batches that decisions about the field can need, for any caller."""
    if guard.subject_batch is not None and not guard.is_public:
        return (guard.subject_batch,)
    # A record that holds the relevant preferences needs no others, and only partners read such records.
    facts = () if guard.preferences_field is not None else find_possible_facts(guard.access)
    return tuple(_BATCH_BY_FACT[each] for each in facts)


def find_blanket_refusal(guard: Guard, context: RequestContext) -> Forbidden | None:
    """The refusal if this caller can never see the field; None otherwise."""
    if guard.is_public or guard.public_when is not None:
        return None
    own = context.reader
    # A caller who may see their own records is not refused all of them; for most fields of citizens this is known.
    if own is not None and guard.access_there is None and _allows_own(guard, context, own):
        return None
    decision = FieldDecision(guard, context).decide_before_any_record()
    return _build_forbidden(decision) if isinstance(decision, Denied) else None


def build_field_decider(guard: Guard, context: RequestContext) -> Decider | None:
    """Build the decision for this caller; None if they may see the field of every record."""
    own = context.reader
    decision: FieldDecision | None = None
    # Only citizens have records about themselves. Others need no decider if they may see the field of every record.
    if own is None:
        decision = FieldDecision(guard, context)
        if isinstance(decision.decide_before_any_record(), Allowed):
            return None
    elif not _allows_own(guard, context, own):
        own = None
    subject, public_when, is_keyed = guard.subject, guard.public_when, guard.is_keyed

    def verdict(record: Any, key: Any) -> Verdict:  # noqa: ANN401 - any record and key
        nonlocal decision
        # Most records are the caller's own. They cost one comparison, because the decision above holds for all of them.
        if own is not None and subject is not None:
            about = getattr(record, subject)
            if about == own or (type(about) is tuple and own in about):
                return None
        # This single record is public, so its subject does not matter.
        if public_when is not None and getattr(record, public_when):
            return None
        # At the root, the key names the subject, so the same shortcut works on the key.
        if is_keyed and allows_own_key(guard, context, record, key):
            return None
        if decision is None:  # built late, because most operations of citizens never get here
            decision = FieldDecision(guard, context)
        return decision.decide_for_record(record, key)

    return verdict


def allows_own(guard: Guard, context: RequestContext, records: Sequence[Any]) -> bool:
    """Whether the caller may see the field of their own records, and all of these records are about them alone."""
    own, get_subject = context.reader, guard.get_subject
    if own is None or get_subject is None or not _allows_own(guard, context, own):
        return False
    return set(map(get_subject, records)) == {own}


def allows_own_key(guard: Guard, context: RequestContext, record: Any, key: Any) -> bool:  # noqa: ANN401 - any record and key
    """Whether the key names the caller, who may see the field of their own records: at the root, most keys do."""
    own = context.reader
    if own is None or not guard.is_keyed or guard.subject_batch is not None or not _allows_own(guard, context, own):
        return False
    return own in guard.get_named_people(record, key)


def _allows_own(guard: Guard, context: RequestContext, person: Nik) -> bool:
    """Whether the caller may see the field of each record about this person."""
    access, key = guard.access, context.own_decision_key
    known = access.own_decisions.get(key) if key is not None else None
    if known is not None:
        return known
    now = context.clock() if access.requires_recent_sign_in else None
    decision = decide(access, context.caller, Facts(subjects=(person,), policy=context.policy, now=now))
    # Of a first-party app nothing else counts, but for the time of the sign-in. Most fields of a citizen's request are
    # decided here: to decide them again took 5 % of it.
    if key is not None and not access.requires_recent_sign_in:
        access.own_decisions[key] = isinstance(decision, Allowed)
    return isinstance(decision, Allowed)


class FieldDecision:
    """The decision of one caller about one field, made for each record."""

    __slots__ = (
        "_access",
        "_before_any_record",
        "_context",
        "_guard",
        "_looks_for_children",
        "_now",
        "_skips_child_purpose_check",
        "_states_purpose",
    )

    def __init__(self, guard: Guard, context: RequestContext) -> None:
        """Starts without a decision."""
        self._guard = guard
        self._context = context
        self._access = guard.access_there or guard.access
        self._skips_child_purpose_check = guard.is_keyed
        self._now = context.clock() if guard.access.requires_recent_sign_in else None
        self._states_purpose = context.caller.states_purpose
        self._before_any_record: Decision | None = None
        self._looks_for_children: bool | None = None

    def decide_before_any_record(self) -> Decision:
        """The decision without a record; if it is `Allowed` or `Denied`, it holds for every record."""
        if self._before_any_record is None:
            self._before_any_record = self._decide(self._build_facts(_NO_RECORD_YET))
        return self._before_any_record

    def decide_for_record(self, record: Any, key: Any) -> Verdict:  # noqa: ANN401 - any record and key
        """Decide about one record, or return a request for the fact that the decision needs."""
        guard = self._guard
        # If the key names no person, the batch that finds the person is called only if the caller may read some person.
        facts = self._collect_facts(record, key) if guard.subject_batch is None else self._build_facts(_NO_RECORD_YET)
        decision = self._decide(facts)
        if isinstance(decision, NeedsFact):
            return self._build_fact_request(decision.fact, facts, key)
        return _to_refusal(decision)

    def _decide(self, facts: Facts) -> Decision:
        return decide(self._access, self._context.caller, facts)

    def _build_facts(self, subjects: Subjects, *, concerns_child: bool = False) -> Facts:
        policy, now = self._context.policy, self._now
        return Facts(
            subjects, None, None, concerns_child, self._skips_child_purpose_check, _NOT_LOADED, _NOT_LOADED, policy, now
        )

    def _collect_facts(self, record: Any, key: Any) -> Facts:  # noqa: ANN401 - any record and key
        """The facts that the guard finds in the record or the key, and those that this request has loaded."""
        guard = self._guard
        people = guard.get_named_people(record, key)
        # A record whose agency does not identify its person is different from a record about no person.
        is_unknown = not people and not guard.is_keyed and guard.subject is not None
        # Only callers with a purpose are bound by preferences and by the rules for children.
        needs_preferences = self._states_purpose and bool(people)
        return Facts(
            _UNKNOWN_PERSON if is_unknown else people,
            guard.get_named_business(record, key),
            getattr(key if guard.is_keyed else record, guard.agency) if guard.agency is not None else None,
            needs_preferences and self._concerns_child(people),
            self._skips_child_purpose_check,
            _NOT_LOADED,
            self._find_preferences(record, people) if needs_preferences else _NOT_LOADED,
            self._context.policy,
            self._now,
        )

    def _find_preferences(self, record: Any, people: tuple[Nik, ...]) -> KnownPreferences | NotLoaded:  # noqa: ANN401 - any record
        """Preferences that need no load: from the record, or loaded by this request for another field."""
        if self._guard.preferences_field is not None:
            return KnownPreferences(getattr(record, self._guard.preferences_field))
        loaded = self._context.preferences
        return KnownPreferences.of_people(loaded, people) if all(each in loaded for each in people) else _NOT_LOADED

    def _concerns_child(self, people: tuple[Nik, ...]) -> bool:
        """Whether one of the people is a child. Skipped if it makes no difference for this caller and field."""
        if self._looks_for_children is None:
            # Reading ages from identity numbers costs time for each record, so it is done only if it can matter.
            of_child = self._decide(self._build_facts(_NO_RECORD_YET, concerns_child=True))
            of_anybody = self.decide_before_any_record()
            # A partner needs the consent of a guardian, which is a fact of the record.
            needs_guardian = self._context.caller.kind is CallerKind.PARTNER and isinstance(of_anybody, NeedsFact)
            self._looks_for_children = needs_guardian or of_child != of_anybody
        return self._looks_for_children and any(is_child(each, self._context.today) for each in people)

    def _build_fact_request(self, fact: Fact, facts: Facts, key: Any) -> Verdict:  # noqa: ANN401 - any key
        """Request a fact: its batch, its key, and the decision with it."""
        context, people = self._context, facts.subjects
        codes, cards = context.agencies.codes, family_cards_of
        if fact is Fact.FAMILY_CARD and not codes.answers(cards.domain, cards.domain_read):
            # Without a population register, or family cards in it, no caller is a guardian.
            return _to_refusal(self._decide(facts._replace(children=())))
        if fact is Fact.FAMILY_CARD:
            # For any subject, the caller's own family card shows whose guardian the caller is.
            return FactRequest(cards, context.caller.nik, partial(self._decide_by_family_card, facts))
        # The preferences of all people of a record are one key: the decision is about the record as a whole.
        if fact is Fact.PREFERENCES and isinstance(people, tuple):
            return FactRequest(preferences_of, people, partial(self._decide_by_preferences, facts, people))
        if self._guard.subject_batch is None:
            raise TypeError(f"A decision needs {fact.value}, and the field names no batch that loads them.")
        return FactRequest(self._guard.subject_batch, key, self._decide_by_consent)

    def _decide_by_family_card(self, facts: Facts, card: Any) -> Exception | None:  # noqa: ANN401 - a household or a failure
        nik = self._context.caller.nik
        # If the card cannot be loaded, the field shows that failure. A refusal would say: not a guardian.
        if isinstance(card, Exception) or nik is None:
            return card if isinstance(card, Exception) else _to_refusal(self._decide(facts._replace(children=())))
        children = find_guarded_children(nik, card, self._context.today)
        return _to_refusal(self._decide(facts._replace(children=children)))

    def _decide_by_preferences(
        self, facts: Facts, people: tuple[Nik, ...], found: Mapping[Nik, DataPreferences] | Exception
    ) -> Exception | None:
        if isinstance(found, Exception):
            return found
        self._context.preferences.update(found)  # for the other fields about these people in this request
        return _to_refusal(self._decide(facts._replace(preferences=KnownPreferences.of_people(found, people))))

    def _decide_by_consent(self, found: Any) -> Exception | None:  # noqa: ANN401 - an answer or a failure
        """Decide about the person behind a consent. The answer contains the preferences that count here."""
        if isinstance(found, Exception):
            return found
        if found is None:  # no consent with this id, which is refused like a consent that does not cover the field
            return _to_refusal(self._decide(self._build_facts(())))
        self._context.preferences[found.subject] = found.preferences
        people = (found.subject,)
        facts = self._build_facts(people, concerns_child=self._concerns_child(people))
        facts = facts._replace(preferences=KnownPreferences(found.preferences_within_consent))
        return _to_refusal(self._decide(facts))


def _to_refusal(decision: Decision) -> Forbidden | None:
    """The error in place of the field; None if the field may be seen."""
    if isinstance(decision, Denied):
        return _build_forbidden(decision)
    if isinstance(decision, NeedsFact):
        raise TypeError(f"A decision needs {decision.fact.value} after another fact; load them together.")
    return None


def _build_forbidden(decision: Denied) -> Forbidden:
    return Forbidden(decision.reason.value, decision.reason.name)
