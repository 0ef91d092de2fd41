"""The tables of a manifest for commands over HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from connectors.declared.http.tables import HttpCallTable, HttpRequestTable, Parameter
from connectors.declared.tables import CommandTable, Duration, ManifestTable, WireTable
from records.hub.commands import LookupClass

ProblemCode = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{0,39}$")]
Status = Annotated[str, StringConstraints(pattern=r"^4\d\d$")]
ReplyPath = Annotated[str, StringConstraints(min_length=1, max_length=200)]
_OF_THE_HUB: Final = frozenset({"401", "403", "407", "408", "425", "429"})
"""Statuses about the hub's credential, rate or connection. They say nothing about the command."""


class ReplyValueTable(ManifestTable):
    """What a reply says by a value."""

    at: ReplyPath = Field(description="path to the value in the reply, such as `result.code`")
    values: tuple[str, ...] = Field(min_length=1, description="the values that mean it")


class RefusedTable(ManifestTable):
    """How the agency says that it refused a command and did nothing, and the problem that the person gets."""

    status: Mapping[Status, ProblemCode] = Field(
        default={}, description='HTTP statuses from 400 to 499, and the problem of each: `{ 409 = "ALREADY_DONE" }`'
    )
    at: ReplyPath | None = Field(default=None, description="path to a value in the reply that says why")
    values: Mapping[str, ProblemCode] = Field(
        default={}, description='values there, and the problem of each: `{ CLOSED = "NOT_OPEN" }`'
    )

    @model_validator(mode="after")
    def _check_keys(self) -> Self:
        if (self.at is None) != (not self.values):
            raise ValueError("at: `at` and `values` need each other")
        if unproven := sorted(_OF_THE_HUB & self.status.keys()):
            raise ValueError(f"status: HTTP {unproven[0]} is about the hub's call, and not the command; remove it")
        return self


class HttpFindTable(HttpCallTable):
    """How a command that may have arrived is found at the agency."""

    reference: ReplyPath | None = Field(
        default=None, description="for `reference`: column of a row with the hub's number"
    )
    match: Mapping[str, str] = Field(
        default={},
        description='for `search`: columns of a row and their values, such as `{ author = "{subject}" }`; one of them,'
        " or the request, holds `{subject}`",
    )
    at: ReplyPath | None = Field(default=None, description="for `search`: column of a row with its time")
    within: Duration | None = Field(
        default=None,
        description="for `search`: how far the time of a row may be from the time of the command; at least `settle`",
    )
    id: ReplyPath | None = Field(default=None, description="column of a row with the agency's identifier")
    cut_at: int | None = Field(
        default=None, ge=1, description="number of rows at which the agency cuts a list: one as long proves nothing"
    )
    missing_is_none: bool = Field(default=False, description="whether HTTP 404 means that there is no row")


class HttpCommandTable(HttpRequestTable, CommandTable):
    """How a command is sent over HTTP, and what the replies mean. Placeholders are the same in all parts."""

    path: str = Field(
        max_length=500,
        description="path below the agency's address. `{case_id}` is the agency's identifier of the matter, `{number}`"
        " the hub's number of the command",
    )
    query: Mapping[str, Parameter] = Field(
        default={}, description="parameters of the query: no texts and no people, which would stay in logs"
    )
    form: Mapping[str, Parameter] = Field(
        default={},
        description="fields of a form. `{subject}` is the number of the person; the fields of the command have their"
        " names, such as `{text}`, and those of a record within it too: `{coordinates_latitude}`",
    )
    method: Literal["POST", "PUT", "PATCH", "DELETE"] = Field(default="POST", description="method of the request")
    id: ReplyPath | None = Field(
        default=None, description="path to the agency's identifier in the reply to a command that is done"
    )
    done: ReplyValueTable | None = Field(
        default=None, description="table: the value of a reply that means done; without it, every HTTP 2xx does"
    )
    refused: RefusedTable = Field(default=RefusedTable(), description="table: the replies that mean refused")
    lookup: LookupClass = Field(
        description="`reference` if the agency stores `{number}`, `search` if the command can be found by its"
        " attributes, else `none`: what may have arrived waits for a person"
    )
    find: HttpFindTable | None = Field(default=None, description="table: how it is found, unless `lookup` is `none`")

    def get_lookup(self, wire: WireTable) -> LookupClass:  # noqa: ARG002 - of the base
        """As the table declares it."""
        return self.lookup

    @property
    def http_method(self) -> str:
        """The method of the request."""
        return self.method

    @property
    def reads_replies(self) -> bool:
        """Whether the body of a reply says something."""
        return self.id is not None or self.done is not None or self.refused.at is not None

    @model_validator(mode="after")
    def _check_keys(self) -> Self:
        for problem in self._list_problems():
            raise ValueError(problem)
        return self

    def _list_problems(self) -> Iterator[str]:
        if (self.find is None) != (self.lookup is LookupClass.NONE):
            yield 'find: say how it is found, or write lookup = "none"'
        if self.find is None:
            return
        is_search = self.lookup is LookupClass.SEARCH
        if is_search == (self.find.reference is not None):
            yield "find.reference: lookup = 'reference' needs the column of the number; others have none"
        for name in ("match", "at", "within", "id"):
            if is_search and not getattr(self.find, name):
                yield f"find.{name}: a search needs it"
            if not is_search and name != "id" and getattr(self.find, name):
                yield f'find.{name}: it is for lookup = "search"; remove this line'
        if is_search and self.id is None:
            yield "id: a search needs the identifiers of other commands, to leave them out"
        if is_search and self.find.within is not None and self.find.within < self.settle:
            yield "find.within: shorter than `settle`, so a search could miss what the agency carried out"
