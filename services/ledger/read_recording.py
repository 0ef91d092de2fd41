"""Records the reads of personal data in an answer, from the engine into the access ledger."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any

from auth.policy.legal_basis import LegalBasis
from engine.errors import NotRecorded
from engine.reporting import NoReadRecorder, ReadRecorder
from records.calls.subject_reads import RequestInfo, SubjectRead
from records.identifiers import Nik
from resolvers.reader_budgets import PeopleBudgetCharger
from services.ledger.ledger_entry_builder import LedgerEntryBuilder
from store.ledger.access_ledger import LedgerUnavailable, LedgerWriter, NoLedger

NOT_RECORDED = (
    "Access to personal data cannot be logged at the moment, so no personal data is returned. Public data still"
    " answers; try again later."
)


def build_recorder(
    ledger: LedgerWriter, accesses: LedgerEntryBuilder, *, basis: LegalBasis | None = None
) -> ReadRecorder:
    """Build the recorder of an answer's reads, which runs before the answer is sent.

    `basis` is the legal basis of reads that no rule of the graph allows.
    """
    if isinstance(ledger, NoLedger):
        return NoReadRecorder()

    async def record(request: RequestInfo, reads: Sequence[SubjectRead]) -> None:
        try:
            await ledger.write(accesses.build(request, reads, basis=basis))
        except LedgerUnavailable:
            raise NotRecorded(NOT_RECORDED) from None

    return record


def with_reader_budgets(recorder: ReadRecorder, budgets: PeopleBudgetCharger) -> ReadRecorder:
    """Wrap a recorder so that it also charges people found through data to the reader's budget."""
    if isinstance(recorder, NoReadRecorder):
        return recorder  # without a ledger there are no reads to charge

    def charge_then_record(request: RequestInfo, reads: Sequence[SubjectRead]) -> Coroutine[Any, Any, None]:
        if not budgets.has_budget(request.caller):  # citizens read about themselves, without a budget
            return recorder(request, reads)
        return charge_and_record(request, reads)

    async def charge_and_record(asked: RequestInfo, reads: Sequence[SubjectRead]) -> None:
        named = [read.subject for read in reads]
        people = [each if isinstance(each, bytes) else Nik(each) for each in named if isinstance(each, (str, bytes))]
        refusal = await budgets.charge(asked.caller, people)
        if refusal is not None:
            raise refusal.error
        await recorder(asked, reads)

    return charge_then_record
