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
from auth.children import is_child
from auth.guardians import wards_of
from auth.rules import (
    FOR_A_PURPOSE,
    NOTHING_SAID,
    UNKNOWN,
    WILLING,
    Access,
    Rule,
    child_differs,
    heeds_wishes,
    may_be_guardian,
    person_of,
)
from engine.batch import Batch
from engine.kinds import Decide, Depends, Verdict
from records.identifiers import Nik
from records.wishes import Wishes
from resolvers.population import households_of
from resolvers.wishes import wishes_of
from schema.asking import Asking


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
    of_key: bool = False
    """Whether the key says whom it is about, as at the root, where there is no record."""
    people_of_key: Callable[[Any], Nik | tuple[Nik, ...] | None] | None = None
    """From the key to whom it is about; without it, the key itself is the person. Of a list, each."""
    leads: bool = False
    """Whether it is a way to records that name the purposes for which they may be read themselves."""
    told_by: Batch[Any, Any] | None = None
    """Of a key that says nothing of the person: who tells it. The answer holds `subject`, as `wishes` what the person
    said, and as `within` what of that counts here; where there is none, nobody consented."""
    said: str | None = None
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
    def of_each_key(self) -> bool:
        """Several people at once are each decided about: who may not be read is not asked for, nor told to exist."""
        return self.of_key

    @property
    def facts(self) -> Sequence[Batch[Any, Any]]:
        """The caller's own family card, for guardians; what people said, for who states a purpose."""
        rule = self.access.rule
        if self.is_public:
            return ()
        if self.told_by is not None or self.said is not None:
            return () if self.told_by is None else (self.told_by,)
        return (*((households_of,) if Rule.GUARDIAN in rule else ()), *((wishes_of,) if rule & FOR_A_PURPOSE else ()))

    def never(self, context: Asking) -> Exception | None:
        """Why this caller may see the field of no record at all; None where there may be one."""
        if self.is_public or self.public_when is not None:
            return None
        return context.never(self.access)

    def prepared(self, context: Asking) -> Decide | None:
        """The decision for this caller; None where nothing can be refused."""
        own = person_of(context.caller)
        if not context.allows(self.access, () if own is None else (own,)):
            own = None
        elif own is None and not (heeds_wishes(context.caller) and (self.of_key or self.subject)):
            return None
        subject, public_when = self.subject, self.public_when

        def verdict(record: Any, key: Any) -> Verdict:  # noqa: ANN401 - any record and key
            if own is not None and subject is not None:
                about = getattr(record, subject)
                if about == own or (type(about) is tuple and own in about):
                    return None
            if public_when is not None and getattr(record, public_when):
                return None
            return self._verdict(context, own, record, key)

        return verdict

    def _verdict(self, context: Asking, own: Nik | None, record: Any, key: Any) -> Verdict:  # noqa: ANN401 - any record and key
        """The decision about a record that is not known to be the caller's own."""
        if self.told_by is not None:
            refusal = self.never(context)
            return refusal or Depends(self.told_by, key, partial(self._by_who_consented, context))
        subjects, nib = self._people(record, key), getattr(record, self.business) if self.business else None
        if own is not None and own in subjects:
            return None
        if subjects and may_be_guardian(self.access, context.caller):
            return Depends(households_of, context.caller.nik, partial(_by_card, context, self.access, subjects))
        if subjects and heeds_wishes(context.caller):
            of_child = self._of_child(context, subjects)
            if self.said is not None:
                return context.refusal(self.access, subjects, wishes=getattr(record, self.said), of_child=of_child)
            refusal = context.refusal(self.access, subjects, wishes=WILLING, of_child=of_child)
            return refusal or _by_wishes(context, self.access, subjects)
        agency = getattr(key if self.of_key else record, self.agency) if self.agency else None
        wishes = NOTHING_SAID if subjects or self.of_key or self.subject is None else UNKNOWN
        return context.refusal(self.access, subjects, nib=nib, agency=agency, wishes=wishes)

    def _by_who_consented(self, context: Asking, found: Any) -> Exception | None:  # noqa: ANN401 - an answer or a failure
        """The decision about somebody who is known by their consent alone. What they said need not be asked again."""
        if isinstance(found, Exception):
            return found
        if found is None:
            return context.refusal(self.access, ())
        context.wishes[found.subject] = found.wishes
        subjects = (found.subject,)
        return context.refusal(self.access, subjects, wishes=found.within, of_child=self._of_child(context, subjects))

    def _of_child(self, context: Asking, subjects: tuple[Nik, ...]) -> bool:
        """Whether it is about a child, where that matters; on the way to what speaks for itself, to partners alone."""
        if not self.access.rule & FOR_A_PURPOSE:
            return False
        is_way = (self.leads or self.of_key) and context.caller.kind is not CallerKind.PARTNER
        if is_way or not child_differs(self.access, context.caller):
            return False
        return any(is_child(each, context.today) for each in subjects)

    def subjects(self, record: Any, key: Any) -> Collection[Nik | None]:  # noqa: ANN401 - any record and key
        """The people the field is about; None for somebody unknown, and nobody where the record is public."""
        if self.subject is not None and self.public_when is None and not self.of_key:  # most, and for each record
            about: Any = getattr(record, self.subject)
            return about or (None,) if type(about) is tuple else (about,)
        if self.of_key:
            people_of_it = () if self.told_by is not None else self._people(record, key)
            return people_of_it or ((None,) if self.agency else ())
        if self.public_when is not None and getattr(record, self.public_when):
            return ()
        return self._people(record, key) or (None,)

    def _people(self, record: Any, key: Any) -> tuple[Nik, ...]:  # noqa: ANN401 - any record and key
        if self.of_key and self.people_of_key is not None:
            return people(self.people_of_key(key))
        if self.of_key:
            return (Nik(key),) if isinstance(key, str) else ()
        return people(getattr(record, self.subject) if self.subject else None)


