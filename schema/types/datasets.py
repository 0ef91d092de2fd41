"""The catalogue of open data."""

from __future__ import annotations

from functools import partial

from auth.policy.rules import Rule
from records.datasets import Dataset, DatasetFile, DatasetQuery
from resolvers.datasets import dataset_lists, datasets
from schema.declarations.additions import adds_to_query
from schema.declarations.fields import derived, root
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


@publishes(DatasetFile, rule=Rule.PUBLIC, shows=("name", "format", "url"))
class DatasetFileType:
    """The published `DatasetFile`."""


@publishes(
    Dataset,
    rule=Rule.PUBLIC,
    shows=("title", "description", "publisher", "licence", "licence_url", "updated_at", "files"),
    nested=(DatasetFileType,),
    refetch=Refetch(batch=datasets, seal=lambda each: each.id, unseal=str),
)
class DatasetType(Node):
    """The published `Dataset`."""

    @derived(returns=list[str] | None, expected_size=3)
    def formats(record: Dataset) -> tuple[str, ...]:
        """The formats of its files, each once."""
        return record.formats


@connection_of(DatasetType, item_name="data set", items_name="data sets")
class DatasetConnectionType:
    """A page of data sets."""


@adds_to_query
class DatasetQueries:
    """The root field of data sets."""

    @root(
        dataset_lists,
        returns=DatasetConnectionType | None,
        rule=Rule.PUBLIC,
        transform=partial(build_page, DatasetConnectionType),
    )
    def datasets(search: Search = "", first: First = 20, after: After = None) -> DatasetQuery:
        """Open data sets of the city by text, ordered by name."""
        position = decode_id_cursor(after) if after else None
        return DatasetQuery(search=search, first=check_first(first) + 1, after=position)
