"""JSON in the body of a reply, within what may be parsed at a time.

orjson parses in one piece, and holds the interpreter's lock while it does: no thread helps, only a bound. Measured here
as processor time (orjson 3.11, Python 3.13, 2 GHz): 0.1 to 0.7 ms for a MiB of text in few values, and up to 10 ms for
100,000 values. The slowest are lists in lists; then members by name, 8 ms; empty objects, 3 ms. So 60,000 values in 4
MiB take 3 + 6 ms, and 7 ms to be counted: a third of the 50 ms for which the loop may stand still. A page of 500
complaints with their notes, the longest reply there is, holds 20,000 values in half a MiB.
"""

from __future__ import annotations

from typing import Final

import orjson

MAX_VALUES: Final = 60_000
"""Members, items, lists and objects in one reply."""
SMALL_BYTES: Final = 16 * 1024
"""Bytes that hold so little that nothing has to be counted: 1 ms at worst."""
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class NotJson(Exception):  # noqa: N818 - named for what the body is
    """The body cannot be parsed, or is more than may be. Holds nothing of it but why."""


def count_values(body: bytes) -> int:
    """At least as many as there are values: before each stands one of these signs, which texts may hold, too."""
    return body.count(b",") + body.count(b"[") + body.count(b"{")


def parse_json(body: bytes) -> object:
    """The value in a body (RFC 8259; a byte order mark is tolerated).

    Raises NotJson: for more than 60,000 values, for nesting beyond 1,024 levels (orjson's own bound), for anything
    that is no JSON.
    """
    if len(body) > SMALL_BYTES and count_values(body) > MAX_VALUES:
        raise NotJson(f"holds more than {MAX_VALUES} values")
    try:
        value: object = orjson.loads(body.removeprefix(_BYTE_ORDER_MARK))
    except orjson.JSONDecodeError:
        # The library's error carries the whole body.
        raise NotJson("is not JSON") from None
    return value
