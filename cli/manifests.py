"""The manifests of operations that frontend tools write, read into (id, name, text).

- Apollo: `generate-persisted-query-manifest` writes `{"format": "apollo-persisted-query-manifest", "version": 1,
  "operations": [{"id", "name", "type", "body"}]}`.
- Relay: `persisted.json`, `{"<md5, sha1 or sha256>": "<text>"}`.
- GraphQL Code Generator, client preset: `persisted-documents.json`, `{"sha256:<hash>" or "<sha1>": "<text>"}`.

Ids are opaque: what a tool calls a document, requests call it too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.failure import Failure

APOLLO = "apollo-persisted-query-manifest"
_MOST_BYTES = 16 * 1024 * 1024
_LONGEST_ID = 256
_MEMBERS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestEntry:
    """One document of a manifest."""

    id: str
    name: str | None
    """None where the tool does not say; the document does."""
    text: str


def read_manifest(path: Path) -> Sequence[ManifestEntry]:
    """The documents of a manifest, in its order; raises Failure."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise Failure(f"{path} is larger than {_MOST_BYTES // 1024**2} MiB: that is no manifest of operations")
        text = path.read_text(encoding="utf-8")
        told: Any = json.loads(text, object_pairs_hook=_each_once)
    except OSError as problem:
        raise Failure(f"{path} cannot be read: {problem.strerror}") from None
    except UnicodeDecodeError:
        raise Failure(f"{path} cannot be read: it is not UTF-8") from None
    except (ValueError, RecursionError) as problem:
        raise Failure(f"{path} is no JSON: {problem}") from None
    try:
        entries = _entries(told)
    except _Malformed as problem:
        raise Failure(f"{path}: {problem}") from None
    if not entries:
        raise Failure(f"{path} holds no operation: run the tool that writes it over your sources")
    return entries


class _Malformed(Exception):  # noqa: N818 - reads as what it is
    """What is wrong with a manifest."""


def _each_once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        twice = next(name for name, _ in pairs if sum(name == other for other, _ in pairs) > 1)
        raise ValueError(f"the member {twice!r} comes twice")
    return members


def _entries(told: Any) -> Sequence[ManifestEntry]:  # noqa: ANN401 - any JSON
    if not isinstance(told, dict):
        raise _Malformed("a manifest is an object, as Apollo, Relay and GraphQL Code Generator write it")
    if "format" in told:
        return _of_apollo(told)
    wrong = next((name for name, text in told.items() if not isinstance(text, str)), None)
    if wrong is not None:
        raise _Malformed(f"the member {wrong!r} is no text of a document; known are {APOLLO!r} and {{id: text}}")
    return [ManifestEntry(id=_id(name), name=None, text=text) for name, text in told.items()]


def _of_apollo(told: Mapping[str, Any]) -> Sequence[ManifestEntry]:
    if told["format"] != APOLLO or told.get("version") != 1:
        told_as = f"the format {told['format']!r}, version {told.get('version')!r}"
        raise _Malformed(f"{told_as}, is unknown; known is {APOLLO!r}, version 1")
    operations = told.get("operations")
    if not isinstance(operations, list):
        raise _Malformed("'operations' is no list")
    entries: dict[str, ManifestEntry] = {}
    for number, each in enumerate(operations):
        if not isinstance(each, dict):
            raise _Malformed(f"operation {number} is no object")
        members = [str(each[name]) for name in ("id", "name", "body") if isinstance(each.get(name), str)]
        if len(members) != _MEMBERS:
            raise _Malformed(f"operation {number} lacks 'id', 'name' or 'body' as a text")
        entry = ManifestEntry(id=_id(members[0]), name=members[1], text=members[2])
        if entries.setdefault(entry.id, entry) is not entry:
            raise _Malformed(f"the id {entry.id!r} comes twice")
    return list(entries.values())


def _id(text: str) -> str:
    if not text or len(text) > _LONGEST_ID or not text.isprintable():
        raise _Malformed(f"{text[:20]!r} cannot be an id: it needs 1 to {_LONGEST_ID} printable characters")
    return text
