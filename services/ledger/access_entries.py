"""The entries of the hub's access ledger, for oversight callers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from auth.caller import Caller
from auth.crypto.entry_tokens import EntryTokens, UnknownToken, build_viewer_key
from auth.crypto.pseudonyms import Pseudonyms
from engine.errors import BadInput
from records.calls.call import Call
from records.hub.access_entries import AccessEntry, AccessEntryPage, AccessEntryQuery
from records.hub.ledger_entries import AccessSearch, StoredLedgerEntry
from resolvers.hub.access_entries import AccessEntryAnswers
from store.ledger.access_history import AccessHistory


class DatabaseAccessEntries:
    """Searches the hub's ledger for oversight callers."""

    def __init__(self, log: AccessHistory, pseudonyms: Pseudonyms, tokens: EntryTokens) -> None:
        """`log` stores pseudonyms; `tokens` seals them for each viewer."""
        self._log = log
        self._pseudonyms = pseudonyms
        self._tokens = tokens

    async def entry_pages(
        self,
        queries: Sequence[AccessEntryQuery],
        caller: Caller,
        call: Call,  # noqa: ARG002 - the hub's own database, not an agency
    ) -> AccessEntryAnswers:
        """Pages of entries, with the tokens of this caller."""
        viewer = build_viewer_key(caller)
        pages: dict[AccessEntryQuery, AccessEntryPage | BadInput] = {}
        for query in queries:  # a request has one query, rarely more
            try:
                search = self._build_search(query, viewer)
            except UnknownToken:
                pages[query] = BadInput(
                    "A token in the filter is not valid for you and this case. Give 'person' or 'reader' as they"
                    " were received, with the same case."
                )
                continue
            found = await self._log.search(search, query.first, query.after)
            entries = tuple(self._build_entry(each, viewer) for each in found.entries)
            pages[query] = AccessEntryPage(entries=entries, has_more=found.has_more)
        return pages

    def _build_search(self, query: AccessEntryQuery, viewer: bytes) -> AccessSearch:
        subjects = {self._pseudonyms.pseudonymize_person(query.subject)} if query.subject is not None else set()
        if query.person is not None:
            subjects.add(self._tokens.open(query.person, viewer))
        reader = None if query.reader is None else self._tokens.open(query.reader, viewer)
        return replace(query.filters, subjects=tuple(subjects), caller=reader)

    def _build_entry(self, kept: StoredLedgerEntry, viewer: bytes) -> AccessEntry:
        access = kept.entry
        return AccessEntry(
            subject=access.subject,
            at=access.at,
            person=None if access.subject is None else self._tokens.seal(access.subject, viewer),
            reader=None if access.caller is None else self._tokens.seal(access.caller, viewer),
            reader_kind=access.caller_kind,
            agency=access.agency,
            unit=access.unit,
            role=access.role,
            client=access.client,
            purpose=access.purpose,
            case=access.case,
            legal_basis=access.legal_basis,
            sources=access.agencies,
            fields=access.fields,
            classes=() if access.classification is None else tuple(access.classification.split()),
            operation=access.operation,
            request_id=access.request_id,
            hidden_until=access.hidden_until,
            position=kept.position,
        )
