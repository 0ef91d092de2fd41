"""Parses messages of GTFS-Realtime (Protocol Buffers), and keeps them as they are: compact, and read on demand."""

from __future__ import annotations

from typing import Final

from google.protobuf.message import DecodeError  # type: ignore[import-untyped] # it has no types
from google.transit.gtfs_realtime_pb2 import FeedHeader, FeedMessage, TripDescriptor, TripUpdate

from connectors.drivers.http.body_format import BodyFormat, UnparsableBody

__all__ = [
    "ADDED_TRIP",
    "CANCELLED_TRIP",
    "NO_DATA",
    "REALTIME_FEED",
    "SKIPPED",
    "FeedMessage",
    "parse_feed",
    "read_text",
]

CANCELLED_TRIP: Final = frozenset({TripDescriptor.CANCELED, TripDescriptor.DELETED})
ADDED_TRIP: Final = frozenset({TripDescriptor.ADDED, TripDescriptor.NEW})
SKIPPED: Final = TripUpdate.StopTimeUpdate.SKIPPED
NO_DATA: Final = TripUpdate.StopTimeUpdate.NO_DATA
MAX_FEED_BYTES: Final = 16 * 1024 * 1024
"""Of one feed: its parser takes some 5 ms for a megabyte."""
_SMALL_BYTES: Final = 64 * 1024


def parse_feed(body: bytes) -> FeedMessage:
    """Parse a whole data set. Raises `UnparsableBody`."""
    message = FeedMessage()
    try:
        message.ParseFromString(body)
    except DecodeError:
        raise UnparsableBody("is not a GTFS-Realtime message") from None
    if not message.header.gtfs_realtime_version:
        raise UnparsableBody("has no header of GTFS-Realtime")
    if message.header.incrementality == FeedHeader.DIFFERENTIAL:
        raise UnparsableBody("is a difference to an earlier message, which the reference leaves undefined")
    return message


def read_text(value: str | bytes) -> str | None:
    """A text of a message; None for an empty one. The library gives bytes for a text that is not UTF-8."""
    return (value if isinstance(value, str) else value.decode("utf-8", "replace")) or None


REALTIME_FEED: Final = BodyFormat(parse=parse_feed, count_values=lambda body: len(body) // 16, small_bytes=_SMALL_BYTES)
