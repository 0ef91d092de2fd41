"""What answers hold of people, on its way from the engine into the access ledger."""

from __future__ import annotations

from collections.abc import Sequence

from auth.accesses import Accesses, Reading
from engine.errors import NotRecorded
from engine.reads import Asked, Read, Recorder
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
