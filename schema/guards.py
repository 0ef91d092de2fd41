"""Who may see a field of one record: the rule of a field, and the people or the business its record is about.

Taken for a whole batch at once: what does not depend on the record is decided before the first, what depends on a fact
waits for the fact's own batch, and nothing is asked of an agency about what is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from auth.guardians import wards_of
from auth.rules import Access, Rule, may_be_guardian, person_of
from engine.kinds import Decide, Depends, Verdict
from records.identifiers import Nik
from resolvers.population import households_of
from schema.asking import Asking


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """How the rule of a field is decided for one parent record."""

    access: Access
    subject: str | None = None
    """Attribute of the record that holds the person, or the people, it is about."""
    business: str | None = None
    """Attribute of the record that holds the NIB of the business it is about."""
    public_when: str | None = None
    """Attribute of the record that, where true, makes this very record public."""
    of_key: bool = False
    """Whether the key itself is the person it is about, as at the root, where there is no record."""

    @property
    def is_public(self) -> bool:
        """True where everybody may see the field of every record."""
        return Rule.PUBLIC in self.access.rule

    @property
    def of_each_key(self) -> bool:
        """Several keys at once are for those who may see each: the field is decided as a whole."""
        return False

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
        elif own is None:
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
        subjects, nib = self._people(record, key), getattr(record, self.business) if self.business else None
        if own is not None and own in subjects:
            return None
        if subjects and may_be_guardian(self.access, context.caller):
            return Depends(households_of, context.caller.nik, partial(_by_card, context, self.access, subjects))
        return context.refusal(self.access, subjects, nib=nib)

    def _people(self, record: Any, key: Any) -> tuple[Nik, ...]:  # noqa: ANN401 - any record and key
        if self.of_key:
            return (Nik(key),) if isinstance(key, str) else ()
        return people(getattr(record, self.subject) if self.subject else None)


def _by_card(context: Asking, access: Access, subjects: tuple[Nik, ...], card: Any) -> Exception | None:  # noqa: ANN401 - a household or a failure
    """The decision, by the caller's own family card; what stands in its place where it cannot be read."""
    nik = context.caller.nik
    if isinstance(card, Exception) or nik is None:
        return card if isinstance(card, Exception) else context.refusal(access, subjects)
    return context.refusal(access, subjects, wards=wards_of(nik, card, context.today))


def people(value: Nik | tuple[Nik, ...] | None) -> tuple[Nik, ...]:
    """One person, several or none, as a tuple."""
    if value is None:
        return ()
    return value if isinstance(value, tuple) else (value,)
