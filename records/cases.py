"""The inbox of a person: each matter with the city as one case, whatever kind of record is behind it."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any

from records.description import DECIDES_ACCESS, DescribedEnum, Doc
from records.identifiers import Nik
from records.record import record


class CaseKind(DescribedEnum):
    """What a case is about."""

    COMPLAINT = "COMPLAINT", "A complaint to the city."
    DATA_REQUEST = "DATA_REQUEST", "A request about data about you."
    CONSENT = "CONSENT", "A partner's request for your consent, and the consent."


class CaseState(DescribedEnum):
    """The state of a case, for all kinds of cases."""

    WAITING_FOR_YOU = "WAITING_FOR_YOU", "You have to act."
    WAITING_FOR_AGENCY = "WAITING_FOR_AGENCY", "An agency has to act."
    WAITING_FOR_HUB = "WAITING_FOR_HUB", "The city's hub has to act: it delivers the case, or its staff decide."
    ACTIVE = "ACTIVE", "In force. Nobody has to act, and you may end it."
    DONE = "DONE", "Done."
    REFUSED = "REFUSED", "Refused."
    WITHDRAWN = "WITHDRAWN", "Withdrawn by you."
    EXPIRED = "EXPIRED", "Expired."

    @property
    def is_open(self) -> bool:
        """Whether somebody has to act."""
        return self.name.startswith("WAITING_")


class CaseActor(DescribedEnum):
    """Who acts on a case."""

    YOU = "YOU", "The person whose case it is."
    AGENCY = "AGENCY", "An agency."
    HUB = "HUB", "The city's hub, or the people who run it."


@record
class CaseKey:
    """Names a case of a person. It stays the same while the case changes."""

    person: Nik
    kind: CaseKind
    agency: str
    """Code of the agency that holds it, or `hub`."""
    id: str
    """Identifier among the cases of that kind and agency."""

    @property
    def place(self) -> str:
        """The key without the person, for cursors."""
        return f"{self.kind.name} {self.agency} {self.id}"

    def __str__(self) -> str:
        """The whole key, for sealed ids and digests."""
        return f"{self.person} {self.place}"

    @classmethod
    def parse(cls, text: str) -> CaseKey:
        """The key of a sealed id."""
        person, kind, agency, id_ = text.split(" ", 3)
        return cls(person=Nik(person), kind=CaseKind[kind], agency=agency, id=id_)


@record
class CaseStep:
    """The next step of a case."""

    what: Annotated[str, Doc("The step, in plain words.")]
    by: Annotated[CaseActor, Doc("Who takes it.")]
    name: Annotated[str | None, Doc("Name of the agency or office that takes it; null for you.")] = None


@record
class CaseClock:
    """The moment until which the next step must be taken."""

    due_at: Annotated[datetime, Doc("The deadline.")]
    is_late: Annotated[bool, Doc("Whether it was, or still is, missed.")]


@record
class CaseActivity:
    """Something that happened in a case. Activities are added, and never changed."""

    at: Annotated[datetime, Doc("When it happened.")]
    text: Annotated[str, Doc("What happened, in plain words. Notes of agencies are in Indonesian.")]
    by: Annotated[str, Doc("Who did it, in plain words.")]


@record
class CaseAction:
    """A mutation that belongs to a case. It is listed even if you cannot use it now."""

    name: Annotated[str, Doc("Name of the mutation, such as `withdrawDataRequest`.")]
    allowed: Annotated[bool, Doc("Whether you can use it now.")]
    reason: Annotated[str | None, Doc("Why you cannot use it now; null if you can.")]


@record
class Case:
    """A matter of yours with the city, such as a complaint."""

    person: Annotated[Nik, DECIDES_ACCESS]
    """The person whose case it is."""
    key: CaseKey
    kind: Annotated[CaseKind, Doc("What it is about.")]
    title: Annotated[str, Doc("What it is about, in plain words.")]
    state: Annotated[CaseState, Doc("Its state.")]
    next_step: Annotated[CaseStep | None, Doc("The next step, and who takes it; null if there is none.")] = None
    clock: Annotated[CaseClock | None, Doc("The deadline of the next step; null if there is none.")] = None
    seen: Annotated[bool, Doc("Whether you have seen its last change: see `markCasesSeen`.")] = False
    changed_at: Annotated[datetime, Doc("When it changed last.")]
    activities: Annotated[tuple[CaseActivity, ...], Doc("What happened, oldest first.")]
    actions: Annotated[tuple[CaseAction, ...], Doc("What you can do, and what you cannot do now, with the reason.")]
    subject: Any
    """The record behind it."""

    @property
    def version(self) -> bytes:
        """A digest of its state and history, which differs after a change.

        A moment would not do: the clocks of agencies differ, and a change may seem older than what was seen.
        """
        moments = (self.changed_at, *(each.at for each in self.activities))
        return sha256(" ".join((self.state.name, *(str(each.timestamp()) for each in moments))).encode()).digest()


@record
class CasePosition:
    """A cursor in the list of cases: directly after the case that changed then."""

    changed_at: datetime
    place: str


@record
class CaseQuery:
    """One page of a person's cases."""

    person: Nik
    first: int
    after: CasePosition | None = None
    kinds: frozenset[CaseKind] = frozenset(CaseKind)
    is_open: bool | None = None
    """Only cases that are open, or that are not; None for both."""
    is_seen: bool | None = None
    """The same for cases whose last change was seen."""


@record
class CasePage:
    """One page of cases, last change first."""

    cases: tuple[Case, ...]
    has_more: bool
    total: int | None
    """Cases on all pages; None if an agency did not answer."""
    unseen: int | None
    """Those of them whose last change the person has not seen; None if an agency did not answer."""
