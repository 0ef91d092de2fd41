"""What answers hold of people, on its way from the engine into the access ledger."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any

from auth.accesses import Accesses, Reading
from engine.errors import NotRecorded
from engine.reads import Asked, Read, Recorder
from records.identifiers import Nik
from resolvers.people_budgets import PeopleBudgets
from store.access_ledger import AccessLedger, LedgerUnavailable

NOT_RECORDED = (
    "Who reads personal data cannot be recorded at the moment, so none is given. Public data still answers; try again "
    "later."
)


def recorder(ledger: AccessLedger, accesses: Accesses) -> Recorder:
    """What the engine hands each answer's reads to, before the answer leaves."""

    async def record(asked: Asked, reads: Sequence[Read]) -> None:
        reading = Reading(request_id=asked.request_id, operation=asked.operation, document=asked.document)
        try:
            await ledger.write(accesses.of(asked.who, reading, reads))
        except LedgerUnavailable:
            raise NotRecorded(NOT_RECORDED) from None

    return record


def within_budgets(record: Recorder, budgets: PeopleBudgets) -> Recorder:
    """The same, for answers within the reader's budget: people who were found through data are charged here."""

    def charged_first(asked: Asked, reads: Sequence[Read]) -> Coroutine[Any, Any, None]:
        if not budgets.has_budget(asked.who):  # citizens, who read about themselves
            return record(asked, reads)
        return charge(asked, reads)

    async def charge(asked: Asked, reads: Sequence[Read]) -> None:
        named = [read.subject for read in reads]
        people = [each if isinstance(each, bytes) else Nik(each) for each in named if isinstance(each, (str, bytes))]
        refusal = await budgets.charge(asked.who, people)
        if refusal is not None:
            raise refusal.error
        await record(asked, reads)

    return charged_first
