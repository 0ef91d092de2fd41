"""Reads manifests of operations from frontend tools into (id, name, text).

- Apollo: `generate-persisted-query-manifest` writes `{"format": "apollo-persisted-query-manifest", "version": 1,
  "operations": [{"id", "name", "type", "body"}]}`.
- Relay: `persisted.json`, `{"<md5, sha1 or sha256>": "<text>"}`.
- GraphQL Code Generator, client preset: `persisted-documents.json`, `{"sha256:<hash>" or "<sha1>": "<text>"}`.

Ids are opaque: requests use the id from the manifest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.command_error import CommandError

APOLLO_FORMAT = "apollo-persisted-query-manifest"
_MAX_BYTES = 16 * 1024 * 1024
_MAX_ID_LENGTH = 256
_MEMBERS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestEntry:
    """One document of a manifest."""

    id: str
    name: str | None
    """None if the manifest has no names; then the name comes from the document."""
    text: str


def read_manifest(path: Path) -> Sequence[ManifestEntry]:
    """The documents of a manifest, in its order; raises `CommandError`."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise CommandError(f"{path} is larger than {_MAX_BYTES // 1024**2} MiB: it is not a manifest of operations")
        text = path.read_text(encoding="utf-8")
        document: Any = json.loads(text, object_pairs_hook=_refuse_duplicate_members)
    except OSError as problem:
        raise CommandError(f"{path} cannot be read: {problem.strerror}") from None
    except UnicodeDecodeError:
        raise CommandError(f"{path} cannot be read: it is not UTF-8") from None
    except (ValueError, RecursionError) as problem:
        raise CommandError(f"{path} is not JSON: {problem}") from None
    try:
        entries = _parse_entries(document)
    except _MalformedManifest as problem:
        raise CommandError(f"{path}: {problem}") from None
    if not entries:
        raise CommandError(f"{path} holds no operation: run its tool over your sources")
    return entries


class _MalformedManifest(Exception):  # noqa: N818 - reads as what it is
    """The manifest is malformed; the text says how."""


def _refuse_duplicate_members(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        duplicate = next(name for name, _ in pairs if sum(name == other for other, _ in pairs) > 1)
        raise ValueError(f"the member {duplicate!r} occurs twice")
    return members


def _parse_entries(document: Any) -> Sequence[ManifestEntry]:  # noqa: ANN401 - any JSON
    if not isinstance(document, dict):
        raise _MalformedManifest("a manifest is an object, as Apollo, Relay and GraphQL Code Generator write it")
    if "format" in document:
        return _parse_apollo(document)
    wrong = next((name for name, text in document.items() if not isinstance(text, str)), None)
    if wrong is not None:
        raise _MalformedManifest(
            f"the member {wrong!r} is not the text of a document; known formats are {APOLLO_FORMAT!r} and {{id: text}}"
        )
    return [ManifestEntry(id=_check_id(name), name=None, text=text) for name, text in document.items()]


def _parse_apollo(document: Mapping[str, Any]) -> Sequence[ManifestEntry]:
    if document["format"] != APOLLO_FORMAT or document.get("version") != 1:
        found_format = f"the format {document['format']!r}, version {document.get('version')!r}"
        raise _MalformedManifest(f"{found_format}, is unknown; the known format is {APOLLO_FORMAT!r}, version 1")
    operations = document.get("operations")
    if not isinstance(operations, list):
        raise _MalformedManifest("'operations' must be a list")
    entries: dict[str, ManifestEntry] = {}
    for number, each in enumerate(operations):
        if not isinstance(each, dict):
            raise _MalformedManifest(f"operation {number} must be an object")
        members = [str(each[name]) for name in ("id", "name", "body") if isinstance(each.get(name), str)]
        if len(members) != _MEMBERS:
            raise _MalformedManifest(f"operation {number} lacks 'id', 'name' or 'body' as a text")
        entry = ManifestEntry(id=_check_id(members[0]), name=members[1], text=members[2])
        if entries.setdefault(entry.id, entry) is not entry:
            raise _MalformedManifest(f"the id {entry.id!r} occurs twice")
    return list(entries.values())


def _check_id(text: str) -> str:
    if not text or len(text) > _MAX_ID_LENGTH or not text.isprintable():
        raise _MalformedManifest(f"{text[:20]!r} cannot be an id: it needs 1 to {_MAX_ID_LENGTH} printable characters")
    return text
