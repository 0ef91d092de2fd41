"""Manifests as frontend tools write them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli.command_error import CommandError
from cli.operations.manifests import ManifestEntry, read_manifest

TEXT = "query A { a }"


def write_manifest(folder: Path, document: Any) -> Path:  # noqa: ANN401 - any JSON
    path = folder / "manifest.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def test_apollos_manifest_has_id_name_and_body(tmp_path: Path) -> None:
    document = {
        "format": "apollo-persisted-query-manifest",
        "version": 1,
        "operations": [{"id": "dc67510fb4", "name": "A", "type": "query", "body": TEXT}],
    }
    assert read_manifest(write_manifest(tmp_path, document)) == [ManifestEntry(id="dc67510fb4", name="A", text=TEXT)]


@pytest.mark.parametrize("digest", ["eb4c8ef4", "sha256:eb4c", "5d41402abc4b2a76b9719d911017c592"])
def test_manifests_of_relay_and_code_generator_have_id_and_text(tmp_path: Path, digest: str) -> None:
    assert read_manifest(write_manifest(tmp_path, {digest: TEXT})) == [ManifestEntry(id=digest, name=None, text=TEXT)]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{", "is not JSON: "),
        ('{"a": "x", "a": "y"}', "the member 'a' occurs twice"),
        ([], "a manifest is an object"),
        ({}, "holds no operation"),
        ({"a": 1}, "the member 'a' is not the text of a document"),
        ({"": TEXT}, "'' cannot be an id"),
        ({"x" * 257: TEXT}, "cannot be an id: it needs 1 to 256 printable characters"),
        ({"format": "other", "version": 1}, "the format 'other', version 1, is unknown"),
        ({"format": "apollo-persisted-query-manifest", "version": 2}, "version 2, is unknown"),
        ({"format": "apollo-persisted-query-manifest", "version": 1}, "'operations' must be a list"),
        (
            {"format": "apollo-persisted-query-manifest", "version": 1, "operations": [1]},
            "operation 0 must be an object",
        ),
        (
            {"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{"id": "a", "name": "A"}]},
            "operation 0 lacks 'id', 'name' or 'body' as a text",
        ),
        (
            {
                "format": "apollo-persisted-query-manifest",
                "version": 1,
                "operations": [{"id": "a", "name": "A", "body": TEXT}] * 2,
            },
            "the id 'a' occurs twice",
        ),
    ],
)
def test_an_invalid_manifest_is_refused_with_the_reason(tmp_path: Path, document: Any, message: str) -> None:  # noqa: ANN401 - any JSON
    with pytest.raises(CommandError) as failure:
        read_manifest(write_manifest(tmp_path, document))
    assert message in str(failure.value)


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"none\.json cannot be read: No such file or directory$"):
        read_manifest(tmp_path / "none.json")
