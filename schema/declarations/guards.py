"""Who may see a field of one record: the rule of a field, and the people or the business its record is about.

Taken for a whole batch at once: what does not depend on the record is decided before the first, what depends on a fact
waits for the fact's own batch, and nothing is asked of an agency about what is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from auth.caller import CallerKind
from auth.policy.children import is_child
from auth.policy.decision import (
    NO_PREFERENCES,
    PREFERENCES_NOT_LOADED,
    UNKNOWN_PERSON_PREFERENCES,
    can_be_guardian,
    get_represented_person,
    obeys_preferences,
    restricts_child_data,
)
from auth.policy.guardians import find_guarded_children
from auth.policy.rules import PURPOSE_RULES, Access, Rule
from engine.batch import Batch
from engine.field_kinds import Decider, NeedsFact, Verdict
from records.hub.data_preferences import DataPreferences
from records.identifiers import Nik
from resolvers.hub.data_preferences import preferences_of
from resolvers.population import households_of
from schema.declarations.request_context import RequestContext


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """How the rule of a field is decided for one parent record."""

    access: Access
    subject: str | None = None
    """Attribute of the record that holds the person, or the people, it is about."""
    business: str | None = None
    """Attribute of the record that holds the NIB of the business it is about."""
    agency: str | None = None
    """Attribute of the record, or of a key that says whom it is about, with the agency whose readers it is about."""
    public_when: str | None = None
    """Attribute of the record that, where true, makes this very record public."""
    is_keyed: bool = False
    """Whether the key says whom it is about, as at the root, where there is no record."""
    people_of_key: Callable[[Any], Nik | tuple[Nik, ...] | None] | None = None
    """From the key to whom it is about; without it, the key itself is the person. Of a list, each."""
    leads_to_purposes: bool = False
    """Whether it is a way to records that name the purposes for which they may be read themselves."""
    subject_batch: Batch[Any, Any] | None = None
    """The batch that finds the person of a key that does not name one. Its answer holds `subject`, `preferences` (all
    of the person's) and `preferences_within_consent` (those that count here). Without an answer, the person gave no
    consent."""
    preferences_field: str | None = None
    """Attribute of the record that holds what the person said, where it is at hand and nothing else counts."""

    @property
    def is_public(self) -> bool:
        """True where everybody may see the field of every record."""
        return Rule.PUBLIC in self.access.rule

    @property
    def data_class(self) -> str | None:
        """As the ledger keeps it: `PERSONAL`, `SPECIFIC:HEALTH`, ..."""
        return None if self.is_public else self.access.classification.label

    @property
    def decides_per_key(self) -> bool:
        """Several people at once are each decided about: who may not be read is not asked for, nor told to exist."""
        return self.is_keyed

    @property
    def fact_batches(self) -> Sequence[Batch[Any, Any]]:
        """The caller's own family card, for guardians; what people said, for who states a purpose."""
        rule = self.access.rule
        if self.is_public:
            return ()
        if self.subject_batch is not None or self.preferences_field is not None:
            return () if self.subject_batch is None else (self.subject_batch,)
        return (
            *((households_of,) if Rule.GUARDIAN in rule else ()),
            *((preferences_of,) if rule & PURPOSE_RULES else ()),
        )

    def find_blanket_refusal(self, context: RequestContext) -> Exception | None:
        """Why this caller may see the field of no record at all; None where there may be one."""
        if self.is_public or self.public_when is not None:
            return None
        return context.find_blanket_refusal(self.access)

    def build_decider(self, context: RequestContext) -> Decider | None:
        """The decision for this caller; None where nothing can be refused."""
        own = get_represented_person(context.caller)
        if not context.allows(self.access, () if own is None else (own,)):
            own = None
        elif own is None and not (obeys_preferences(context.caller) and (self.is_keyed or self.subject)):
            return None
        subject, public_when = self.subject, self.public_when

        def verdict(record: Any, key: Any) -> Verdict:  # noqa: ANN401 - any record and key
            if own is not None and subject is not None:
                about = getattr(record, subject)
                if about == own or (type(about) is tuple and own in about):
                    return None
            if public_when is not None and getattr(record, public_when):
                return None
            return self._decide(context, own, record, key)

        return verdict

    def _decide(self, context: RequestContext, own: Nik | None, record: Any, key: Any) -> Verdict:  # noqa: ANN401 - any record and key
        """The decision about a record that is not known to be the caller's own."""
        if self.subject_batch is not None:
            refusal = self.find_blanket_refusal(context)
            return refusal or NeedsFact(self.subject_batch, key, partial(self._decide_by_consent, context))
        subjects, nib = self._get_people(record, key), getattr(record, self.business) if self.business else None
        if own is not None and own in subjects:
            return None
        if subjects and can_be_guardian(self.access, context.caller):
            return NeedsFact(
                households_of, context.caller.nik, partial(_decide_by_family_card, context, self.access, subjects)
            )
        if subjects and obeys_preferences(context.caller):
            of_child = self._concerns_child(context, subjects)
            if self.preferences_field is not None:
                return context.find_refusal(
                    self.access, subjects, preferences=getattr(record, self.preferences_field), concerns_child=of_child
                )
            refusal = context.find_refusal(
                self.access, subjects, preferences=PREFERENCES_NOT_LOADED, concerns_child=of_child
            )
            return refusal or _decide_by_preferences(context, self.access, subjects)
        agency = getattr(key if self.is_keyed else record, self.agency) if self.agency else None
        wishes = NO_PREFERENCES if subjects or self.is_keyed or self.subject is None else UNKNOWN_PERSON_PREFERENCES
        return context.find_refusal(self.access, subjects, nib=nib, agency=agency, preferences=wishes)

    def _decide_by_consent(self, context: RequestContext, found: Any) -> Exception | None:  # noqa: ANN401 - an answer or a failure
        """The decision about somebody who is known by their consent alone. What they said need not be asked again."""
        if isinstance(found, Exception):
            return found
        if found is None:
            return context.find_refusal(self.access, ())
        context.preferences[found.subject] = found.preferences
        subjects = (found.subject,)
        return context.find_refusal(
            self.access,
            subjects,
            preferences=found.preferences_within_consent,
            concerns_child=self._concerns_child(context, subjects),
        )

    def _concerns_child(self, context: RequestContext, subjects: tuple[Nik, ...]) -> bool:
        """Whether it is about a child, where that matters; on the way to what speaks for itself, to partners alone."""
        if not self.access.rule & PURPOSE_RULES:
            return False
        is_way = (self.leads_to_purposes or self.is_keyed) and context.caller.kind is not CallerKind.PARTNER
        if is_way or not restricts_child_data(self.access, context.caller):
            return False
        return any(is_child(each, context.today) for each in subjects)

    def get_subjects(self, record: Any, key: Any) -> Collection[Nik | None]:  # noqa: ANN401 - any record and key
        """The people the field is about; None for somebody unknown, and nobody where the record is public."""
        if self.subject is not None and self.public_when is None and not self.is_keyed:  # most, and for each record
            about: Any = getattr(record, self.subject)
            return about or (None,) if type(about) is tuple else (about,)
        if self.is_keyed:
            people_of_it = () if self.subject_batch is not None else self._get_people(record, key)
            return people_of_it or ((None,) if self.agency else ())
        if self.public_when is not None and getattr(record, self.public_when):
            return ()
        return self._get_people(record, key) or (None,)

    def _get_people(self, record: Any, key: Any) -> tuple[Nik, ...]:  # noqa: ANN401 - any record and key
        if self.is_keyed and self.people_of_key is not None:
            return to_people(self.people_of_key(key))
        if self.is_keyed:
            return (Nik(key),) if isinstance(key, str) else ()
        return to_people(getattr(record, self.subject) if self.subject else None)


def _decide_by_family_card(
    context: RequestContext,
    access: Access,
    subjects: tuple[Nik, ...],
    card: Any,  # noqa: ANN401 - a household or a failure
) -> Exception | None:
    """The decision, by the caller's own family card; what stands in its place where it cannot be read."""
    nik = context.caller.nik
    if isinstance(card, Exception) or nik is None:
        return card if isinstance(card, Exception) else context.find_refusal(access, subjects)
    return context.find_refusal(access, subjects, children=find_guarded_children(nik, card, context.today))


def _decide_by_preferences(context: RequestContext, access: Access, subjects: tuple[Nik, ...]) -> Verdict:
    """The decision, by what the people said, where nothing else speaks against it."""

    def settle(said: Mapping[Nik, DataPreferences] | Exception) -> Exception | None:
        if isinstance(said, Exception):
            return said
        context.preferences.update(said)
        return context.find_refusal(access, subjects, preferences=_merge_preferences(said, subjects))

    if context.preferences.keys() >= set(subjects):
        return settle(context.preferences)
    return NeedsFact(preferences_of, subjects, settle)


def _merge_preferences(preferences: Mapping[Nik, DataPreferences], subjects: tuple[Nik, ...]) -> DataPreferences:
    """What several people said, as one: who reads about all of them needs each one's consent, and no restriction."""
    if len(subjects) == 1:
        return preferences[subjects[0]]
    in_cases = [people for nik in subjects if (people := preferences[nik].people_in_case) is not None]
    return DataPreferences(
        consents=tuple(each for nik in subjects for each in preferences[nik].consents),
        restrictions=tuple(each for nik in subjects for each in preferences[nik].restrictions),
        people_in_case=frozenset[Nik]().union(*in_cases) if in_cases else None,
    )


def to_people(value: Nik | tuple[Nik, ...] | None) -> tuple[Nik, ...]:
    """One person, several or none, as a tuple."""
    if value is None:
        return ()
    return value if isinstance(value, tuple) else (value,)
