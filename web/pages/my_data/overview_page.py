"""`/my-data`: what the agencies hold about the signed-in person, and who read it. It is a client of the graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from auth.oidc.page_session import SignedInSession
from web.pages.internal_client import InternalClient, ResponseMap
from web.pages.my_data.reads_page import READER_GROUPS, describe_reader
from web.pages.page_renderer import PageProblem, PageRenderer
from web.pages.personal_routes import PersonalRoute, PersonalRoutes
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
    assistance { status asOf programmes { programme eligibility } payments { programme period amount status } }
    complaints { id number status reportedAt }
    accessLog(first: 10, filter: {readers: [OTHERS]}) { nodes { at readerKind agency partner purpose } }
    dataRequests(first: 10) { nodes { number kind state dueAt } }
  }
}
""".replace("OTHERS", ", ".join(each.name for each in READER_GROUPS["others"]))


class MyDataPage:
    """The page."""

    def __init__(self, client: InternalClient, pages: PageRenderer, query: str = MY_DATA_QUERY) -> None:
        """`query` is the part of `MY_DATA_QUERY` that the hub's graph has."""
        self._client = client
        self._pages = pages
        self._query = query

    def routes(self) -> PersonalRoutes:
        """The route."""
        return [PersonalRoute(path=MY_DATA_PATH, show=self.show)]

    async def show(self, request: Request, session: SignedInSession) -> Response:
        """The person's data; a part whose agency does not answer is named. Raises `PageProblem`."""
        answer = await self._client.execute(request, session, self._query)
        me = (answer.get("data") or {}).get("me")
        if me is None:
            raise PageProblem("hub_down", HTTPStatus.SERVICE_UNAVAILABLE)
        words = self._pages.get_words(request)
        found = (me.get("accessLog") or {}).get("nodes") or ()
        reads = [{**each, "reader": describe_reader(each, words)} for each in found]
        return self._pages.render_page(
            request,
            "my_data/overview.html",
            session=session,
            me=me,
            reads=reads,
            missing=_explain_missing(answer, words),
        )


def _explain_missing(answer: ResponseMap, words: Words) -> Mapping[str, str]:
    """A sentence for each field of `me` in which something is missing."""
    missing = {}
    for error in answer.get("errors", ()):
        path: Sequence[str] = error.get("path") or ()
        agency = (error.get("extensions") or {}).get("agency")
        text = words["values"]["hidden" if agency is None else "down"]
        missing[path[1] if len(path) > 1 else ""] = text.format(agency=words.name_agency(agency))
    return missing
