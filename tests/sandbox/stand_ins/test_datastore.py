"""A stand-in of an open data portal answers searches of its datastore."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.agency import CannotStartError
from sandbox.stand_ins.datastore import DatastoreReplies
from sandbox.stand_ins.sources import StandInSource

ROWS = [{"kode": "b", "tahun": 2025}, {"kode": "a", "tahun": 2026}, {"kode": "c", "tahun": None}]


def write_source(folder: Path, rows: object = ROWS) -> StandInSource:
    source = StandInSource(folder, "portal")
    source.samples.mkdir(parents=True)
    (source.samples / "titik.json").write_text(json.dumps(rows))
    return source


def search(folder: Path, **given: Any) -> tuple[int, Any]:  # noqa: ANN401 - JSON
    line = f"POST api/3/action/datastore_search {json.dumps({'resource_id': 'titik', **given})}"
    reply = DatastoreReplies(write_source(folder)).find(line)
    assert reply is not None
    return reply.status, json.loads(reply.body)


@pytest.mark.parametrize(
    ("given", "codes", "total"),
    [
        ({}, ["b", "a", "c"], 3),
        ({"sort": '"kode"'}, ["a", "b", "c"], 3),
        ({"sort": '"kode"', "offset": 1, "limit": 1}, ["b"], 3),
        ({"filters": {"tahun": 2026}}, ["a"], 1),
        ({"filters": {"kode": ["a", "c"]}}, ["a", "c"], 2),
        ({"filters": {"kode": []}}, [], 0),
    ],
)
def test_a_search_filters_sorts_and_pages(tmp_path: Path, given: dict[str, Any], codes: list[str], total: int) -> None:
    status, reply = search(tmp_path, **given)
    assert (status, reply["success"], reply["result"]["total"]) == (200, True, total)
    assert [each["kode"] for each in reply["result"]["records"]] == codes


def test_only_requested_columns_are_in_the_rows(tmp_path: Path) -> None:
    _, reply = search(tmp_path, fields=["_id", "kode"], limit=1)
    assert reply["result"]["records"] == [{"_id": 1, "kode": "b"}]


def test_unknown_resources_and_columns_are_refused_as_ckan_does(tmp_path: Path) -> None:
    assert search(tmp_path / "a", resource_id="lain")[0] == 404
    status, reply = search(tmp_path / "b", filters={"warna": "merah"})
    assert (status, reply["error"]["fields"]) == (409, ['field "warna" not in table'])


def test_other_requests_have_no_reply(tmp_path: Path) -> None:
    assert DatastoreReplies(write_source(tmp_path)).find("GET api/3/action/datastore_search_sql?sql=SELECT 1") is None


def test_samples_that_are_no_rows_cannot_be_served(tmp_path: Path) -> None:
    with pytest.raises(CannotStartError, match=r"titik\.json of portal is not a list of rows"):
        DatastoreReplies(write_source(tmp_path, {"kode": "a"}))
