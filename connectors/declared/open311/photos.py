"""Photos of requests: links to files at the same server, which only the hub follows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final, NamedTuple, TypeVar

from connectors.declared.open311.client import BAD_REQUEST, REQUESTS, Open311Client
from connectors.declared.record_readers import list_inner_rows
from connectors.drivers.http.service import HttpRequest
from connectors.readers.numbers import whole_number
from connectors.readers.rows import Row
from connectors.readers.texts import text
from connectors.readers.unreadable import UnreadableError
from records.calls.call import Call
from records.complaint_photos import MAX_SOURCE_LENGTH
from records.uploads import find_image_type

T = TypeVar("T")

MAX_LISTED: Final = 20
"""Photos of one request."""


class PhotoLink(NamedTuple):
    """A photo, as the server lists it."""

    link: str
    text: str | None
    width: int | None
    height: int | None


class PhotoLinks:
    """Lists the photos of requests, and loads them."""

    def __init__(self, client: Open311Client) -> None:
        """Opens nothing."""
        self._client = client
        self._list_name = client.wire.extensions.media
        self.agency = client.http.agency

    def find(self, request: Row) -> Sequence[PhotoLink]:
        """The photos of a request that the hub can load: links to other servers are left out."""
        return tuple(islice(self._list(request), MAX_LISTED))

    async def load(self, link: str, call: Call) -> bytes | None:
        """The file behind a link; None if it is gone, or is no photo. Raises `AgencyFailure`."""
        request = self._build_request(link)
        if request is None:
            return None
        reply = await self._client.http.send(request, call)
        if reply.status >= BAD_REQUEST or find_image_type(reply.body) is None:
            return None
        return reply.body

    def _list(self, request: Row) -> Iterator[PhotoLink]:
        extended = request.get("extended_attributes")
        if self._list_name is None or not isinstance(extended, Mapping):
            rows: Sequence[Row] = [{"url": request.get("media_url")}]
        else:
            rows = _read(list_inner_rows, extended.get(self._list_name)) or ()
        for row in rows:
            link = _read(text, row.get("url"))
            if link and len(link) <= MAX_SOURCE_LENGTH and self._build_request(link) is not None:
                width, height = (_read(whole_number, row.get(name)) for name in ("width", "height"))
                yield PhotoLink(link, _read(text, row.get("text")), width, height)

    def _build_request(self, link: str) -> HttpRequest | None:
        """The GET for a link; None for another server's."""
        try:
            return self._client.http.build_linked_request(HttpRequest("GET", REQUESTS), link)
        except ValueError:
            return None


def _read(reader: Callable[[object], T], raw: object) -> T | None:
    try:
        return reader(raw)
    except UnreadableError:
        return None
