"""Errors that callers may read, and the masking of all others.

Safe to show are errors about the caller's own input (`BadInput`, `Forbidden`, the document), and known conditions of
agencies (`AgencyFailure`). All others are internal: logged without messages, and shown as an incident number.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from secrets import token_hex
from typing import Any, ClassVar

from graphql import ArgumentNode, GraphQLError, ValueNode

from engine.safe_traceback import safe_traceback
from records.calls.failures import AgencyFailure

_log = logging.getLogger("simpul.engine")

MAX_ERRORS = 50
"""Errors of a refused request beyond this number are counted, not listed. As many failures of one answer are logged."""

MAX_FIELD_ERRORS = 1_000
"""The same for failed fields. It is higher, because typed clients look for the error of each null."""

_UNLOGGED = "The hub failed to answer this field, like others of this request."

_MAX_MESSAGE_LENGTH = 500
"""Characters. Messages of graphql-core quote the request, which may be a megabyte."""

_LONG_NUMBER = re.compile(r"\d(?:[.\-/ ]?\d){12,}|\d{10,}")
"""Ten digits in a row, or thirteen with the usual separators (a NIB, with 13, is the shortest identity number)."""


class SafeError(Exception):
    """An error whose text is written for the caller."""

    code: ClassVar[str] = "BAD_USER_INPUT"


class BadInput(SafeError):  # noqa: N818 - reads as what it is
    """The caller's arguments cannot be answered; the text names the argument, the rule and the fix."""


class Forbidden(SafeError):  # noqa: N818 - the standard term
    """The caller may not see this field; no agency was called."""

    code = "FORBIDDEN"

    def __init__(self, message: str, reason: str) -> None:
        """Takes the text, and the reason that programs read."""
        super().__init__(message)
        self.reason = reason


class ReaderBudgetExceeded(SafeError):  # noqa: N818 - reads as what it is
    """The caller has read about the maximum number of different people for its role and time."""

    code = "READER_BUDGET_EXCEEDED"

    def __init__(self, message: str, retry_after: int | None) -> None:
        """Takes the text, and the seconds until a retry can succeed; None for never."""
        super().__init__(message)
        self.retry_after = retry_after


class NotRecorded(SafeError):  # noqa: N818 - reads as what it is
    """The reads of personal data in the answer could not be recorded, so the answer is not sent."""

    code = "LEDGER_UNAVAILABLE"


def mask_numbers(text: str) -> str:
    """Mask every long run of digits, so that no message contains an identity number; cut long texts."""
    masked = _LONG_NUMBER.sub("[number]", text)
    return masked if len(masked) <= _MAX_MESSAGE_LENGTH else f"{masked[:_MAX_MESSAGE_LENGTH]} ..."


def format_errors(errors: Sequence[GraphQLError], *, request_id: str) -> list[dict[str, Any]]:
    """The errors of an execution for the response (GraphQL specification, section 7.1.2), at most 1,000."""
    described: dict[int, tuple[str, dict[str, Any]]] = {}
    shown = [_format_error(error, described, request_id=request_id) for error in errors[:MAX_FIELD_ERRORS]]
    return truncate_errors(shown, len(errors), MAX_FIELD_ERRORS)


def truncate_errors(shown: Sequence[dict[str, Any]], count: int, maximum: int = MAX_ERRORS) -> list[dict[str, Any]]:
    """At most the maximum of `count` errors, and the number of the others."""
    listed = list(shown[:maximum])
    if count > len(listed):
        message = f"{count - len(listed)} more errors are not listed."
        listed.append({"message": message, "extensions": {"code": "MORE_ERRORS"}})
    return listed


def create_incident_number() -> str:
    """A random number of 12 hexadecimal digits that `mask_numbers` leaves as it is."""
    while True:
        number = token_hex(6)
        if mask_numbers(number) == number:
            return number


def build_request_error(message: str, code: str, locations: Sequence[Mapping[str, int]] = ()) -> dict[str, Any]:
    """An error of a request that is refused before execution."""
    error: dict[str, Any] = {"message": mask_numbers(message)}
    if locations:
        error["locations"] = [dict(location) for location in locations]
    return error | {"extensions": {"code": code}}


def build_refusal_error(refusal: Exception, locations: Sequence[Mapping[str, int]]) -> dict[str, Any]:
    """The error of one field of an operation that is refused as a whole."""
    described = _describe_cause(refusal, request_id="")
    error = build_request_error(described[0], described[1]["code"], locations)
    return error | {"extensions": described[1]}


def _format_error(
    error: GraphQLError, described: dict[int, tuple[str, dict[str, Any]]], *, request_id: str
) -> dict[str, Any]:
    cause = get_cause(error)
    # One failure of a batch fails many fields: it is logged once, under one incident number.
    if id(cause) not in described:
        message, extensions = _describe_cause(cause, request_id=request_id, is_logged=len(described) < MAX_ERRORS)
        described[id(cause)] = mask_numbers(message), extensions
    message, extensions = described[id(cause)]
    shown: dict[str, Any] = {"message": message}
    if error.locations:
        shown["locations"] = [location.formatted for location in error.locations]
    if error.path is not None:
        shown["path"] = error.path
    shown["extensions"] = dict(extensions)
    return shown


def get_cause(error: GraphQLError) -> Exception:
    """The exception that a field raised."""
    cause: Exception = error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    return cause


def _describe_cause(cause: Exception, *, request_id: str, is_logged: bool = True) -> tuple[str, dict[str, Any]]:
    if isinstance(cause, AgencyFailure):
        if is_logged:
            _log_agency_failure(cause, request_id)
        retry = {} if cause.retry_after is None else {"retryAfter": cause.retry_after}
        return str(cause), {"code": cause.code, "agency": cause.agency, **retry}
    if isinstance(cause, Forbidden):
        return str(cause), {"code": cause.code, "reason": cause.reason}
    if isinstance(cause, ReaderBudgetExceeded):
        retry = {} if cause.retry_after is None else {"retryAfter": cause.retry_after}
        return str(cause), {"code": cause.code, **retry}
    if isinstance(cause, SafeError):
        return str(cause), {"code": cause.code}
    if isinstance(cause, GraphQLError) and _is_argument_error(cause):
        return cause.message, {"code": BadInput.code}
    return _describe_incident(cause, request_id) if is_logged else (_UNLOGGED, {"code": "INTERNAL"})


def _log_agency_failure(cause: AgencyFailure, request_id: str) -> None:
    log_fields = {"request_id": request_id, "agency": cause.agency, "code": cause.code}
    _log.warning(
        "%s of agency %s in request %s: %s", cause.code, cause.agency, request_id, cause.detail, extra=log_fields
    )


def _describe_incident(cause: Exception, request_id: str) -> tuple[str, dict[str, Any]]:
    incident = create_incident_number()
    log_fields = {"request_id": request_id, "incident": incident}
    _log.error("Incident %s in request %s: %s", incident, request_id, safe_traceback(cause), extra=log_fields)
    return f"The hub failed to answer this field. Incident {incident}.", {"code": "INTERNAL", "incident": incident}


def _is_argument_error(error: GraphQLError) -> bool:
    """Whether graphql-core refused an argument during execution: a null in a variable, which validation allows."""
    return bool(error.nodes) and all(isinstance(node, ArgumentNode | ValueNode) for node in error.nodes or ())
