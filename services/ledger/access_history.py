"""The access history of a person, answered from the hub's own ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from auth.crypto.pseudonyms import Pseudonyms
from records.calls.answers import Answers
from records.calls.call import Call
from records.hub.access_history import AccessLogEntry, AccessLogPage, AccessLogQuery, AccessReader, classify_reader
from records.hub.ledger_entries import StoredLedgerEntry
from records.identifiers import Nik
from services.ledger.entry_text import AgencyNames, describe_access, describe_legal_basis, describe_reader
from store.ledger.access_history import AccessHistory


class DatabaseAccessHistories:
    """Looks up the access history by NIK in the hub's ledger."""

    def __init__(self, log: AccessHistory, pseudonyms: Pseudonyms, names: AgencyNames) -> None:
        """`log` stores pseudonyms only."""
        self._log = log
        self._pseudonyms = pseudonyms
        self._names = names

    async def access_pages(
        self,
        queries: Sequence[AccessLogQuery],
        call: Call,  # noqa: ARG002 - the hub's own database, not an agency
    ) -> Answers[AccessLogQuery, AccessLogPage]:
        """Pages of each person's access history."""
        pages = {}
        for query in queries:  # each query is about the caller, who alone may read it
            page = await self._log.load_page(
                self._pseudonyms.pseudonymize_person(query.subject), query.first, query.after, query.filters
            )
            partners = await self._log.load_client_names(
                {each.entry.client for each in page.entries if classify_reader(each.entry) is AccessReader.PARTNER}
            )
            entries = tuple(build_entry(query.subject, each, self._names, partners) for each in page.entries)
            pages[query] = AccessLogPage(entries=entries, has_more=page.has_more)
        return pages


def build_entry(
    subject: Nik, kept: StoredLedgerEntry, names: AgencyNames, partners: Mapping[str | None, str]
) -> AccessLogEntry:
    """The entry as the person may see it. `partners` are the names of clients."""
    access = kept.entry
    reader_kind = classify_reader(access)
    return AccessLogEntry(
        subject=subject,
        at=access.at,
        text=describe_access(access, names),
        reader=describe_reader(access, names),
        reader_kind=reader_kind,
        agency=access.agency,
        partner=partners.get(access.client) if reader_kind is AccessReader.PARTNER else None,
        purpose=access.purpose,
        legal_basis=describe_legal_basis(access),
        sources=access.agencies,
        fields=access.fields,
        operation=access.operation,
        request_id=access.request_id,
        position=kept.position,
    )
