"""A stand-in of an Open311 server answers by the standard from its samples."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from connectors.drivers.http.xml_body import build_xml_format
from sandbox.agency import CannotStartError
from sandbox.stand_ins.georeport import GeoReportReplies
from sandbox.stand_ins.sources import StandInSource
from tests.sandbox.open311.georeport_server import SERVICES, build_year, read_moment

NOW = read_moment("2026-11-01T00:00:00Z")
ROWS = build_year(NOW)


def write_replies(folder: Path, rows: object = ROWS, *, span: str = "") -> GeoReportReplies:
    source = StandInSource(folder, "lapor")
    source.samples.mkdir(parents=True)
    (source.samples / "requests.json").write_text(json.dumps(rows))
    (source.samples / "services.json").write_text(json.dumps(SERVICES))
    (folder / "agencies").mkdir()
    (folder / "agencies" / "lapor.toml").write_text(f'[wire]\ndriver = "open311"\n{span}')
    return GeoReportReplies(source)


def list_ids(replies: GeoReportReplies, line: str) -> list[str]:
    reply = replies.find(line)
    assert reply is not None
    assert reply.status == 200, reply.body
    return [each["service_request_id"] for each in json.loads(reply.body)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("end_date=2026-11-01T00:00:00+00:00&start_date=2026-10-29T00:00:00+00:00", ["00001"]),
        ("end_date=2026-11-01T00:00:00+00:00&start_date=2026-10-25T00:00:00Z&status=open", ["00002"]),
        ("end_date=2026-11-01T00:00:00+00:00&service_code=001,003&start_date=2026-10-20T00:00:00Z", ["00002", "00003"]),
        ("service_request_id=00100,00007,9", ["00007", "00100"]),
    ],
)
def test_requests_are_listed_by_period_filters_and_ids(tmp_path: Path, query: str, expected: list[str]) -> None:
    assert list_ids(write_replies(tmp_path), f"GET open311/v2/requests.json?{query}") == expected


def test_a_period_of_more_than_90_days_is_refused_unless_the_manifest_allows_it(tmp_path: Path) -> None:
    line = "GET requests.json?end_date=2026-11-01T00:00:00Z&start_date=2025-11-01T00:00:00Z"
    reply = write_replies(tmp_path / "a").find(line)
    assert reply is not None
    assert (reply.status, json.loads(reply.body)[0]["code"]) == (400, 400)
    assert len(list_ids(write_replies(tmp_path / "b", span="max_span_days = 400"), line)) == 120


def test_one_request_and_the_services_have_addresses(tmp_path: Path) -> None:
    replies = write_replies(tmp_path)
    assert list_ids(replies, "GET requests/00007.json?jurisdiction_id=x") == ["00007"]
    unknown, services = replies.find("GET requests/9.json"), replies.find("GET services.json")
    assert unknown is not None
    assert services is not None
    assert (unknown.status, json.loads(services.body)) == (404, SERVICES)


def test_other_requests_have_no_reply(tmp_path: Path) -> None:
    replies = write_replies(tmp_path)
    for line in ("POST requests.json api_key=x", "GET discovery.json", "GET requests", "GET requests/1/2.json"):
        assert replies.find(line) is None


def test_xml_holds_the_same_rows(tmp_path: Path) -> None:
    row = {**ROWS[0], "notes": [{"datetime": "a"}, {"datetime": "b"}], "extended_attributes": {"x": "<1>"}}
    reply = write_replies(tmp_path, [row]).find("GET requests.xml?service_request_id=00001")
    assert reply is not None
    assert reply.media_type == "text/xml"
    parsed = build_xml_format({}).parse(reply.body)
    assert parsed == {
        "service_requests": {"request": {name: each if each != "" else None for name, each in row.items()}}
    }


def test_samples_that_are_no_lists_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotStartError, match=r"^requests\.json of lapor is not a list of rows$"):
        write_replies(tmp_path, {"service_requests": []})
