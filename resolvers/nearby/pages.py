"""Pages of places of all kinds, the nearest first: one list of what the domains have near a point, or in a region.

An agency that fails costs its own places; it is named in `extensions.incomplete` of the answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Any, Final

from engine.agencies.routing_log import MissingPart
from engine.batch import NEVER_ABSENT, batch, load_answers
from engine.nested_freshness import NestedFreshness
from records.calls.answers import Answers
from records.calls.failures import AgencyFailure
from records.distances import measure_metres
from records.nearby import NearbyPage, NearbyPlace, NearbyQuery
from resolvers.batch_context import HubBatchContext
from resolvers.nearby.place_sources import PlaceSource, find_place_sources

PLACE_SOURCES: Final = tuple(find_place_sources())
"""All kinds of places. A new located domain is one more."""


@batch(domain=None, reads=tuple(each.batch for each in PLACE_SOURCES), absent=NEVER_ABSENT)
async def nearby_pages(queries: Sequence[NearbyQuery], context: HubBatchContext) -> Answers[NearbyQuery, NearbyPage]:
    """Pages of places near a point, or inside a region."""
    pages = await asyncio.gather(*(_load_page(each, context) for each in queries))
    return dict(zip(queries, pages, strict=True))


async def _load_page(query: NearbyQuery, context: HubBatchContext) -> NearbyPage:
    """One page. Raises a failure if no agency answers."""
    sources = [
        each
        for each in PLACE_SOURCES
        if (not query.kinds or each.kind in query.kinds)
        and (query.region_code is None or each.has_regions)
        and context.agencies.codes.answers(each.batch.domain, each.batch.domain_read)
    ]
    if context.recorder is not None:
        context = replace(context, recorder=NestedFreshness(context.recorder, nearby_pages, [query]))
    found = await asyncio.gather(*(_load_places(each, query, context) for each in sources))
    failures = [each for each in found if isinstance(each, AgencyFailure)]
    if failures and len(failures) == len(found):
        raise failures[0]
    of_batch = context.routing_log.incomplete.setdefault(nearby_pages, {})
    if failures:
        of_batch[query] = tuple(dict.fromkeys(MissingPart(each.agency, each.code) for each in failures))
    else:
        of_batch.pop(query, None)
    places = sorted(
        (place for each in found if not isinstance(each, AgencyFailure) for place in each), key=attrgetter("order")
    )
    if query.after is not None:
        places = [each for each in places if each.order > query.after.order]
    return NearbyPage(places=tuple(places[: query.first]), has_more=len(places) > query.first)


async def _load_places(
    source: PlaceSource, query: NearbyQuery, context: HubBatchContext
) -> Sequence[NearbyPlace] | AgencyFailure:
    """The places of one kind, or the failure of its agency."""
    key = source.build_query(query)
    try:
        answers = await load_answers(source.batch, [key], context, context.recorder)
    except AgencyFailure as failure:
        return failure
    answer = answers.get(key, ())
    if isinstance(answer, AgencyFailure):
        return answer
    return list(_list_places(source, query, source.list_records(answer) if answer else ()))


def _list_places(source: PlaceSource, query: NearbyQuery, records: Sequence[Any]) -> Iterator[NearbyPlace]:
    for record in records:
        metres = 0.0 if query.near is None else measure_metres(query.near, record.coordinates)
        if metres > query.metres or not query.covers(getattr(record, "region_code", None)):
            continue
        identifier = str(getattr(record, source.id_name))
        yield NearbyPlace(
            kind=source.kind,
            id=identifier,
            name=getattr(record, "name", None),
            address=getattr(record, "address", None),
            coordinates=record.coordinates,
            distance_metres=None if query.near is None else round(metres),
            wheelchair=None if source.wheelchair_name is None else getattr(record, source.wheelchair_name),
            record=record,
            order=(round(metres * 100), source.kind, identifier),
        )
