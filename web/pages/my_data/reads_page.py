"""`/my-data/reads`: who read the signed-in person's data, grouped by reader, day and purpose. A client of the graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from auth.oidc.page_session import SignedInSession
from records.clocks import CITY_TIME_ZONE
from records.hub.access_history import AccessReader
from records.purposes import Purpose
from services.ledger.entry_text import group_fields
from web.pages.internal_client import InternalClient
from web.pages.page_renderer import PageProblem, PageRenderer
from web.pages.personal_routes import PersonalRoute, PersonalRoutes, parse_cursor, require_object
from web.pages.words import Words

READS_PATH: Final = "/my-data/reads"
READS_QUERY: Final = """\
query ReadsPage($first: Int!, $after: String, $filter: AccessLogFilter) {
  me {
    accessLog(first: $first, after: $after, filter: $filter) {
      nodes { at readerKind agency partner purpose sources fields requestId }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""
PAGE_SIZE: Final = 100
"""Reads on one page."""
_PEOPLE: Final = (
    AccessReader.HOUSEHOLD_MEMBER,
    AccessReader.GUARDIAN,
    AccessReader.ASSISTANT,
    AccessReader.CITIZEN,
)
_STAFF: Final = (AccessReader.OFFICIAL, AccessReader.AGENCY_SYSTEM)
_OTHERS: Final = tuple(each for each in AccessReader if each is not AccessReader.YOURSELF)
READER_GROUPS: Final[Mapping[str, Sequence[AccessReader]]] = {
    "others": _OTHERS,
    "partners": (AccessReader.PARTNER, AccessReader.BUSINESS),
    "staff": _STAFF,
    "people": _PEOPLE,
    "oversight": tuple(
        each for each in _OTHERS if each not in {*_PEOPLE, *_STAFF, AccessReader.PARTNER, AccessReader.BUSINESS}
    ),
    "yourself": (AccessReader.YOURSELF,),
}
"""The values of `?reader=`; the first one is the default. Together, they are all readers."""
PERIODS: Final[Mapping[str, int | None]] = {"all": None, "7": 7, "30": 30, "365": 365}
"""The values of `?period=`, in days."""
_ORDER: Final = [AccessReader.PARTNER.name, *(each.name for each in _OTHERS), AccessReader.YOURSELF.name]


@dataclass(slots=True)
class ReadGroup:
    """Reads by one reader for one purpose on one day."""

    day: str
    purpose: str | None
    reads: list[Mapping[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class ReaderGroup:
    """Reads by one reader, newest first."""

    name: str
    kind: str
    count: int = 0
    groups: list[ReadGroup] = field(default_factory=list)


class ReadsPage:
    """The page."""

    def __init__(self, client: InternalClient, pages: PageRenderer) -> None:
        self._client = client
        self._pages = pages

    def routes(self) -> PersonalRoutes:
        """The route."""
        return [PersonalRoute(path=READS_PATH, show=self.show)]

    async def show(self, request: Request, session: SignedInSession) -> Response:
        """One page of reads. Raises `PageProblem`."""
        after = parse_cursor(request)
        chosen = _parse_choice(request)
        variables = {"first": PAGE_SIZE, "after": after, "filter": _build_filter(chosen)}
        answer = await self._client.execute(request, session, READS_QUERY, variables)
        found = require_object(answer, "me", "accessLog")
        page = found["pageInfo"]
        kept = {name: value for name, value in request.query_params.items() if name in {*chosen, "lang"}}
        return self._pages.render_page(
            request,
            "my_data/reads.html",
            session=session,
            readers=group_reads(found["nodes"], self._pages.get_words(request)),
            chosen=chosen,
            reader_groups=tuple(READER_GROUPS),
            periods=tuple(PERIODS),
            purposes=tuple(each.name for each in Purpose),
            older=f"{READS_PATH}?{urlencode({**kept, 'after': page['endCursor']})}" if page["hasNextPage"] else None,
            newest=f"{READS_PATH}?{urlencode(kept)}" if after else None,
        )


def group_reads(entries: Sequence[Mapping[str, Any]], words: Words) -> Sequence[ReaderGroup]:
    """Group entries by reader, then by day and purpose. Partners come first, by name."""
    readers: dict[str, ReaderGroup] = {}
    for entry in entries:
        name = describe_reader(entry, words)
        reader = readers.setdefault(name, ReaderGroup(name, entry["readerKind"]))
        reader.count += 1
        day = words.day(entry["at"])
        group = next((each for each in reader.groups if (each.day, each.purpose) == (day, entry["purpose"])), None)
        if group is None:
            reader.groups.append(group := ReadGroup(day, entry["purpose"]))
        things = [words.named("things", each, each) for each in group_fields(entry["fields"])]
        sources = [words.name_agency(each) for each in entry["sources"]]
        group.reads.append({"at": entry["at"], "things": things, "sources": sources, "request": entry["requestId"]})
    return sorted(readers.values(), key=lambda each: (_ORDER.index(each.kind), each.name.casefold()))


def describe_reader(entry: Mapping[str, Any], words: Words) -> str:
    """The reader in the language of the page."""
    texts, kind = words["readers"], entry["readerKind"]
    if kind == AccessReader.PARTNER.name:
        return str(entry["partner"] or texts[kind])
    return str(texts[kind]).format(agency=words.name_agency(entry["agency"]))


def _parse_choice(request: Request) -> Mapping[str, str]:
    """The chosen filters, with defaults. Raises `PageProblem` for a value that the page does not offer."""
    offered = {"reader": READER_GROUPS, "purpose": {"": None, **Purpose.__members__}, "period": PERIODS}
    chosen = {name: request.query_params.get(name, next(iter(values))) for name, values in offered.items()}
    if any(chosen[name] not in values for name, values in offered.items()):
        raise PageProblem("no_such_page", HTTPStatus.NOT_FOUND)
    return chosen


def _build_filter(chosen: Mapping[str, str]) -> Mapping[str, Any]:
    days = PERIODS[chosen["period"]]
    midnight = datetime.now(CITY_TIME_ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    return {
        "readers": [each.name for each in READER_GROUPS[chosen["reader"]]],
        "purpose": chosen["purpose"] or None,
        "readFrom": None if days is None else (midnight - timedelta(days=days - 1)).isoformat(),
    }
