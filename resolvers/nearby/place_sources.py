"""Where places of each kind come from: lists of the domains whose records have a point on the map.

They follow from the protocols of the domains. A domain with a list of located records is a source without more code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from importlib import import_module
from re import sub
from typing import Any, Final, get_type_hints

from connectors.declared.domain_reads import DomainRead, list_key_parts, list_reads
from connectors.declared.python_functions import split_optional
from connectors.declared.tables import NotDeclarableError
from engine.batch import Batch
from records.complaints import Complaint, ComplaintQuery
from records.nearby import NearbyQuery
from records.regions import Coordinates, Near
from records.transit import WheelchairAccess
from resolvers.complaints import complaint_pages
from resolvers.domains import find_domains

MAX_LISTED: Final = 1_000
"""Places of one kind that an answer looks at."""
_MARGIN: Final = 10
"""Places more than the page needs: several can be at one point."""
_MAX_COMPLAINTS: Final = 100
"""The newest public complaints of the city, or of a region, that are looked at."""
_POINT: Final = "coordinates"
_REGION: Final = "region_code"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlaceSource:
    """A source of places of one kind."""

    kind: str
    """The word of the kind, such as `WIFI_POINT`."""
    domain: str
    """The word of its domain, which is also the name of its modules."""
    record: type[Any]
    batch: Batch[Any, Any]
    build_query: Callable[[NearbyQuery], Any]
    """The key of the list that has all wanted places, and perhaps others."""
    list_records: Callable[[Any], Sequence[Any]] = lambda answer: answer
    id_name: str = "id"
    wheelchair_name: str | None = None
    """The field with the access for wheelchairs."""

    @property
    def has_regions(self) -> bool:
        """Whether its places say in which region they lie."""
        return _REGION in get_type_hints(self.record)


def find_place_sources() -> Sequence[PlaceSource]:
    """The sources of all kinds, by their words."""
    found: dict[str, PlaceSource] = {}
    for word, protocol in find_domains().items():
        try:
            reads = list_reads(protocol).values()
        except NotDeclarableError:  # a domain about people, whose reads take more than keys
            continue
        for source in _find_sources_of(word, protocol, reads):
            found.setdefault(source.kind, source)
    complaints = PlaceSource(
        **_describe(Complaint),
        domain="complaints",
        batch=complaint_pages,
        build_query=_build_complaint_query,
        list_records=lambda page: page.complaints,
    )
    found[complaints.kind] = complaints
    return [found[kind] for kind in sorted(found)]


def _find_sources_of(word: str, protocol: type[Any], reads: Any) -> Iterator[PlaceSource]:  # noqa: ANN401 - a view of a mapping
    batches = [each for each in vars(import_module(f"resolvers.{word}")).values() if isinstance(each, Batch)]
    for read in sorted(reads, key=lambda each: "near" not in list_key_parts(each.key)):
        batch = next((each for each in batches if each.domain is protocol and each.domain_read == read.name), None)
        build_query = find_query(read)
        if batch is not None and build_query is not None and batch.is_public:
            yield PlaceSource(**_describe(read.record), domain=word, batch=batch, build_query=build_query)


def find_query(read: DomainRead) -> Callable[[NearbyQuery], Any] | None:
    """How a list is asked for places; None if its records have no point, or if it cannot be asked without more."""
    if not read.is_list or not is_dataclass(read.key):
        return None
    key: Any = read.key
    if split_optional(get_type_hints(read.record).get(_POINT))[0] is not Coordinates:
        return None
    parts = {name: split_optional(each)[0] for name, each in list_key_parts(key).items()}
    required = {each.name for each in fields(key) if each.default is MISSING and each.default_factory is MISSING}
    if not required <= {"search", "first"}:
        return None
    takes_near, takes_region = parts.get("near") is Near, _REGION in parts and "after" in parts

    def build(query: NearbyQuery) -> Any:  # noqa: ANN401 - a key of the domain
        given: dict[str, Any] = {"search": ""} if "search" in parts else {}
        if "first" in parts:
            given["first"] = min(query.depth + query.first + _MARGIN, MAX_LISTED)
        if takes_near:
            given["near"] = query.near
        if takes_region and query.near is None:
            given[_REGION] = query.region_code
            # Places of this kind that were on earlier pages are not asked for again.
            if query.after is not None and query.after.order[1] == _name_kind(read.record):
                given["after"] = query.after.order[2]
        return key(**given)

    return build if takes_near or parts.keys() == {"search"} else None


def _build_complaint_query(query: NearbyQuery) -> ComplaintQuery:
    regions = () if query.region_code is None else (query.region_code,)
    return ComplaintQuery(first=_MAX_COMPLAINTS, regions=regions)


def _describe(record: type[Any]) -> dict[str, Any]:
    hints = get_type_hints(record)
    wheelchair = next((name for name, each in hints.items() if split_optional(each)[0] is WheelchairAccess), None)
    id_name = "id" if "id" in hints else fields(record)[0].name
    return {"kind": _name_kind(record), "record": record, "id_name": id_name, "wheelchair_name": wheelchair}


def _name_kind(record: type[Any]) -> str:
    return sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", record.__name__).upper()
