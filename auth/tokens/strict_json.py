"""Strict parsing of untrusted JSON: bounded depth, no duplicate names, no `NaN` or `Infinity`.

Of two members with the same name, Python's parser uses the last, others the first. A document that two parsers
understand differently is refused (RFC 8725, section 2.4; RFC 7515, section 4).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final


def parse_json_object(text: bytes, *, max_depth: int, max_brackets: int) -> dict[str, Any]:
    """Parse bytes as a JSON object (RFC 8259, UTF-8).

    `max_depth` is the maximum nesting of objects and lists, with the outermost. `max_brackets` is the maximum number of
    opening brackets, with those in strings; it is checked first, so that deep documents are never parsed. Raises
    `ValueError`, without values of the document.
    """
    brackets = text.count(b"{") + text.count(b"[")
    if brackets > max_brackets:
        raise ValueError("too many objects or lists")
    try:
        value = _DECODER.decode(text.decode("utf-8"))
    except (ValueError, RecursionError):
        raise ValueError("not JSON, or a duplicate name") from None
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004 - the document is wrong, not the argument
    if brackets > max_depth and not _fits_depth(value, max_depth):  # each level takes a bracket
        raise ValueError("objects or lists nested too deeply")
    return value


def _reject_duplicates(members: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) != len(members):
        raise ValueError("a duplicate name")
    return found


def _reject_constant(_name: str) -> float:
    raise ValueError("not a number that JSON has")


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_reject_duplicates, parse_constant=_reject_constant)
"""One for all documents: `json.loads` builds another for each, in as much time as it takes to parse a token."""


def _fits_depth(value: object, depth: int) -> bool:
    if isinstance(value, dict):
        return depth > 0 and all(_fits_depth(each, depth - 1) for each in value.values())
    if isinstance(value, list):
        return depth > 0 and all(_fits_depth(each, depth - 1) for each in value)
    return True
