"""What comes in and what goes out of the engine: one GraphQL request, one GraphQL response.

The HTTP layer turns bytes into a `GraphQLRequest` and a `GraphQLResponse` into bytes; the engine knows no HTTP.
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
    """A name for a document that the hub knows already."""

    value: str
    is_hash: bool = False
    """Whether it claims to be the SHA-256 of the text, in Apollo's form (`extensions.persistedQuery`)."""


@record
class GraphQLRequest:
    """A well-formed GraphQL over HTTP request (GraphQL over HTTP, section 5.1 "Request parameters")."""

    query: str
    """The document, as text; empty where `document_id` stands for it."""
    operation_name: str | None = None
    """Which operation of the document to run; may be absent where the document holds one."""
    variables: Mapping[str, Any] | None = None
    extensions: Mapping[str, Any] | None = None
    document_id: DocumentId | None = None
    """Which registered document is meant, where the request names one."""
    queries_only: bool = False
    """True where the transport is safe and idempotent (HTTP GET): mutations and subscriptions are refused."""


class ResponseOutcome(Enum):
    """How far a request came; decides the HTTP status."""

    ANSWERED = auto()
    """Executed: there is `data`, perhaps null, perhaps with field errors."""
    REFUSED = auto()
    """A request error (GraphQL specification, section 7.1.2): nothing was executed, there is no `data`."""
    FORBIDDEN = auto()
    """Refused because this caller may see no field of the operation, whatever its arguments; nobody was asked."""
    NOT_A_QUERY = auto()
    """Refused because `queries_only` was set and the operation is no query."""


@record
class GraphQLResponse:
    """The response map of the GraphQL specification, section 7.1."""

    outcome: ResponseOutcome
    data: Mapping[str, Any] | None = None
    errors: Sequence[Mapping[str, Any]] = ()
    """Formatted errors: `message`, `locations`, `path`, `extensions.code` (and `agency`, `retryAfter`)."""
    extensions: Mapping[str, Any] = field(default_factory=dict)
    reads: Sequence[SubjectRead] = ()
    """What the data holds of whom; never part of what is sent."""
    refusals: Refusals = field(default_factory=dict)
    """What was refused; never part of what is sent."""
    data_classes: frozenset[str] = frozenset()
    """How sensitive what may be in the data is, in the schema's words; never part of what is sent."""
    is_public: bool = False
    """Whether the data is the same for everybody: a query of public fields alone, which reads nothing of the caller."""
    lifetime: AnswerLifetime | None = None
    """How long it may be used from now on; None for what is for this once: changes, errors, what is no longer fresh."""
    body: bytes | None = None
    """The whole response map as JSON, where it was made already: what several callers share is written once."""


class RefusedRequest(Exception):  # noqa: N818 - reads as what it is
    """The request is not run at all; the errors say why."""

    def __init__(self, *errors: dict[str, Any], outcome: ResponseOutcome = ResponseOutcome.REFUSED) -> None:
        """Take errors as the response carries them."""
        super().__init__(f"{len(errors)} request errors")
        self.errors = errors
        self.outcome = outcome
