"""The access history of a person, answered from the hub's own ledger."""

from __future__ import annotations

from collections.abc import Sequence

from auth.crypto.pseudonyms import Pseudonyms
from records.calls.answers import Answers
from records.calls.call import Call
from records.hub.access_history import AccessLogEntry, AccessLogPage, AccessLogQuery
from records.hub.ledger_entries import StoredLedgerEntry
from records.identifiers import Nik
from services.ledger.entry_text import describe_access, describe_legal_basis, describe_reader
from store.ledger.access_history import AccessHistory


class DatabaseAccessHistories:
    """The hub's ledger, asked by NIK."""

    def __init__(self, log: AccessHistory, pseudonyms: Pseudonyms) -> None:
        """The ledger knows pseudonyms only."""
        self._log = log
        self._pseudonyms = pseudonyms

    async def access_pages(
        self,
        queries: Sequence[AccessLogQuery],
        call: Call,  # noqa: ARG002 - the hub's own database, not an agency
    ) -> Answers[AccessLogQuery, AccessLogPage]:
        """Pages of people's lists."""
        pages = {}
        for query in queries:  # of one person, who is the only one that may read them
            page = await self._log.load_page(
                self._pseudonyms.pseudonymize_person(query.subject), query.first, query.after
            )
            entries = tuple(build_entry(query.subject, each) for each in page.entries)
            pages[query] = AccessLogPage(entries=entries, has_more=page.has_more)
        return pages


def build_entry(subject: Nik, kept: StoredLedgerEntry) -> AccessLogEntry:
    """An entry of the ledger as its person is told."""
    access = kept.entry
    return AccessLogEntry(
        subject=subject,
        at=access.at,
        text=describe_access(access),
        reader=describe_reader(access),
        agency=access.agency,
        purpose=access.purpose,
        legal_basis=describe_legal_basis(access),
        sources=access.agencies,
        fields=access.fields,
        operation=access.operation,
        request_id=access.request_id,
        position=kept.position,
    )