def _by_card(context: Asking, access: Access, subjects: tuple[Nik, ...], card: Any) -> Exception | None:  # noqa: ANN401 - a household or a failure
    """The decision, by the caller's own family card; what stands in its place where it cannot be read."""
    nik = context.caller.nik
    if isinstance(card, Exception) or nik is None:
        return card if isinstance(card, Exception) else context.refusal(access, subjects)
    return context.refusal(access, subjects, wards=wards_of(nik, card, context.today))


def _by_wishes(context: Asking, access: Access, subjects: tuple[Nik, ...]) -> Verdict:
    """The decision, by what the people said, where nothing else speaks against it."""

    def settle(said: Mapping[Nik, Wishes] | Exception) -> Exception | None:
        if isinstance(said, Exception):
            return said
        context.wishes.update(said)
        return context.refusal(access, subjects, wishes=_together(said, subjects))

    if context.wishes.keys() >= set(subjects):
        return settle(context.wishes)
    return Depends(wishes_of, subjects, settle)


def _together(said: Mapping[Nik, Wishes], subjects: tuple[Nik, ...]) -> Wishes:
    """What several people said, as one: who reads about all of them needs each one's consent, and no restriction."""
    if len(subjects) == 1:
        return said[subjects[0]]
    in_cases = [people for nik in subjects if (people := said[nik].in_case) is not None]
    return Wishes(
        consents=tuple(each for nik in subjects for each in said[nik].consents),
        restrictions=tuple(each for nik in subjects for each in said[nik].restrictions),
        in_case=frozenset[Nik]().union(*in_cases) if in_cases else None,
    )


def people(value: Nik | tuple[Nik, ...] | None) -> tuple[Nik, ...]:
    """One person, several or none, as a tuple."""
    if value is None:
        return ()
    return value if isinstance(value, tuple) else (value,)
