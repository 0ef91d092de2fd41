from types import MappingProxyType

import pytest

from engine.request import GraphQLResponse, ResponseOutcome
from engine.response_encoding import encode
from web.graphql.media_types import MediaType
from web.graphql.responses import get_headers, get_status

ERROR = {"message": "no", "path": ["me", 0]}


@pytest.mark.parametrize(
    ("outcome", "media_type", "status"),
    [
        (ResponseOutcome.ANSWERED, MediaType.JSON, 200),
        (ResponseOutcome.ANSWERED, MediaType.GRAPHQL_RESPONSE, 200),
        (ResponseOutcome.REFUSED, MediaType.JSON, 200),
        (ResponseOutcome.REFUSED, MediaType.GRAPHQL_RESPONSE, 400),
        (ResponseOutcome.FORBIDDEN, MediaType.JSON, 200),
        (ResponseOutcome.FORBIDDEN, MediaType.GRAPHQL_RESPONSE, 403),
        (ResponseOutcome.NOT_A_QUERY, MediaType.JSON, 405),
        (ResponseOutcome.NOT_A_QUERY, MediaType.GRAPHQL_RESPONSE, 405),
    ],
)
def test_the_status_depends_on_outcome_and_media_type(
    outcome: ResponseOutcome, media_type: MediaType, status: int
) -> None:
    assert get_status(outcome, media_type) == status


def test_only_a_mutation_by_get_has_an_allow_header() -> None:
    assert [get_headers(outcome) for outcome in ResponseOutcome] == [{}, {}, {}, {"Allow": "POST"}]


@pytest.mark.parametrize(
    ("response", "body"),
    [
        (GraphQLResponse(outcome=ResponseOutcome.ANSWERED, data={"a": 1}), b'{"data":{"a":1}}'),
        (
            GraphQLResponse(outcome=ResponseOutcome.ANSWERED, data=MappingProxyType({"a": (1, None)})),
            b'{"data":{"a":[1,null]}}',
        ),
        (
            GraphQLResponse(outcome=ResponseOutcome.ANSWERED, data=None, errors=[ERROR]),
            b'{"errors":[{"message":"no","path":["me",0]}],"data":null}',
        ),
        (
            GraphQLResponse(outcome=ResponseOutcome.REFUSED, errors=[MappingProxyType(ERROR)]),
            b'{"errors":[{"message":"no","path":["me",0]}]}',
        ),
        (
            GraphQLResponse(outcome=ResponseOutcome.ANSWERED, data={}, extensions={"cost": 3}),
            b'{"data":{},"extensions":{"cost":3}}',
        ),
    ],
)
def test_encodes_the_response_map(response: GraphQLResponse, body: bytes) -> None:
    assert encode(response) == body


def test_a_value_that_is_no_json_raises_an_error() -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        encode(GraphQLResponse(outcome=ResponseOutcome.ANSWERED, data={"a": object()}))
