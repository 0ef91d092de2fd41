"""Watermarks: texts in records that tell whose they are, and that nobody could have made up."""

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
    """The relation of a marked record to its owner; each has its own rules."""

    IDENTITY = "identity"
    RESIDENCE = "residence"
    CIVIL = "civil"
    PARENTS = "parents"
    MEMBER = "member"
    """Of a family card."""
    TAX = "tax"
    MSME = "msme"
    PRODUCT = "product"
    COMPLAINT = "complaint"
    """A private one."""
    LOG = "log"
    PUBLIC = "public"
    """Said or sold by somebody, and for everybody to see."""


class Watermark(NamedTuple):
    """What a mark says."""

    kind: MarkKind
    owner: Nik


class FoundMark(NamedTuple):
    """A mark in an answer; None where it is no mark of anybody."""

    path: tuple[str | int, ...]
    mark: Watermark | None


def build_mark(what: MarkKind, owner: Nik) -> str:
    """The text in the record."""
    return f"wm{hmac.digest(_KEY, f'{what.value} {owner}'.encode(), hashlib.sha256).hex()[:24]}"


class MarkReader:
    """Reads marks."""

    def __init__(self, owners: Iterable[Nik]) -> None:
        """Know the marks of these people, and no others."""
        self._known = {build_mark(what, owner): Watermark(what, owner) for owner in owners for what in MarkKind}

    def find(self, value: Any, path: tuple[str | int, ...] = ()) -> Iterator[FoundMark]:  # noqa: ANN401 - JSON
        """Every mark in an answer, and where it stands."""
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
