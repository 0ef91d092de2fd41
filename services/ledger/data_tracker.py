"""The access ledger for the Data Tracker: the same entries, by NIK, in its vocabulary. Each query is recorded too.

No consent is needed, whatever the client is: the city has to show people what is done with their data (UU PDP 27/2022,
article 32), so the query is a legal duty.
"""

from __future__ import annotations

from datetime import datetime

from auth.caller import Caller
from auth.crypto.pseudonyms import Pseudonyms
from auth.policy.legal_basis import LegalBasis
from records.calls.call import Call
from records.calls.subject_reads import RequestInfo, SubjectRead, hash_document
from records.hub.ledger_entries import LedgerEntry
from records.hub.usages import Usage, UsagePage, UsageQuery
from services.ledger.entry_text import AGENCY_NAMES, describe_access
from services.ledger.ledger_entry_builder import LedgerEntryBuilder
from store.ledger.access_history import AccessHistory
from store.ledger.access_ledger import LedgerWriter

_READ_FIELDS = ("Citizen.accessLog",)
_CLASSES = ("PERSONAL",)


class UsageHistory:
    """Answers queries of the Data Tracker."""

    def __init__(
        self, log: AccessHistory, pseudonyms: Pseudonyms, accesses: LedgerEntryBuilder, ledger: LedgerWriter
    ) -> None:
        """Records each query itself in `ledger`, like all other reads."""
        self._log = log
        self._pseudonyms = pseudonyms
        self._accesses = accesses
        self._ledger = ledger

    async def find_usages(self, query: UsageQuery, caller: Caller, call: Call) -> UsagePage:
        """The uses of a person's data; raises `LedgerUnavailable` if the query cannot be recorded."""
        subject = self._pseudonyms.pseudonymize_person(query.subject)
        total, kept = await self._log.load_range(
            subject, query.start, query.end, offset=query.offset, limit=query.limit
        )
        request = RequestInfo(caller, call.request_id, "findUsage", hash_document("GET /v2/findUsage"))
        reads = [SubjectRead(query.subject, _READ_FIELDS, (), _CLASSES)]
        await self._ledger.write(self._accesses.build(request, reads, basis=LegalBasis.LEGAL_DUTY))
        return UsagePage(total=total, usages=tuple(build_usage(each.entry) for each in kept))

    async def get_start(self) -> datetime | None:
        """The time of the first recorded use; None if no use was recorded."""
        return await self._log.load_start()


def build_usage(access: LedgerEntry) -> Usage:
    """Convert a ledger entry to the Data Tracker's vocabulary."""
    own = access.caller is not None and access.caller == access.subject
    code = access.agency or access.client or ("self" if own else access.caller_kind)
    name = AGENCY_NAMES.get(code, code).removeprefix("the ")
    return Usage(
        at=access.at,
        action=describe_access(access),
        receiver_code=code,
        receiver_name=name[:1].upper() + name[1:],
        receiver_system=access.client or "Simpul",
    )
