"""`/cases` and `/cases/{id}`: the signed-in person's inbox, and one case of it. A client of the graph.

To open a case marks it as seen, by the mutation whose answer is shown: so no change between is lost. The request is
safe all the same (RFC 9110, section 9.2.1): the person asked for the page and for nothing else. A browser that loads
a page in advance, and a `HEAD` request, mark nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from auth.oidc.page_session import SignedInSession
from records.cases import CaseKind
from schema.tools.document_fields import GraphDocuments
from web.pages.cases.case_actions import CaseLink, list_links
from web.pages.cases.clock_texts import describe_clock
from web.pages.internal_client import InternalClient, ResponseMap, get_error_codes
from web.pages.page_renderer import PageProblem, PageRenderer
from web.pages.personal_routes import (
    PersonalRoute,
    PersonalRoutes,
    find_notice,
    parse_cursor,
    require_object,
)
from web.pages.words import Words

CASES_PATH: Final = "/cases"
CASE_PATH: Final = "/cases/{id}"
PAGE_SIZE: Final = 20
_SHOWN: Final = "id kind title state seen changedAt nextStep { what by name } clock { dueAt isLate }"
CASES_QUERY: Final = f"""\
query CasesPage($first: Int!, $after: String, $filter: CaseFilter) {{
  me {{
    cases(first: $first, after: $after, filter: $filter) {{
      totalCount unseenCount
      nodes {{ {_SHOWN} }}
      pageInfo {{ hasNextPage endCursor }}
    }}
  }}
}}
"""
_WHOLE: Final = f"""{_SHOWN}
    activities {{ at text by }}
    actions {{ name allowed reason }}
    subject {{
      __typename
      ... on Complaint {{ complaint: id }}
      ... on DataRequest {{ number }}
      ... on Consent {{ consent: id }}
      ... on ConsentRequest {{ request: id }}
      ... on CommandReceipt {{ number }}
    }}"""
OPEN_MUTATION: Final = f"""\
mutation OpenCase($ids: [ID!]!) {{
  cases: markCasesSeen(ids: $ids) {{
    {_WHOLE}
  }}
}}
"""
LOOK_QUERY: Final = f"""\
query LookAtCase($ids: [ID!]!) {{
  cases: nodes(ids: $ids) {{
    ... on Case {{
    {_WHOLE}
    }}
  }}
}}
"""
STATE_FILTERS: Final[Mapping[str, Mapping[str, bool]]] = {
    "all": {},
    "unseen": {"unseen": True},
    "open": {"open": True},
    "closed": {"open": False},
}
"""The values of `?state=`; the first one is the default."""
KIND_FILTERS: Final[Mapping[str, Mapping[str, list[str]]]] = {
    "all": {},
    **{each.name.lower().replace("_", "-"): {"kinds": [each.name]} for each in CaseKind},
}
"""The values of `?kind=`; the first one is the default."""
_ID: Final = re.compile(r"[A-Za-z0-9_=-]{1,400}", re.ASCII)


class CasePages:
    """The pages."""

    def __init__(self, client: InternalClient, pages: PageRenderer, documents: GraphDocuments) -> None:
        self._client = client
        self._pages = pages
        self._open, self._look = documents.fit(OPEN_MUTATION), documents.fit(LOOK_QUERY)

    def routes(self) -> PersonalRoutes:
        """The routes."""
        return [
            PersonalRoute(path=CASES_PATH, show=self.show_list),
            PersonalRoute(path=CASE_PATH, show=self.show_case),
        ]

    async def show_list(self, request: Request, session: SignedInSession) -> Response:
        """One page of the inbox, last change first. Raises `PageProblem`."""
        after, chosen = parse_cursor(request), _parse_choice(request)
        case_filter = {**KIND_FILTERS[chosen["kind"]], **STATE_FILTERS[chosen["state"]]}
        variables = {"first": PAGE_SIZE, "after": after, "filter": case_filter}
        answer = await self._client.execute(request, session, CASES_QUERY, variables)
        found, words = require_object(answer, "me", "cases"), self._pages.get_words(request)
        page = found["pageInfo"]
        return self._pages.render_page(
            request,
            "cases/list.html",
            session=session,
            cases=[_describe(each, words) for each in found["nodes"]],
            total=found["totalCount"],
            unseen=found["unseenCount"],
            missing=_name_missing(answer, words),
            filters={
                name: [(each, self._build_address(request, {**chosen, name: each})) for each in offered]
                for name, offered in (("kind", KIND_FILTERS), ("state", STATE_FILTERS))
            },
            chosen=chosen,
            is_filtered=bool(case_filter),
            older=self._build_address(request, chosen, after=page["endCursor"]) if page["hasNextPage"] else None,
            newest=self._build_address(request, chosen) if after else None,
        )

    async def show_case(self, request: Request, session: SignedInSession) -> Response:
        """One case, which is seen from now on. Raises `PageProblem`."""
        id_ = str(request.path_params["id"])
        if not _ID.fullmatch(id_):
            raise PageProblem("unknown_case", HTTPStatus.NOT_FOUND)
        document = self._open if _is_opened(request) else self._look
        answer = await self._client.execute(request, session, document, {"ids": [id_]})
        found = ((answer.get("data") or {}).get("cases") or [None])[0]
        if not found or "kind" not in found:
            raise _to_problem(answer)
        words = self._pages.get_words(request)
        links: list[CaseLink] = list_links(found, words)
        return self._pages.render_page(
            request, "cases/case.html", session=session, case=_describe(found, words), links_of_case=links
        )

    def _build_address(self, request: Request, chosen: Mapping[str, str], **more: str) -> str:
        """The address of the list with these filters; the defaults are left out."""
        filters = {name: value for name, value in chosen.items() if value != "all"}
        query = {**filters, **more, **self._pages.get_link_query(request)}
        return f"{CASES_PATH}?{urlencode(query)}" if query else CASES_PATH


def _is_opened(request: Request) -> bool:
    """Whether a person opens the page, and no browser loads it in advance."""
    purposes = f"{request.headers.get('sec-purpose', '')} {request.headers.get('purpose', '')}"
    return request.method == "GET" and "prefetch" not in purposes.lower()


def _describe(case: Mapping[str, Any], words: Words) -> Mapping[str, Any]:
    """The case with its texts in the language of the page."""
    texts, step, clock = words["cases"], case["nextStep"], case["clock"]
    is_own = step is not None and step["by"] == "YOU"
    return {
        **case,
        "kind_text": words.caption(f"CaseKind.{case['kind']}", case["kind"]),
        "state_text": words.caption(f"CaseState.{case['state']}", case["state"]),
        "is_own_turn": is_own,
        "step_text": None
        if step is None
        else texts["yours" if is_own else "theirs"].format(who=step["name"], what=step["what"]),
        "clock_text": None if clock is None else describe_clock(clock, words, datetime.now(UTC)),
    }


def _name_missing(answer: ResponseMap, words: Words) -> list[str]:
    """The agencies whose cases are missing from the answer."""
    incomplete = (answer.get("extensions") or {}).get("incomplete", ())
    codes = dict.fromkeys(each["agency"] for each in incomplete if "agency" in each)
    return [words["cases"]["hub"] if each == "hub" else words.name_agency(each) for each in codes]


def _parse_choice(request: Request) -> Mapping[str, str]:
    """The chosen filters. Raises `PageProblem` for a value that the page does not offer."""
    chosen = {name: request.query_params.get(name, "all") for name in ("kind", "state")}
    if chosen["kind"] not in KIND_FILTERS or chosen["state"] not in STATE_FILTERS:
        raise PageProblem("no_such_page", HTTPStatus.NOT_FOUND)
    return chosen


def _to_problem(answer: ResponseMap) -> PageProblem:
    codes = get_error_codes(answer)
    if not codes or set(codes) <= {"BAD_USER_INPUT", "FORBIDDEN"}:  # not an id, another person's, or gone
        return PageProblem("unknown_case", HTTPStatus.NOT_FOUND)
    return PageProblem(find_notice(answer) or "hub_down", HTTPStatus.SERVICE_UNAVAILABLE)
