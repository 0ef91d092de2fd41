"""The access ledger for the Data Tracker: the same entries, by NIK, in its own words. Each look is an entry, too.

Nobody consented to it, whatever the client is: the city has to give people the track of what is done with their data
(UU PDP 27/2022, article 32), so a look is a duty by law.
"""

from __future__ import annotations

from datetime import datetime

from auth.accesses import Accesses, Reading
from auth.caller import Caller
from auth.legal_basis import LegalBasis
from auth.pseudonyms import Pseudonyms
from engine.reads import Read, document_hash
from records.accesses import Access
from records.call import Call
from records.usages import Usage, UsagePage, UsageQuery
from resolvers.access_text import AGENCY_NAMES, text_of
from store.access_ledger import AccessLedger
from store.access_log import AccessLog

_FIELDS = ("Citizen.accessLog",)
_CLASSES = ("PERSONAL",)


class Usages:
    """Answers the Data Tracker."""

    def __init__(self, log: AccessLog, pseudonyms: Pseudonyms, accesses: Accesses, ledger: AccessLedger | None) -> None:
        """Without a `ledger`, who looked is not kept, as nothing else is."""
        self._log = log
        self._pseudonyms = pseudonyms
        self._accesses = accesses
        self._ledger = ledger

    async def find(self, query: UsageQuery, caller: Caller, call: Call) -> UsagePage:
        """Who used a person's data; raises `LedgerUnavailable` where that this was asked cannot be recorded."""
        subject = self._pseudonyms.of_person(query.subject)
        total, kept = await self._log.between(subject, query.start, query.end, offset=query.offset, limit=query.limit)
        if self._ledger is not None:
            reading = Reading(
                request_id=call.request_id, operation="findUsage", document=document_hash("GET /v2/findUsage")
            )
            reads = [Read(query.subject, _FIELDS, (), _CLASSES)]
            await self._ledger.write(self._accesses.of(caller, reading, reads, basis=LegalBasis.LEGAL_DUTY))
        return UsagePage(total=total, usages=tuple(usage_of(each.access) for each in kept))

    async def since(self) -> datetime | None:
        """Since when usages are kept; None where none ever was."""
        return await self._log.begins()


def usage_of(access: Access) -> Usage:
    """An entry in the Data Tracker's words."""
    own = access.caller is not None and access.caller == access.subject
    code = access.agency or access.client or ("self" if own else access.caller_kind)
    name = AGENCY_NAMES.get(code, code).removeprefix("the ")
    return Usage(
        at=access.at,
        action=text_of(access),
        receiver_code=code,
        receiver_name=name[:1].upper() + name[1:],
        receiver_system=access.client or "Simpul",
    )
