"""Errors a caller may read, and the masking of all others.

Safe to show: what comes of the caller's own input (`BadInput`, `Forbidden`, the document), and known conditions of
agencies (`AgencyFailure`). Everything else is internal: logged in full, shown as an incident number.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from secrets import token_hex
from typing import Any, ClassVar

from graphql import GraphQLError

from engine.story import story
from records.failures import AgencyFailure

_log = logging.getLogger("simpul.engine")

MOST_ERRORS = 50
"""Errors beyond this number are counted, not listed."""

_LONG_NUMBER = re.compile(r"\d{10,}")


class SafeError(Exception):
    """An error whose text was written for the caller."""

    code: ClassVar[str] = "BAD_USER_INPUT"


class BadInput(SafeError):  # noqa: N818 - reads as what it is
    """The caller's arguments cannot be answered; the text names the argument, the rule and the mend."""


class Forbidden(SafeError):  # noqa: N818 - the standard term
    """The caller may not see this field; nobody was asked."""

    code = "FORBIDDEN"


def without_numbers(text: str) -> str:
    """The text with every long run of digits taken out: whatever it was, no identity number leaves in a message."""
    return _LONG_NUMBER.sub("[number]", text)


def formatted(errors: Sequence[GraphQLError], *, request_id: str) -> list[dict[str, Any]]:
    """Errors of an execution as the response carries them (GraphQL specification, section 7.1.2), at most 50."""
    shown = [_formatted_one(error, request_id=request_id) for error in errors[:MOST_ERRORS]]
    if len(errors) > MOST_ERRORS:
        message = f"{len(errors) - MOST_ERRORS} more errors are not listed."
        shown.append({"message": message, "extensions": {"code": "MORE_ERRORS"}})
    return shown


def request_error(message: str, code: str, locations: Sequence[Mapping[str, int]] = ()) -> dict[str, Any]:
    """One error of a request that was refused before execution."""
    error: dict[str, Any] = {"message": without_numbers(message)}
    if locations:
        error["locations"] = [dict(location) for location in locations]
    return error | {"extensions": {"code": code}}


def _formatted_one(error: GraphQLError, *, request_id: str) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    message, extensions = _message_and_extensions(error, request_id=request_id)
    shown["message"] = without_numbers(message)
    if error.locations:
        shown["locations"] = [location.formatted for location in error.locations]
    if error.path is not None:
        shown["path"] = error.path
    shown["extensions"] = extensions
    return shown


def _message_and_extensions(error: GraphQLError, *, request_id: str) -> tuple[str, dict[str, Any]]:
    cause = error.original_error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    if isinstance(cause, AgencyFailure):
        extensions: dict[str, Any] = {"code": cause.code, "agency": cause.agency}
        if cause.retry_after is not None:
            extensions["retryAfter"] = cause.retry_after
        _log.warning("%s of agency %s in request %s: %s", cause.code, cause.agency, request_id, cause.detail)
        return str(cause), extensions
    if isinstance(cause, SafeError):
        return str(cause), {"code": cause.code}
    if cause is None:
        return error.message, {"code": "GRAPHQL_EXECUTION_FAILED"}
    incident = token_hex(6)
    _log.error("Incident %s in request %s: %s", incident, request_id, story(cause))
    return f"The hub failed to answer this field. Incident {incident}.", {"code": "INTERNAL", "incident": incident}
