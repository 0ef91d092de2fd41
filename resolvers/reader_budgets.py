"""The budget of a reader: the number of different people that they may read per hour and per day.

Named people are charged before any agency call about them (`preferences_of`, `consenting_people`, `access_entries`).
All people in an answer are charged before the hub sends it (`services/ledger/read_recording.py`). A person that was
charged is free for an hour, so the second charge adds nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, isinf
from typing import NamedTuple, Protocol

from auth.caller import Caller, CallerKind
from auth.crypto.pseudonyms import Pseudonyms
from auth.crypto.rate_keys import RateKeys
from cache.limits.people_counts import HOUR, OverBudget, PeopleBudget, PeopleCounts
from engine.errors import ReaderBudgetExceeded
from records.identifiers import Nik
from records.plurals import count_noun
from resolvers.batch_context import HubBatchContext

Person = Nik | bytes
"""By NIK, or by pseudonym when the ledger itself is read."""


class RefusedPeople(NamedTuple):
    """People that the reader may not read now."""

    people: frozenset[Person]
    error: ReaderBudgetExceeded


class PeopleBudgetCharger(Protocol):
    """Charges people to readers. The composition root binds it; without it, no reader has a budget."""

    def has_budget(self, caller: Caller) -> bool:
        """Whether this caller has a budget."""

    async def charge(self, caller: Caller, people: Sequence[Person]) -> RefusedPeople | None:
        """Charge all people that were not charged before, all or none; None if they may be read."""


class NoPeopleBudgets:
    """No reader has a budget."""

    def has_budget(self, caller: Caller) -> bool:  # noqa: ARG002 - no caller has one
        """False."""
        return False

    async def charge(self, caller: Caller, people: Sequence[Person]) -> None:
        """All people may be read."""


NO_BUDGETS = NoPeopleBudgets()
_APPLICATIONS = frozenset({CallerKind.PARTNER, CallerKind.AGENCY_SYSTEM})


def get_budgets(context: HubBatchContext) -> PeopleBudgetCharger:
    """The budgets that apply to this request."""
    return context.agencies.get(PeopleBudgetCharger, NO_BUDGETS)


@dataclass(slots=True)
class PeopleReadCounts:
    """Charged people and refusals since the start of the process, by kind of caller. Never decreases."""

    charged: int = 0
    refused: int = 0
    """Requests for people beyond the budget."""


@dataclass(frozen=True, slots=True)
class ReaderBudgets:
    """The budgets of this hub."""

    budgets: Mapping[CallerKind, PeopleBudget]
    counts: PeopleCounts
    pseudonyms: Pseudonyms
    keys: RateKeys
    read_counts: dict[CallerKind, PeopleReadCounts] = field(default_factory=dict)

    def has_budget(self, caller: Caller) -> bool:
        """Whether the table has the caller's kind."""
        return caller.kind in self.budgets

    async def charge(self, caller: Caller, people: Sequence[Person]) -> RefusedPeople | None:
        """Charge people to the caller."""
        budget = self.budgets.get(caller.kind)
        if budget is None or not people:
            return None
        by_pseudonym = {self._to_pseudonym(each): each for each in people}
        reader = self.keys("reader", caller.kind.value, _get_reader_name(caller))
        charge = await self.counts.charge(reader, budget, tuple(by_pseudonym))
        read = self.read_counts.setdefault(caller.kind, PeopleReadCounts())
        read.charged += charge.counted
        if charge.over_budget is None:
            return None
        read.refused += 1
        refused = frozenset(by_pseudonym[each] for each in charge.over_budget.people)
        return RefusedPeople(refused, _build_error(charge.over_budget))

    def _to_pseudonym(self, person: Person) -> bytes:
        return person if isinstance(person, bytes) else self.pseudonyms.pseudonymize_person(person)


def _get_reader_name(caller: Caller) -> str:
    """The reader's name, the same for all its tokens: the subject of a person, the client of an application.

    Callers without a name share one budget per agency.
    """
    if caller.kind in _APPLICATIONS and caller.client is not None:
        return caller.client  # names its issuer, too
    return caller.subject or caller.nib or caller.client or caller.agency or ""


def _build_error(over: OverBudget) -> ReaderBudgetExceeded:
    time = "an hour" if over.window == HOUR else "a day"
    names = f"This request names {count_noun(len(over.people), 'person', 'people')} new in that time"
    limit = f"You may read about at most {count_noun(over.limit, 'person', 'different people')} in {time}."
    if isinf(over.wait):
        return ReaderBudgetExceeded(f"{limit} {names}. Request fewer.", None)
    after = max(1, ceil(over.wait))
    return ReaderBudgetExceeded(f"{limit} {names}. Request fewer, or retry in {after} s.", after)
