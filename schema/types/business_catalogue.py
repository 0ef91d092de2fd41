"""The public catalogue of small businesses: products whose owners opted in."""

from __future__ import annotations

from functools import partial

from auth.policy.rules import Rule
from records.msmes import CatalogueProduct, CatalogueQuery
from records.regions import Region
from resolvers.msmes import catalogue_lists
from resolvers.regions import regions
from schema.declarations.additions import adds_to, adds_to_query
from schema.declarations.fields import edge, root
from schema.declarations.publishing import publishes
from schema.declarations.relay import After, First, Search, build_page, check_first, connection_of, decode_id_cursor
from schema.types.places import InsideRegion
from schema.types.regions import RegionType


@publishes(CatalogueProduct, rule=Rule.PUBLIC, shows=("name", "price", "seller", "industry_code"))
class CatalogueProductType:
    """The published `CatalogueProduct`."""

    region: RegionType | None = edge(regions, key="region_code", description="The district the business works in.")


@connection_of(CatalogueProductType, item_name="product", items_name="products")
class CatalogueProductConnectionType:
    """A page of the public catalogue."""


def _find_products(
    search: Search = "", region: InsideRegion = None, first: First = 20, after: After = None
) -> CatalogueQuery:
    position = decode_id_cursor(after) if after else None
    return CatalogueQuery(search=search, region_code=region, first=check_first(first) + 1, after=position)


def _find_products_of(record: Region, search: Search = "", first: First = 20, after: After = None) -> CatalogueQuery:
    return _find_products(search, record.code, first, after)


_build_catalogue = partial(build_page, CatalogueProductConnectionType)


@adds_to_query
class CatalogueQueries:
    """The root field of the public catalogue."""

    product_catalogue = root(
        catalogue_lists,
        returns=CatalogueProductConnectionType | None,
        rule=Rule.PUBLIC,
        transform=_build_catalogue,
        description="Products of small businesses in the public catalogue, by text and region.",
    )(_find_products)


@adds_to(RegionType)
class CatalogueOfRegion:
    """The public catalogue of a region."""

    product_catalogue: CatalogueProductConnectionType | None = edge(
        catalogue_lists,
        key=_find_products_of,
        transform=_build_catalogue,
        description="Products of the small businesses in it.",
    )
