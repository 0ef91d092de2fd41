"""Watermarks: texts in records that name their owner and cannot be forged."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Any, NamedTuple

from records.identifiers import Nik

_KEY = b"the crowd's own key, which no hub has"
_MARK = re.compile(r"wm[0-9a-f]*")


class MarkKind(Enum):
    """The kind of a marked record. Each kind has its own rules."""

    IDENTITY = "identity"
    RESIDENCE = "residence"
    CIVIL = "civil"
    PARENTS = "parents"
    MEMBER = "member"
    """Data of a family card."""
    TAX = "tax"
    MSME = "msme"
    PRODUCT = "product"
    COMPLAINT = "complaint"
    """A private complaint."""
    LOG = "log"
    PUBLIC = "public"
    """Public data of a person, such as a public complaint or an offer."""


class Watermark(NamedTuple):
    """The content of a mark."""

    kind: MarkKind
    owner: Nik


class FoundMark(NamedTuple):
    """A mark in an answer; None for a forged or unknown mark."""

    path: tuple[str | int, ...]
    mark: Watermark | None


def build_mark(what: MarkKind, owner: Nik) -> str:
    """The text in the record."""
    return f"wm{hmac.digest(_KEY, f'{what.value} {owner}'.encode(), hashlib.sha256).hex()[:24]}"


class MarkReader:
    """Reads marks."""

    def __init__(self, owners: Iterable[Nik]) -> None:
        """Knows the marks of these people."""
        self._known = {build_mark(what, owner): Watermark(what, owner) for owner in owners for what in MarkKind}

    def find(self, value: Any, path: tuple[str | int, ...] = ()) -> Iterator[FoundMark]:  # noqa: ANN401 - JSON
        """Every mark in an answer, and its place."""
        if isinstance(value, str):
            if "wm" in value:
                for text in _MARK.findall(value):
                    yield FoundMark(path, self._known.get(text))
        elif isinstance(value, Mapping):
            for name, each in value.items():
                if each is not None:
                    yield from self.find(each, (*path, name))
        elif isinstance(value, list):
            for index, each in enumerate(value):
                yield from self.find(each, (*path, index))
