"""Routes of the pages for signed-in people: what a folder of pages offers, and the forms that people send."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from http import HTTPStatus
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from auth.oidc.page_session import SignedInSession
from web.pages.internal_client import ResponseMap, get_error_codes
from web.pages.page_renderer import PageProblem
from web.pages.page_session import Form
from web.pages.page_uploads import FormFiles

_LONGEST_KEY: Final = 36
_CURSOR: Final = re.compile(r"[A-Za-z0-9_=-]{1,200}", re.ASCII)


@dataclass(frozen=True, slots=True)
class FormSubmission:
    """A form that a signed-in person sent from one of the hub's own pages."""

    session: SignedInSession
    fields: Form
    is_confirmed: bool
    """Whether the form holds the token of this session. If not, show the form again: the person signed in meanwhile."""
    files: FormFiles = field(default_factory=dict)

    def get(self, name: str) -> str:
        """The first value of a field that is not empty."""
        return next(iter(self.get_all(name)), "")

    def get_all(self, name: str) -> Sequence[str]:
        """The values of a field that are not empty, with Unix line ends and without spaces around them."""
        values = (each.replace("\r\n", "\n").strip() for each in self.fields.get(name, ()))
        return [each for each in values if each]

    def build_key(self, content: str) -> str:
        """The idempotency key of the form, and of what it holds.

        A second tap makes no second request, but what was changed after "back" does.
        """
        digest = sha256(content.encode()).hexdigest()
        return f"{self.get('key')[:_LONGEST_KEY]}-{digest[:24]}"


@dataclass(frozen=True, slots=True)
class FormState:
    """A form as it is shown: what was typed, and what is wrong."""

    values: Form = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    """By field: what is wrong, in the language of the page."""
    notice: str | None = None
    """Name of a text in `problems` of the words, about the whole form."""

    def get(self, name: str) -> str:
        """The first value of a field."""
        return next(iter(self.values.get(name, ())), "")

    @property
    def status(self) -> HTTPStatus:
        """The status of the page: a form that could not be accepted is shown again with 422."""
        return HTTPStatus.UNPROCESSABLE_ENTITY if self.problems or self.notice else HTTPStatus.OK


PersonalEndpoint = Callable[[Request, SignedInSession], Awaitable[Response]]
SubmissionEndpoint = Callable[[Request, FormSubmission], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalRoute:
    """One address: the page for a signed-in person, and what happens to its form."""

    path: str
    show: PersonalEndpoint | None = None
    submit: SubmissionEndpoint | None = None
    needs_recent_sign_in: bool = False
    takes_files: bool = False


PersonalRoutes = Sequence[PersonalRoute]


def parse_cursor(request: Request) -> str | None:
    """The position in a list, from `?after=`; None for its start. Raises `PageProblem`."""
    after = request.query_params.get("after")
    if after is not None and not _CURSOR.fullmatch(after):
        raise PageProblem("no_such_page", HTTPStatus.NOT_FOUND)
    return after


def get_object(answer: ResponseMap, *names: str) -> Mapping[str, Any] | None:
    """The object at this path of the response, if there is one."""
    found: Any = answer.get("data")
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else None


def require_object(answer: ResponseMap, *names: str) -> Mapping[str, Any]:
    """The object at this path of the response. Raises `PageProblem` if it cannot be read."""
    found = get_object(answer, *names)
    if found is None:
        raise PageProblem(find_notice(answer) or "hub_down", HTTPStatus.SERVICE_UNAVAILABLE)
    return found


def get_problem_text(problem: Mapping[str, Any]) -> str:
    """The message of a `CommandProblem`, without the name of the argument: it is shown beside the field."""
    message = str(problem["message"])
    return message.partition(": ")[2] or message if problem["field"] else message


def find_notice(answer: ResponseMap) -> str | None:
    """The name of the problem page for the errors of a response; None without one that a person can solve."""
    reasons = {(each.get("extensions") or {}).get("reason") for each in answer.get("errors", ())}
    if "REAUTHENTICATION_REQUIRED" in reasons:
        return "sign_in_again"
    if "ASSURANCE_TOO_LOW" in reasons:
        return "more_assurance"
    return "not_accepted" if "BAD_USER_INPUT" in get_error_codes(answer) else None
