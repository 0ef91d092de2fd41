"""The response map as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from engine.request import GraphQLResponse, ResponseOutcome


def encode(response: GraphQLResponse) -> bytes:
    """The response map as JSON, with `errors` first (GraphQL specification, section 7.1).

    Raises:
        TypeError: A value cannot be written as JSON.

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
    """A part of a response map as JSON; raises `TypeError` for a value that cannot be written."""
    return orjson.dumps(value, default=_to_plain)


def _to_plain(value: object) -> object:
    """Convert mappings that are not dicts, which orjson does not support."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"A value of type {type(value).__name__} cannot be written as JSON.")
