"""Public information: notices, and the list of documents that offices must publish."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import strawberry

from auth.policy.rules import Rule
from records.public_information import (
    Notice,
    NoticeKind,
    NoticeQuery,
    PublicationDuty,
    PublicDocument,
    PublicDocumentQuery,
)
from records.regions import Region
from resolvers.public_information import notice_lists, notices, public_document_lists, public_documents
from resolvers.regions import regions
from schema.declarations.additions import adds_to, adds_to_query
from schema.declarations.fields import edge, root
from schema.declarations.publishing import Refetch, publishes
from schema.declarations.relay import (
    After,
    First,
    Node,
    Search,
    build_page,
    check_first,
    connection_of,
    decode_id_cursor,
)
from schema.declarations.scalars import publish_enum
from schema.types.places import InsideRegion
from schema.types.regions import RegionType

publish_enum(NoticeKind)
publish_enum(PublicationDuty)


@publishes(
    Notice,
    rule=Rule.PUBLIC,
    shows=(
        "title", "kind", "text", "publisher", "url", "image_url", "image_description", "published_at", "ends_at",
    ),
    refetch=Refetch(batch=notices, seal=lambda each: each.id, unseal=str),
)  # fmt: skip
class NoticeType(Node):
    """The published `Notice`."""

    region: RegionType | None = edge(regions, key="region_code", description="The region it is about.")


@publishes(
    PublicDocument,
    rule=Rule.PUBLIC,
    shows=("title", "summary", "duty", "office", "year", "formats", "url"),
    refetch=Refetch(batch=public_documents, seal=lambda each: each.id, unseal=str),
)
class PublicDocumentType(Node):
    """The published `PublicDocument`."""


@connection_of(PublicDocumentType, item_name="document", items_name="documents")
class PublicDocumentConnectionType:
    """A page of the list of public information."""


def _find_notices_of(record: Region, search: Search = "", first: First = 10) -> NoticeQuery:
    return NoticeQuery(search=search, region_code=record.code, first=check_first(first))


@adds_to(RegionType)
class NoticesOfRegion:
    """The notices of a region."""

    notices: list[NoticeType] | None = edge(
        notice_lists,
        key=_find_notices_of,
        expected_size=lambda arguments: arguments.get("first", 10),
        description="The newest notices about it, and about the regions inside it.",
    )


@adds_to_query
class PublicInformationQueries:
    """The root fields of public information."""

    @root(notice_lists, returns=list[NoticeType] | None, rule=Rule.PUBLIC)
    def notices(search: Search = "", region: InsideRegion = None, first: First = 20) -> NoticeQuery:
        """News, announcements and warnings of the city, the newest first."""
        return NoticeQuery(search=search, region_code=region, first=check_first(first))

    @root(
        public_document_lists,
        returns=PublicDocumentConnectionType | None,
        rule=Rule.PUBLIC,
        transform=partial(build_page, PublicDocumentConnectionType),
    )
    def public_documents(
        search: Search = "",
        duty: Annotated[
            PublicationDuty | None, strawberry.argument(description="Only documents that must be published so.")
        ] = None,
        first: First = 20,
        after: After = None,
    ) -> PublicDocumentQuery:
        """The list of public information (Daftar Informasi Publik), ordered by number."""
        position = decode_id_cursor(after) if after else None
        return PublicDocumentQuery(search=search, duty=duty, first=check_first(first) + 1, after=position)
