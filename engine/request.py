"""The engine's input and output: one GraphQL request, and its response or refusal.

The web layer parses bytes into a `GraphQLRequest`, and sends a `GraphQLResponse` as bytes. The engine knows no HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from enum import Enum, auto
from typing import Any, NamedTuple

from engine.reporting import Refusals
from records.calls.freshness import AnswerLifetime
from records.calls.subject_reads import SubjectRead
from records.record import record


class DocumentId(NamedTuple):
    """The id of a document that the hub knows already."""

    value: str
    is_hash: bool = False
    """Whether it is the SHA-256 of the text, in Apollo's form (`extensions.persistedQuery`)."""


@record
class GraphQLRequest:
    """A well-formed GraphQL over HTTP request (GraphQL over HTTP, section 5.1 "Request parameters")."""

    query: str
    """The text of the document; empty if only `document_id` names it."""
    operation_name: str | None = None
    """The operation to run; may be absent if the document contains only one."""
    variables: Mapping[str, Any] | None = None
    extensions: Mapping[str, Any] | None = None
    document_id: DocumentId | None = None
    """The id of the document, if the request contains one."""
    queries_only: bool = False
    """Whether mutations and subscriptions are refused, because the transport is safe and idempotent (HTTP GET)."""


class ResponseOutcome(Enum):
    """How a request ended; determines the HTTP status."""

    ANSWERED = auto()
    """Executed: there is `data`, perhaps null, perhaps with field errors."""
    REFUSED = auto()
    """A request error (GraphQL specification, section 7.1.2): not executed, without `data`."""
    FORBIDDEN = auto()
    """Refused without any call: this caller may see no field of the operation, whatever its arguments."""
    NOT_A_QUERY = auto()
    """Refused because `queries_only` was set and the operation is not a query."""


@record
class GraphQLResponse:
    """The response map of the GraphQL specification, section 7.1."""

    outcome: ResponseOutcome
    data: Mapping[str, Any] | None = None
    errors: Sequence[Mapping[str, Any]] = ()
    """Formatted errors: `message`, `locations`, `path`, `extensions.code` (and `agency`, `retryAfter`)."""
    extensions: Mapping[str, Any] = field(default_factory=dict)
    reads: Sequence[SubjectRead] = ()
    """The reads of the data, by subject; never sent."""
    refusals: Refusals = field(default_factory=dict)
    """The refused fields; never sent."""
    data_classes: frozenset[str] = frozenset()
    """The data classes of the selected fields; never sent."""
    is_public: bool = False
    """Whether the data is the same for all callers: a query of public fields that does not depend on the caller."""
    lifetime: AnswerLifetime | None = None
    """How long it may be used from now on; None for one use, as for mutations, errors and stale data."""
    body: bytes | None = None
    """The response map as JSON, if it is serialized already: a shared response is serialized once."""


class RefusedRequest(Exception):  # noqa: N818 - reads as what it is
    """The request is refused before execution; `errors` gives the reasons."""

    def __init__(self, *errors: dict[str, Any], outcome: ResponseOutcome = ResponseOutcome.REFUSED) -> None:
        """Takes errors as in the response."""
        super().__init__(f"{len(errors)} request errors")
        self.errors = errors
        self.outcome = outcome
