"""The reply of an agency."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field

from multidict import CIMultiDict

from records.record import record


@record
class HttpReply:
    """The reply of an agency. Its `repr` shows only the status, because the rest may be personal."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    """By case-insensitive name (`reply.headers["content-type"]`)."""
    body: bytes = field(repr=False)
    """The whole body, decoded."""
    encoding: str = field(default="", repr=False)
    """The `Content-Encoding` of the body; empty after decoding."""


class HeaderFields(Mapping[str, str]):
    """The header fields of a reply by case-insensitive name; the first of several with one name.

    Parsed on first access, because most callers read only the body.
    """

    __slots__ = ("_raw", "_read")

    def __init__(self, raw: Sequence[tuple[bytes, bytes]]) -> None:
        """Store the raw fields."""
        self._raw = raw
        self._read: CIMultiDict[str] | None = None

    def __getitem__(self, name: str) -> str:
        return self._fields()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields())

    def __len__(self) -> int:
        return sum(1 for _ in self._fields())

    def _fields(self) -> CIMultiDict[str]:
        if self._read is None:
            self._read = CIMultiDict((_text(name), _text(value.rstrip(b" \t"))) for name, value in self._raw)
        return self._read


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
