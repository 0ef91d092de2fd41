from types import MappingProxyType

import pytest

from engine.encoding import encode
from engine.request import GraphQLResponse, Outcome
from web.graphql_response import headers_of, status_of
from web.media_types import MediaType

ERROR = {"message": "no", "path": ["me", 0]}


@pytest.mark.parametrize(
    ("outcome", "media_type", "status"),
    [
        (Outcome.ANSWERED, MediaType.JSON, 200),
        (Outcome.ANSWERED, MediaType.GRAPHQL_RESPONSE, 200),
        (Outcome.REFUSED, MediaType.JSON, 200),
        (Outcome.REFUSED, MediaType.GRAPHQL_RESPONSE, 400),
        (Outcome.FORBIDDEN, MediaType.JSON, 200),
        (Outcome.FORBIDDEN, MediaType.GRAPHQL_RESPONSE, 403),
        (Outcome.NOT_A_QUERY, MediaType.JSON, 405),
        (Outcome.NOT_A_QUERY, MediaType.GRAPHQL_RESPONSE, 405),
    ],
)
def test_the_status_says_how_far_the_request_came(outcome: Outcome, media_type: MediaType, status: int) -> None:
    assert status_of(outcome, media_type) == status


def test_only_a_request_that_is_no_query_names_the_method_that_would_do() -> None:
    assert [headers_of(outcome) for outcome in Outcome] == [{}, {}, {}, {"Allow": "POST"}]


@pytest.mark.parametrize(
    ("response", "body"),
    [
        (GraphQLResponse(outcome=Outcome.ANSWERED, data={"a": 1}), b'{"data":{"a":1}}'),
        (
            GraphQLResponse(outcome=Outcome.ANSWERED, data=MappingProxyType({"a": (1, None)})),
            b'{"data":{"a":[1,null]}}',
        ),
        (
            GraphQLResponse(outcome=Outcome.ANSWERED, data=None, errors=[ERROR]),
            b'{"errors":[{"message":"no","path":["me",0]}],"data":null}',
        ),
        (
            GraphQLResponse(outcome=Outcome.REFUSED, errors=[MappingProxyType(ERROR)]),
            b'{"errors":[{"message":"no","path":["me",0]}]}',
        ),
        (
            GraphQLResponse(outcome=Outcome.ANSWERED, data={}, extensions={"cost": 3}),
            b'{"data":{},"extensions":{"cost":3}}',
        ),
    ],
)
def test_writes_the_response_map(response: GraphQLResponse, body: bytes) -> None:
    assert encode(response) == body


def test_says_what_it_cannot_write() -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        encode(GraphQLResponse(outcome=Outcome.ANSWERED, data={"a": object()}))
