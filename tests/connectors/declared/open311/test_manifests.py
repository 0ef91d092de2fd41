"""A manifest of an Open311 server that leaves something open, or contradicts itself, does not start."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.declared.tables import NotDeclarableError
from records.clocks import CITY_TIME_ZONE
from records.complaints import ComplaintPage, ComplaintQuery
from settings.city.manifest import ManifestFile
from settings.city.problems import ManifestError
from tests.connectors.agencies.agency_servers import connect
from tests.connectors.declared.open311.manifests import connect_to, parse_wire
from tests.connectors.failures import make_call
from tests.sandbox.open311.georeport_server import JURISDICTION, GeoReportServer, build_year

NOW = datetime(2026, 11, 29, 12, tzinfo=CITY_TIME_ZONE)
MANIFEST = """\
name = { en = "street service", id = "layanan jalan" }
stage = "draft"
domain = "complaints"

[wire]
driver = "open311"
url = "https://lapor.example/open311/v2"
visibility = "private"
"""
MARKED = {"is_public": {"from": "shared", "values": {"yes": True}, "unknown": False}}


SEARCH = {
    "text": "q",
    "order": "sort",
    "orders": {name: name.lower() for name in ("NEWEST", "OLDEST", "LAST_CHANGED", "MOST_SUPPORTED")},
}


def load(folder: Path, text: str) -> str:
    """The problems of a manifest, one a line; empty for none."""
    path = folder / "lapor.toml"
    path.write_text(text)
    try:
        ManifestFile.load(path)
    except ManifestError as error:
        return str(error).replace(f"{folder}/", "")
    return ""


def test_eight_lines_are_enough(tmp_path: Path) -> None:
    assert load(tmp_path, MANIFEST) == ""


async def test_a_manifest_alone_gives_all_requests_of_a_strict_server(tmp_path: Path) -> None:
    now = datetime.now(CITY_TIME_ZONE)
    strict = GeoReportServer(rows=build_year(now), now=now + timedelta(minutes=1))
    query = ComplaintQuery(first=500)
    async with strict.served() as server:
        path = tmp_path / "lapor.toml"
        keys = f'jurisdiction_id = "{JURISDICTION}"\nvisibility = "public"\npublic_fields = []\n'
        text = MANIFEST.replace("https://lapor.example/open311/v2", f"{server.url}/v2")
        path.write_text(text.replace('visibility = "private"\n', keys))
        async with connect(ManifestFile.load(path)) as agency:
            connector: Any = agency.connector
            await connector.probe(make_call())
            page = (await connector.pages([query], make_call()))[query]
    assert isinstance(page, ComplaintPage), page
    assert (len(page.complaints), page.has_more) == (120, False)


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ('visibility = "private"\n', "", "lapor.toml:5: wire.visibility: this key is missing; write it"),
        (
            '"private"',
            '"public"',
            "lapor.toml:5: wire.public_fields: name what public requests show, `[]` for none; else remove it",
        ),
        ('"complaints"', '"tax"', 'lapor.toml:3: domain: open311 answers the domain "complaints"; write that'),
        (
            "[wire]",
            '[probe]\nread = "complaints"\nkey = "1"\n\n[wire]',
            "lapor.toml:5: probe: open311 has its own; remove this table",
        ),
        (
            "[wire]",
            '[reads.complaints]\npath = "requests"\n\n[wire]',
            "lapor.toml:6: reads.complaints.path: unknown key; remove it: [reads.complaints] has freshness",
        ),
        (
            "[wire]",
            "[options]\nreporter_extension = true\n\n[wire]",
            "lapor.toml:5: options: they belong to a connector in Python; remove this table",
        ),
    ],
    ids=range(6),
)
def test_a_problem_is_named_with_line_and_fix(tmp_path: Path, before: str, after: str, problem: str) -> None:
    assert load(tmp_path, MANIFEST.replace(before, after)) == problem


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"visibility": "unknown"}, "Input should be 'private', 'public' or 'by_request'"),
        ({"public_fields": ["reporter"]}, "Input should be 'description', 'address'"),
        ({"history_days": 1_801}, "history_days: at most 20 times max_span_days"),
        ({"extensions": {"reporter": "reporter"}}, "extensions.reporter: pages of a search need `page_size`"),
        (
            {"extensions": {"search": {"text": "q", "order": "sort", "orders": {"NEWEST": "new"}}}},
            "orders: give the server's word for each of NEWEST, OLDEST, LAST_CHANGED, MOST_SUPPORTED",
        ),
        ({"extensions": {"search": SEARCH}}, "extensions.search: pages of a search need `page_size`"),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(keys: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        parse_wire(**keys)


@pytest.mark.parametrize(
    ("keys", "records", "place"),
    [
        ({"visibility": "by_request"}, {}, "records.Complaint"),
        ({}, {"Complaint": MARKED}, "records.Complaint"),
        ({"extensions": {"reporter": "nik", "page_size": "limit"}}, {}, "records.Complaint"),
        ({}, {"Report": {"id": "id"}}, "records.Report"),
        ({}, {"Complaint": {"colour": "colour"}}, "records.Complaint.colour"),
    ],
)
async def test_records_that_do_not_fit_are_refused(keys: dict[str, Any], records: dict[str, Any], place: str) -> None:
    with pytest.raises(NotDeclarableError) as refused:
        async with connect_to(parse_wire(**keys), NOW, records=records):
            pass
    assert refused.value.place == place


def test_secrets_are_not_shown() -> None:
    wire = parse_wire(credential={"query": {"api_key": "k-1"}})
    assert "k-1" not in repr(wire)


def test_a_server_of_the_standard_alone_lacks_the_text_search() -> None:
    assert tuple(parse_wire().lacks) == ("searches",)
    assert tuple(parse_wire(extensions={"page_size": "page_size", "search": SEARCH}).lacks) == ()
