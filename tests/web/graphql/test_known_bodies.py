"""Which parsed bodies are remembered: those without variables and extensions, within bounds."""

from __future__ import annotations

import pytest

from engine.request import GraphQLRequest
from web.graphql.known_bodies import KnownBodies
from web.graphql.request_parsing import parse_body
from web.http_errors import HttpError

PLAIN = b'{"query": "{ prices { name } }", "operationName": null}'


def test_an_equal_body_is_the_same_request_and_is_not_parsed_again() -> None:
    bodies = KnownBodies()
    first = bodies.parse(PLAIN)
    assert first == parse_body(PLAIN) == GraphQLRequest(query="{ prices { name } }")
    assert bodies.parse(bytes(bytearray(PLAIN))) is first
    assert bodies.parse(PLAIN.replace(b"prices", b"flavours")).query == "{ flavours { name } }"
    assert len(bodies) == 2


@pytest.mark.parametrize(
    "body",
    [
        b'{"query": "query($nik: ID!) { person(nik: $nik) { name } }", "variables": {"nik": "3171000000000001"}}',
        b'{"query": "{ prices { name } }", "extensions": {"explain": true}}',
        b'{"query": "{ prices { name } } #' + b"x" * 4096 + b'"}',
    ],
    ids=["variables", "extensions", "too long"],
)
def test_a_body_that_is_personal_unusual_or_long_is_not_kept(body: bytes) -> None:
    bodies = KnownBodies()
    assert bodies.parse(body) == parse_body(body)
    assert len(bodies) == 0


@pytest.mark.parametrize("body", [b"", b"{", b'{"query": 1}', b'{"query": "{ a }", "query": "{ b }"}'])
def test_an_invalid_body_is_refused_each_time(body: bytes) -> None:
    bodies = KnownBodies()
    for _ in range(2):
        with pytest.raises(HttpError):
            bodies.parse(body)
    assert len(bodies) == 0


def test_a_flood_of_bodies_stays_within_the_bound() -> None:
    bodies = KnownBodies()
    for number in range(1_000):
        bodies.parse(b'{"query": "{ prices(first: %d) { name } }"}' % number)
        assert len(bodies) <= 256
