"""The stand-in of a FHIR server: searches, pages, batches and refusals as R4 has them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.stand_ins.fhir import FhirReplies
from sandbox.stand_ins.sources import StandInSource

MANIFEST = '[wire]\ndriver = "fhir"\nurl = "x"\nbases = ["https://satu.example/r4"]\n'
SLOTS: list[dict[str, Any]] = [
    {
        "resourceType": "Slot",
        "id": f"s{number}",
        "status": "free" if number % 2 else "busy",
        "schedule": {"reference": "Schedule/a"},
        "start": f"2026-11-0{number}T08:00:00+07:00",
    }
    for number in range(1, 6)
]
SCHEDULE = {"resourceType": "Schedule", "id": "a", "actor": [{"reference": "Location/l"}]}
LOCATION = {"resourceType": "Location", "id": "l", "name": "Puskesmas"}


@pytest.fixture
def replies(tmp_path: Path) -> FhirReplies:
    (tmp_path / "agencies").mkdir()
    (tmp_path / "agencies/x.toml").write_text(MANIFEST)
    samples = tmp_path / "samples/x"
    samples.mkdir(parents=True)
    (samples / "all.json").write_text(json.dumps([*SLOTS, SCHEDULE, LOCATION]))
    return FhirReplies(StandInSource(tmp_path, "x"))


def ask(replies: FhirReplies, line: str) -> tuple[int, Any]:
    reply = replies.find(line)
    assert reply is not None
    assert reply.media_type == "application/fhir+json"
    return reply.status, json.loads(reply.body)


def list_ids(bundle: dict[str, Any], mode: str = "match") -> list[str]:
    return [each["resource"]["id"] for each in bundle.get("entry", []) if each["search"]["mode"] == mode]


@pytest.mark.parametrize("line", ["POST r4/Slot/_search {}", "GET r4/Slot?{}"])
def test_a_search_selects_by_all_its_parameters(replies: FhirReplies, line: str) -> None:
    status, found = ask(replies, line.replace("{}", "_count=9&start=ge2026-11-03&status=free"))
    assert (status, found["type"], found["total"], list_ids(found)) == (200, "searchset", 2, ["s3", "s5"])
    assert "entry" not in ask(replies, line.replace("{}", "status=none"))[1]


def test_pages_follow_links_that_hold_no_parameters(replies: FhirReplies) -> None:
    _, first = ask(replies, "POST r4/Slot/_search _count=2")
    [link] = [each["url"] for each in first["link"] if each["relation"] == "next"]
    assert link.startswith("https://satu.example/r4?_getpages=")
    _, second = ask(replies, f"GET r4?{link.partition('?')[2]}")
    assert (list_ids(first), list_ids(second)) == (["s1", "s2"], ["s3", "s4"])
    assert ask(replies, "GET r4?_getpages=99")[0] == 410


def test_resources_are_included_and_read(replies: FhirReplies) -> None:
    _, found = ask(replies, "POST r4/Slot/_search _count=1&_include=Slot:schedule&_include:iterate=Schedule:actor")
    assert (list_ids(found), list_ids(found, "include")) == (["s1"], ["a", "l"])
    assert ask(replies, "GET r4/Location/l") == (200, LOCATION)


@pytest.mark.parametrize(
    ("line", "status", "code"),
    [
        ("POST r4/Slot/_search colour=red", 400, "not-supported"),
        ("POST r4/Planet/_search _count=1", 404, "not-supported"),
        ("GET r4/Slot/s9", 404, "not-found"),
        ("POST r4/Slot a=b", 405, "not-supported"),
        ("POST r4 nothing", 400, "structure"),
    ],
)
def test_what_cannot_be_answered_is_an_outcome(replies: FhirReplies, line: str, status: int, code: str) -> None:
    found = ask(replies, line)
    assert (found[0], found[1]["resourceType"], found[1]["issue"][0]["code"]) == (status, "OperationOutcome", code)


def test_each_request_of_a_batch_has_its_own_status(replies: FhirReplies) -> None:
    urls = ["Slot?status=free", "Slot?colour=red"]
    sent = {
        "resourceType": "Bundle",
        "type": "batch",
        "entry": [{"request": {"method": "GET", "url": url}} for url in urls],
    }
    _, found = ask(replies, f"POST r4 {json.dumps(sent)}")
    assert [each["response"]["status"] for each in found["entry"]] == ["200", "400"]
    assert list_ids(found["entry"][0]["resource"]) == ["s1", "s3", "s5"]
    assert found["entry"][1]["response"]["outcome"]["issue"][0]["code"] == "not-supported"


def test_other_requests_are_not_those_of_a_fhir_server(replies: FhirReplies) -> None:
    assert replies.find("GET refused") is None
    assert replies.find("POST refused") is None
