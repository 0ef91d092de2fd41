"""Writes JSON bodies of requests, and parses those of replies up to a size that does not stop the event loop.

orjson parses in one piece, and holds the interpreter's lock while it does: no thread helps, only a bound. Measured here
as processor time (orjson 3.11, Python 3.13, 2 GHz): 0.1 to 0.7 ms for a MiB of text in few values, and up to 10 ms for
100,000 values. The slowest are lists in lists; then members by name, 8 ms; empty objects, 3 ms. So 60,000 values in 4
MiB take 3 + 6 ms, and 7 ms to be counted: a third of the 50 ms for which the loop may stand still. A page of 500
complaints with their notes, the longest reply there is, holds 20,000 values in half a MiB.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import orjson

from connectors.drivers.http.body_format import BodyFormat, UnparsableBody

MAX_VALUES: Final = 60_000
"""Members, items, lists and objects in one reply."""
SMALL_BYTES: Final = 16 * 1024
"""Size in bytes below which values are not counted: parsing takes 1 ms at worst."""
_MAX_DEPTH: Final = 64
"""Levels of lists and objects whose names are read in lower case."""
JSON_HEADERS: Final = {"Content-Type": "application/json"}
"""Of a request with such a body."""
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


def write_json(value: object) -> bytes:
    """The body of a request, from values of JSON's types."""
    return orjson.dumps(value)


def join_objects(first: bytes, second: bytes) -> bytes:
    """One object with the members of two objects that `write_json` wrote. The first has a member."""
    return first if second == b"{}" else first[:-1] + b"," + second[1:]


def count_values(body: bytes) -> int:
    """Count the signs that precede values. Texts may contain them too, so this is an upper bound of the values."""
    return body.count(b",") + body.count(b"[") + body.count(b"{")


def parse_json(body: bytes) -> object:
    """Parse a body (RFC 8259; a byte order mark is allowed).

    Raises UnparsableBody for more than 60,000 values, nesting beyond 1,024 levels (orjson's limit), and invalid JSON.
    """
    if len(body) > SMALL_BYTES and count_values(body) > MAX_VALUES:
        raise UnparsableBody(f"holds more than {MAX_VALUES} values")
    try:
        value: object = orjson.loads(body.removeprefix(_BYTE_ORDER_MARK))
    except orjson.JSONDecodeError:
        # The library's error contains the whole body.
        raise UnparsableBody("is not JSON") from None
    return value


def _parse_lower_case(body: bytes) -> object:
    """Parse a body, with the names of all members in lower case. Raises UnparsableBody, also for a name twice."""
    return _to_lower_case(parse_json(body), _MAX_DEPTH)


def _to_lower_case(value: object, depth: int) -> object:
    if not isinstance(value, dict | list):
        return value
    if not depth:
        raise UnparsableBody(f"is nested beyond {_MAX_DEPTH} levels")
    if isinstance(value, list):
        return [_to_lower_case(each, depth - 1) for each in value]
    found = {name.lower(): _to_lower_case(each, depth - 1) for name, each in value.items()}
    if len(found) < len(value):
        raise UnparsableBody("names a member twice, in different case")
    return found


JSON_BODY: Final = BodyFormat(parse=parse_json, count_values=count_values, small_bytes=SMALL_BYTES)
LOWER_CASE_JSON_BODY: Final = replace(JSON_BODY, parse=_parse_lower_case)
