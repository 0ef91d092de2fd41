"""The parts of the consent pages about children: the children of a guardian, and the consents about each child.

Addresses and forms name a child by the id of its node, which is sealed: no identity number is in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from starlette.requests import Request

from auth.oidc.page_session import SignedInSession
from schema.tools.document_fields import GraphDocuments
from web.pages.internal_client import InternalClient
from web.pages.page_renderer import PageProblem
from web.pages.personal_routes import find_notice, get_object

CHILDREN_QUERY: Final = """\
query ChildrenOnPage {
  me { children { id nik name } }
}
"""
CHILD_CONSENTS_QUERY: Final = """\
query ChildConsentsPage {
  me {
    children {
      id nik name
      consents(first: 100) { nodes { id partner purpose scopes state grantedAt expiresAt revokedAt } }
    }
  }
}
"""


@dataclass(frozen=True, slots=True)
class Child:
    """A child of the signed-in person."""

    id: str
    nik: str
    name: str
    """Empty if the population register does not answer."""
    consents: Sequence[Mapping[str, Any]] = field(default=())


class ChildConsents:
    """Reads the children of the signed-in person."""

    def __init__(self, client: InternalClient, documents: GraphDocuments) -> None:
        self._client = client
        self._documents = documents

    async def list_children(self, request: Request, session: SignedInSession) -> Sequence[Child]:
        """The children that the person may answer for. Raises `PageProblem`."""
        found = await self._load(request, session, CHILDREN_QUERY)
        if not found:
            raise PageProblem("no_child", HTTPStatus.FORBIDDEN)
        return found

    async def list_consents(self, request: Request, session: SignedInSession) -> Sequence[Child] | None:
        """The children with consents; None if they cannot be read now, or not by this person."""
        try:
            found = await self._load(request, session, CHILD_CONSENTS_QUERY)
        except PageProblem as problem:
            return None if problem.name == "hub_down" else ()
        return [each for each in found if each.consents]

    async def _load(self, request: Request, session: SignedInSession, document: str) -> Sequence[Child]:
        fitted = self._documents.fit(document)
        if "children" not in fitted:  # the city has no family cards
            return ()
        answer = await self._client.execute(request, session, fitted)
        me = get_object(answer, "me")
        if me is None or me.get("children") is None:
            raise PageProblem(find_notice(answer) or "hub_down", HTTPStatus.SERVICE_UNAVAILABLE)
        return [
            Child(each["id"], each["nik"], each.get("name") or "", (each.get("consents") or {}).get("nodes", ()))
            for each in me["children"]
        ]


def find_child(children: Sequence[Child], wanted: str | None) -> Child | None:
    """The child that the person chose; None if there are several and none is chosen. Raises `PageProblem`."""
    if wanted is None:
        return children[0] if len(children) == 1 else None
    found = next((each for each in children if each.id == wanted), None)
    if found is None:
        raise PageProblem("no_child", HTTPStatus.FORBIDDEN)
    return found
