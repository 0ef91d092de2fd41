"""The reply of a GraphQL server: its data, and what its errors mean.

Specification: https://spec.graphql.org/September2025/#sec-Response-Format (an error names its place by `path`), and
https://graphql.github.io/graphql-over-http/draft/ (`application/graphql-response+json` with any status).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from connectors.declared.column_syntax import JSON_PATHS, PARENT, parse_steps
from connectors.declared.tables import ErrorTable, OutcomeTable, TroubleTable
from connectors.declared.trouble import FAILURES, Outcome, ResultCodes, build_judge, read_code
from connectors.readers.rows import Row, row
from connectors.readers.unreadable import UnreadableError
from records.calls.failures import AgencyFailure, AgencyMalformed

MEDIA_TYPE: Final = "application/graphql-response+json"
ACCEPT: Final = f"{MEDIA_TYPE}, application/json;q=0.9"
_USUAL_CODES: Final = build_judge(
    OutcomeTable(
        refused="UNAUTHENTICATED|FORBIDDEN|UNAUTHORIZED.*",
        malformed="GRAPHQL_.*|BAD_USER_INPUT|BAD_REQUEST|OPERATION_.*|PERSISTED_QUERY_.*",
    )
)
"""Codes of Apollo Server, which other servers use too."""
_SHOWN_CODE: Final = re.compile(r"[A-Z_]{1,60}", re.ASCII)
"""Codes that logs may hold: without digits, they are no number of a person."""
_NO_ANSWER: Final = "no GraphQL response"


class PathError(NamedTuple):
    """An error of one place of the data."""

    path: Sequence[object]
    failure: AgencyFailure | None
    """None if the code says that there is no such record."""


class GraphqlReply(NamedTuple):
    """The data of a reply, and the errors in it."""

    data: Row | None
    """None if all errors say that there is no such record."""
    errors: Sequence[PathError]


class GraphqlCodes(ResultCodes):
    """The meaning of the errors of a GraphQL server."""

    answer_type = MEDIA_TYPE

    def __init__(self, agency: str, errors: ErrorTable, pause: float) -> None:
        """Compile the table of errors."""
        super().__init__(agency, TroubleTable(pause=pause or TroubleTable().pause), JSON_PATHS)
        self._get_error_code = JSON_PATHS.compile("trouble.errors.code", errors.code)
        self._judge_error = build_judge(errors)

    def require(self, reply: object, retry_after: float | None = None) -> bool:
        """Whether a reply holds a whole list: any error fails it, and False means absent. Raises `AgencyFailure`."""
        data, errors = self.read(reply, retry_after)
        for each in errors:
            if each.failure is not None:
                raise each.failure
        return data is not None and not errors

    def read(self, reply: object, retry_after: float | None = None) -> GraphqlReply:
        """The data and the errors with a path. Raises the failure of an error without one, and `AgencyMalformed`."""
        if not isinstance(reply, Mapping) or not ({"data", "errors"} & reply.keys()):
            raise AgencyMalformed(self._agency, _NO_ANSWER)
        data, listed = reply.get("data"), reply.get("errors") or []
        is_formed = isinstance(listed, list) and all(isinstance(each, Mapping) for each in listed)
        if not is_formed or not (data is None or isinstance(data, Mapping)) or (data is None and not listed):
            raise AgencyMalformed(self._agency, _NO_ANSWER)
        errors: list[PathError] = []
        for each in listed:
            path = _read_path(each.get("path"))
            began = data is not None or bool(path)
            failure = self._to_failure(each, "data" in reply, began=began, pause=retry_after)
            if not path and failure is None:
                failure = AgencyMalformed(self._agency, "an error without a path")
            if failure is not None and (data is None or not path):
                raise failure
            errors.append(PathError(path, failure))
        return GraphqlReply(data, errors)

    def _to_failure(self, error: Row, has_data: bool, *, began: bool, pause: float | None) -> AgencyFailure | None:  # noqa: FBT001 - a part of one reply
        """The failure that an error means; None for an absent record.

        Without a code that is known, it is an error of the agency; before the execution began, of the request.
        Strawberry and Mercurius add `"data": null` to a request that they refuse: its error has no place and no code.
        """
        try:
            code = read_code(self._get_error_code(error))
        except UnreadableError:
            code = ""
        outcome = self._judge_error(code)
        if outcome is Outcome.UNKNOWN:
            outcome = _USUAL_CODES(code)
        if outcome is Outcome.ABSENT:
            return None
        if outcome is Outcome.UNKNOWN:
            outcome = Outcome.UNAVAILABLE if has_data and (began or code) else Outcome.MALFORMED
        wait = pause or self.pause if outcome is Outcome.BUSY else None
        detail = f"GraphQL error {code}" if _SHOWN_CODE.fullmatch(code) else "GraphQL error"
        return FAILURES[outcome](self._agency, detail, retry_after=wait)


def _read_path(path: object) -> Sequence[object]:
    """The path of an error; empty without one. Mercurius writes positions in lists as texts, which no name can be."""
    listed = path if isinstance(path, list) and all(isinstance(each, str | int) for each in path) else ()
    return [int(each) if isinstance(each, str) and each.isascii() and each.isdecimal() else each for each in listed]


FindRows = Callable[[object], list[Row]]
"""From a field or entity to its rows. Raises `UnreadableError`."""


def build_row_finder(place: str, path: str, names: frozenset[str], *, max_rows: int, has_outer: bool) -> FindRows:
    """The function for a path; each row must have the `names` that were asked. Raises `NotDeclarableError`.

    Null is no row, anywhere on the path. With `has_outer`, each row holds the field or entity as `^`.
    """
    steps = parse_steps(place, path) if path else []

    def find(container: object) -> list[Row]:
        values = [container]
        for name, _ in steps:
            values = [_take(value, name) for value in _flatten(values)]
        found = [row(each) for each in _flatten(values)]
        if len(found) > max_rows:
            raise UnreadableError(f"a list of objects of at most {max_rows} rows")
        if any(not names <= each.keys() for each in found):
            raise UnreadableError("an object with all fields that were asked")
        return [{PARENT: container, **each} for each in found] if has_outer else found

    return find


def _flatten(values: Sequence[object]) -> list[object]:
    """The values that are not null, those of lists in their place."""
    found: list[object] = []
    for each in values:
        found += each if isinstance(each, list) else [each]
    return [each for each in found if each is not None]


def _take(value: object, name: str) -> object:
    members = row(value)
    if name not in members:
        raise UnreadableError(f"an object with '{name}'")
    return members[name]
