"""From the outcome of a request to status and headers (GraphQL over HTTP, section 6 "Response")."""

from __future__ import annotations

from engine.request import ResponseOutcome
from web.graphql.media_types import MediaType


def get_status(outcome: ResponseOutcome, media_type: MediaType) -> int:
    """The HTTP status of a GraphQL response.

    `application/json` says 200 to every well-formed request, because intermediaries may answer 4xx in that type too
    and clients could not tell (section 6.4.1); `application/graphql-response+json` says 400 to a request error
    (section 6.4.2). Newer drafts say 422 and 294; the audits of graphql-http say 400.
    """
    match outcome:
        case ResponseOutcome.ANSWERED:
            return 200
        case ResponseOutcome.NOT_A_QUERY:
            return 405
        case ResponseOutcome.FORBIDDEN:
            return 403 if media_type is MediaType.GRAPHQL_RESPONSE else 200
        case ResponseOutcome.REFUSED:
            return 400 if media_type is MediaType.GRAPHQL_RESPONSE else 200


def get_headers(outcome: ResponseOutcome) -> dict[str, str]:
    """Headers that an outcome calls for: 405 names the method that would do (RFC 9110, section 15.5.6)."""
    return {"Allow": "POST"} if outcome is ResponseOutcome.NOT_A_QUERY else {}
