"""Who read what of a person: what can be asked, and how it is answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from auth.pseudonyms import Pseudonyms
from engine.batch import batch
from records.access_log import AccessLogEntry, AccessLogPage, AccessLogQuery
from records.accesses import KeptAccess
from records.answers import Answers
from records.call import Call
from records.identifiers import Nik
from resolvers.access_text import basis_of, reader_of, text_of
from resolvers.ask import Ask
from store.access_log import AccessLog


class AccessLogs(Protocol):
    """The domain of the access log. The composition root binds the hub's own ledger to it."""

    async def access_pages(
        self, queries: Sequence[AccessLogQuery], call: Call
    ) -> Answers[AccessLogQuery, AccessLogPage]:
        """Pages of people's lists."""


@batch(agency=None)
async def access_logs(queries: Sequence[AccessLogQuery], ask: Ask) -> Answers[AccessLogQuery, AccessLogPage]:
    """Who read what of a person, newest first; without what may not be told yet."""
    return await ask.agencies[AccessLogs].access_pages(queries, ask.call)


class OwnAccessLogs:
    """The hub's ledger, asked by NIK."""

    def __init__(self, log: AccessLog, pseudonyms: Pseudonyms) -> None:
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
            page = await self._log.page(self._pseudonyms.of_person(query.subject), query.first, query.after)
            entries = tuple(entry_of(query.subject, each) for each in page.accesses)
            pages[query] = AccessLogPage(entries=entries, has_more=page.has_more)
        return pages


def entry_of(subject: Nik, kept: KeptAccess) -> AccessLogEntry:
    """An entry of the ledger as its person is told."""
    access = kept.access
    return AccessLogEntry(
        subject=subject,
        at=access.at,
        text=text_of(access),
        reader=reader_of(access),
        agency=access.agency,
        purpose=access.purpose,
        legal_basis=basis_of(access),
        sources=access.agencies,
        fields=access.fields,
        operation=access.operation,
        request_id=access.request_id,
        position=kept.position,
    )
