"""Who may see a field of one record: the rule of the field, and the subjects that the record or the key names.

A guard only names the subjects. `schema/declarations/field_decision.py` decides about them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from auth.policy.rules import Access
from engine.batch import Batch
from records.identifiers import Nik
from schema.declarations.field_decision import (
    allows_own,
    allows_own_key,
    build_field_decider,
    find_blanket_refusal,
    list_fact_batches,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """The rule of a field, and where one parent record names its subjects."""

    access: Access
    subject: str | None = None
    """Attribute of the record that holds its person, or people."""
    business: str | None = None
    """Attribute of the record that holds the NIB of its business."""
    agency: str | None = None
    """Attribute with the agency whose readers the data is about: of the record or, for a keyed field, of the key."""
    public_when: str | None = None
    """Attribute of the record that makes this single record public if it is true."""
    business_of_key: Callable[[Any], str | None] | None = None
    """From the key of a keyed field to its business."""
    is_keyed: bool = False
    """Whether the key names the subject, as at the root, where there is no record. Each of several keys is decided
    separately: a refused person is neither fetched nor disclosed."""
    people_of_key: Callable[[Any], Nik | tuple[Nik, ...] | None] | None = None
    """From the key to its subject; without it, the key itself is the person. For a list, from each key."""
    access_there: Access | None = None
    """Of an edge to records that all declare purposes: the rule with these. Callers with another purpose would see
    nothing but how many there are, and the agency would be asked for nothing."""
    subject_batch: Batch[Any, Any] | None = None
    """The batch that finds the person if the key does not name one. Its answer holds `subject`, `preferences` (all of
    the person's) and `preferences_within_consent` (those that count here). Without an answer, the person gave no
    consent."""
    preferences_field: str | None = None
    """Attribute of the record that holds the person's preferences, if no others count."""
    get_subject: Callable[[Any], Any] | None = field(init=False, repr=False, compare=False)
    """Reads `subject` of a record; None without one."""

    def __post_init__(self) -> None:
        """Prepare what each request reads."""
        object.__setattr__(self, "get_subject", None if self.subject is None else attrgetter(self.subject))

    @property
    def is_public(self) -> bool:
        """True if everybody may see the field of every record."""
        return self.access.is_public

    @property
    def depends_on_time(self) -> bool:
        """Whether the caller has to have signed in recently."""
        return self.access.requires_recent_sign_in

    @property
    def data_class(self) -> str | None:
        """As the ledger stores it: `PERSONAL`, `SPECIFIC:HEALTH`, ..."""
        return None if self.is_public else self.access.classification.label

    @property
    def fact_batches(self) -> Sequence[Batch[Any, Any]]:
        """The batches that decisions about the field can need."""
        return list_fact_batches(self)

    # Called for each guarded field of each request, so without another call between.
    find_blanket_refusal = find_blanket_refusal
    build_decider = build_field_decider
    allows_own = allows_own
    allows_own_key = allows_own_key

    @property
    def read_subject(self) -> str | None:
        """The attribute of a record that holds its person or people; None if `get_read_subjects` needs more."""
        return None if self.is_keyed or self.public_when is not None else self.subject

    @property
    def key_is_subject(self) -> bool:
        """Whether a key that names a person is itself the one subject of a read."""
        return self.is_keyed and self.people_of_key is None and self.subject_batch is None

    def get_read_subjects(self, record: Any, key: Any) -> Collection[Nik | None]:  # noqa: ANN401 - any record and key
        """The people whose data a read of the field discloses, for the ledger.

        None among them is an unidentified person. Empty if the record is public.
        """
        if self.is_keyed:
            people = () if self.subject_batch is not None else self.get_named_people(record, key)
            return people or ((None,) if self.agency else ())
        if self.public_when is not None and getattr(record, self.public_when):
            return ()
        return self.get_named_people(record, key) or (None,)

    def get_named_business(self, record: Any, key: Any) -> str | None:  # noqa: ANN401 - any record and key
        """The NIB of the business that the record or the key names."""
        if self.business_of_key is not None:
            return self.business_of_key(key)
        return None if self.business is None else getattr(record, self.business)

    def get_named_people(self, record: Any, key: Any) -> tuple[Nik, ...]:  # noqa: ANN401 - any record and key
        """The people that the record or the key names."""
        if not self.is_keyed:
            return to_people(getattr(record, self.subject) if self.subject else None)
        if self.people_of_key is not None:
            return to_people(self.people_of_key(key))
        return (Nik(key),) if isinstance(key, str) else ()


def to_people(value: Nik | tuple[Nik, ...] | None) -> tuple[Nik, ...]:
    """One person, several or none, as a tuple."""
    if value is None:
        return ()
    return value if isinstance(value, tuple) else (value,)
