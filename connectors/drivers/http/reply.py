"""What an agency answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from multidict import CIMultiDict


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpReply:
    """What an agency answered. Its `repr` shows the status only: the rest may be personal."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    """By name in any case (`reply.headers["content-type"]`)."""
    body: bytes = field(repr=False)
    """Whole, with any `Content-Encoding` undone."""
    encoding: str = field(default="", repr=False)
    """The `Content-Encoding` that the body is still in; empty once it is undone."""


class HeaderFields(Mapping[str, str]):
    """The header fields of a reply by name in any case; of several by one name, the first.

    Made readable when somebody reads them: most replies are read for their body alone.
    """

    __slots__ = ("_raw", "_read")

    def __init__(self, raw: Sequence[tuple[bytes, bytes]]) -> None:
        """Take the fields as they came over the wire."""
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
