"""`/my-data`: what the agencies hold about the signed-in person, and who read it. It is a client of the graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from auth.oidc.page_session import SignedInSession
from web.pages.internal_client import InternalClient, ResponseMap
from web.pages.page_renderer import PageProblem, PageRenderer
from web.pages.words import Words

MY_DATA_PATH: Final = "/my-data"
MY_DATA_QUERY: Final = """\
query MyDataPage {
  me {
    name
    birthDate
    residence { address }
    household { members { name relationship } }
    taxObjects { address bills(unpaid: true) { year amount dueOn } }
    msmes { name stage }
    complaints { number status reportedAt }
    accessLog(first: 50) { nodes { at reader purpose } }
    dataRequests(first: 10) { nodes { number kind state dueAt } }
  }
}
"""
_OWN_READER: Final = "You"
"""The reader of the person's own reads, as the graph names it (`services/ledger`)."""
_MAX_READS: Final = 10


class MyDataPage:
    """The page."""

    def __init__(self, client: InternalClient, pages: PageRenderer, query: str = MY_DATA_QUERY) -> None:
        """`query` is the part of `MY_DATA_QUERY` that the hub's graph has."""
        self._client = client
        self._pages = pages
        self._query = query

    async def show(self, request: Request, session: SignedInSession) -> Response:
        """The person's data; a part whose agency does not answer is named. Raises `PageProblem`."""
        answer = await self._client.execute(request, session, self._query)
        me = (answer.get("data") or {}).get("me")
        if me is None:
            raise PageProblem("hub_down", HTTPStatus.SERVICE_UNAVAILABLE)
        missing = _explain_missing(answer, self._pages.get_words(request))
        reads = (me.get("accessLog") or {}).get("nodes") or ()
        shown = [each for each in reads if each["reader"] != _OWN_READER][:_MAX_READS]
        return self._pages.render_page(request, "my_data.html", session=session, me=me, reads=shown, missing=missing)


def _explain_missing(answer: ResponseMap, words: Words) -> Mapping[str, str]:
    """A sentence for each field of `me` in which something is missing."""
    missing = {}
    for error in answer.get("errors", ()):
        path: Sequence[str] = error.get("path") or ()
        agency = (error.get("extensions") or {}).get("agency")
        text = words["values"]["hidden" if agency is None else "down"]
        missing[path[1] if len(path) > 1 else ""] = text.format(agency=words.name_agency(agency))
    return missing
