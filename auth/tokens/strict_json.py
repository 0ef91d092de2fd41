"""JSON from somebody who may mean harm: bounded in depth, no name twice, no numbers that JSON does not have.

Python's reader lets the last of two members of one name win, others the first: what two readers understand differently
is refused (RFC 8725, section 2.4; RFC 7515, section 4).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any


def parse_json_object(text: bytes, *, max_depth: int, max_brackets: int) -> dict[str, Any]:
    """The JSON object that the bytes are (RFC 8259, UTF-8).

    `max_depth` is how many objects and lists may stand inside each other, the outermost counted; `max_brackets` how
    many opening brackets there may be in all, those inside strings counted, so that nothing deep is ever begun.
    Raises ValueError, which echoes nothing.
    """
    if text.count(b"{") + text.count(b"[") > max_brackets:
        raise ValueError("too many objects or lists")
    try:
        value = json.loads(text.decode("utf-8"), object_pairs_hook=_reject_duplicates, parse_constant=_reject_constant)
    except (ValueError, RecursionError):
        raise ValueError("not JSON, or a name that stands twice") from None
    if not isinstance(value, dict):
        raise ValueError("no object")  # noqa: TRY004 - what was sent is wrong, not what the caller handed over
    if not _fits_depth(value, max_depth):
        raise ValueError("objects or lists too deep inside each other")
    return value


def _reject_duplicates(members: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) != len(members):
        raise ValueError("a name stands twice")
    return found


def _reject_constant(_name: str) -> float:
    raise ValueError("not a number that JSON has")


def _fits_depth(value: object, depth: int) -> bool:
    if isinstance(value, dict):
        return depth > 0 and all(_fits_depth(each, depth - 1) for each in value.values())
    if isinstance(value, list):
        return depth > 0 and all(_fits_depth(each, depth - 1) for each in value)
    return True
