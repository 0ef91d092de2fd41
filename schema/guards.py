"""Who may see a field of one record: the rule of a field, and the people or the business its record is about.

Taken for a whole batch at once: what does not depend on the record is decided before the first, what depends on a fact
waits for the fact's own batch, and nothing is asked of an agency about what is refused.
"""

from __future__ import annotations

from collections.abc import Callable
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
        access, caller = self.access, context.caller
        if context.refusal(access, ()) is None:
            return None
        own = person_of(caller)
        if own is not None and context.refusal(access, (own,)) is not None:
            own = None
        public_when = self.public_when
        decide = of_a_guardian(context, access) if may_be_guardian(access, caller) else partial(context.refusal, access)

        def verdict(record: Any, key: Any) -> Verdict:  # noqa: ANN401 - any record and key
            if public_when is not None and getattr(record, public_when):
                return None
            subjects = self._people(record, key)
            if own is not None and own in subjects:
                return None
            return decide(subjects, nib=self._nib(record))

        return verdict

    def _people(self, record: Any, key: Any) -> tuple[Nik, ...]:  # noqa: ANN401 - any record and key
        if self.of_key:
            return (Nik(key),) if isinstance(key, str) else ()
        return people(getattr(record, self.subject) if self.subject else None)

    def _nib(self, record: Any) -> str | None:  # noqa: ANN401 - any record
        return getattr(record, self.business) if self.business else None


def of_a_guardian(context: Asking, access: Access) -> Callable[..., Verdict]:
    """The decision for somebody who may be a guardian: it takes their own family card, and no record of the child."""
    nik = context.caller.nik

    def settled(subjects: tuple[Nik, ...], nib: str | None, card: Any) -> Exception | None:  # noqa: ANN401 - a household or a failure
        if isinstance(card, Exception):
            return card
        wards = wards_of(nik, card, context.today) if nik is not None else ()
        return context.refusal(access, subjects, wards=wards, nib=nib)

    def verdict(subjects: tuple[Nik, ...], nib: str | None = None) -> Verdict:
        if not subjects or nik is None:
            return context.refusal(access, subjects, nib=nib)
        return Depends(households_of, nik, partial(settled, subjects, nib))

    return verdict


def people(value: Nik | tuple[Nik, ...] | None) -> tuple[Nik, ...]:
    """One person, several or none, as a tuple."""
    if value is None:
        return ()
    return value if isinstance(value, tuple) else (value,)
