"""Public information: the domain protocol and its batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.batch import forward
from records.calls.answers import Answers
from records.calls.call import Call
from records.public_information import Notice, NoticeQuery, PublicDocument, PublicDocumentQuery
from resolvers.caching import PUBLIC


class PublicInformation(Protocol):
    """The domain of public information. A manifest binds an agency to it."""

    async def notices(self, ids: Sequence[str], call: Call) -> Answers[str, Notice]:
        """Notices by identifier."""

    async def notice_lists(self, queries: Sequence[NoticeQuery], call: Call) -> Answers[NoticeQuery, Sequence[Notice]]:
        """The newest notices, by text and region; the newest first."""

    async def public_documents(self, ids: Sequence[str], call: Call) -> Answers[str, PublicDocument]:
        """Documents of the list of public information, by number."""

    async def public_document_lists(
        self, queries: Sequence[PublicDocumentQuery], call: Call
    ) -> Answers[PublicDocumentQuery, Sequence[PublicDocument]]:
        """Pages of the list of public information, by text and duty."""


notices = forward(PublicInformation, PublicInformation.notices, caching=PUBLIC)
notice_lists = forward(PublicInformation, PublicInformation.notice_lists, absent=(), caching=PUBLIC)
public_documents = forward(PublicInformation, PublicInformation.public_documents, caching=PUBLIC)
public_document_lists = forward(PublicInformation, PublicInformation.public_document_lists, absent=(), caching=PUBLIC)
