"""The response map as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from engine.request import GraphQLResponse, ResponseOutcome


def encode(response: GraphQLResponse) -> bytes:
    """The response map as JSON. `errors` stands first, where a reader sees it (GraphQL specification, 7.1).

    Raises:
        TypeError: The engine handed over a value that JSON does not know.

    """
    if response.body is not None:
        return response.body
    body: dict[str, Any] = {}
    if response.errors:
        body["errors"] = response.errors
    if response.outcome is ResponseOutcome.ANSWERED:
        body["data"] = response.data
    if response.extensions:
        body["extensions"] = response.extensions
    return encode_value(body)


def encode_value(value: object) -> bytes:
    """A part of a response map as JSON; raises `TypeError` for a value that JSON does not know."""
    return orjson.dumps(value, default=_to_plain)


def _to_plain(value: object) -> object:
    """What orjson does not write by itself: mappings that are no dict."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"A value of type {type(value).__name__} cannot be written as JSON.")
