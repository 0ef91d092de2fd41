"""`simpul data-requests`: the city answers data requests, and each use is recorded."""

from __future__ import annotations

import json
import urllib.request
from typing import Any
from uuid import uuid4

import pytest

from records.hub.data_requests import DataRequestRefusal
from sandbox.population.samples import SAMPLES
from tests.cli.command_line import ServeProcess, run_simpul

BUDI = SAMPLES["budi"].nik


def ask_hub(serve_process: ServeProcess, query: str) -> Any:  # noqa: ANN401 - JSON
    token = run_simpul(serve_process.state, "token", "budi").stdout.strip()
    request = urllib.request.Request(
        f"http://127.0.0.1:{serve_process.port}/graphql",
        json.dumps({"query": query}).encode(),
        {"Content-Type": "application/json", "Authorization": f"Bearer {token}"},
    )
    with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310 - our own hub
        answer = json.load(response)
    assert "errors" not in answer
    return answer["data"]


@pytest.fixture
def number(serve_process: ServeProcess) -> str:
    """The number of a request that Budi just made."""
    query = f"""mutation {{ requestCorrection(field: "Residence.address", says: "RT salah", wanted: "RT 2",
        key: "{uuid4()}") {{ number }} }}"""
    made: str = ask_hub(serve_process, query)["requestCorrection"]["number"]
    return made


def test_a_request_is_listed_shown_and_answered_and_the_person_reads_it_all(
    serve_process: ServeProcess, number: str
) -> None:
    listed = run_simpul(serve_process.state, "data-requests", "list", "--agency", "dukcapil")
    (line,) = [line.split() for line in listed.stdout.splitlines() if number in line]
    assert [line[0], line[1], line[2], line[3], line[5:]] == [number, "CORRECTION", "RECEIVED", "dukcapil", ["72", "h"]]
    assert BUDI not in listed.stdout
    assert "RT salah" not in listed.stdout
    assert number not in run_simpul(serve_process.state, "data-requests", "list", "--agency", "pbb").stdout
    assert number not in run_simpul(serve_process.state, "data-requests", "list", "--overdue").stdout

    shown = run_simpul(serve_process.state, "data-requests", "show", number, "--by", "Ani")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert BUDI in shown.stdout
    assert "RT salah" in shown.stdout

    begun = run_simpul(serve_process.state, "data-requests", "answer", number, "in-progress", "--by", "Ani")
    assert begun.stdout == f"{number} is IN_PROGRESS.\n"
    refused = run_simpul(
        serve_process.state,
        *(
            "data-requests",
            "answer",
            number,
            "refused",
            "--by",
            "Ani",
            "--reason",
            "data-is-right",
            "--text",
            "Sudah benar",
        ),
    )
    assert refused.stdout == f"{number} is REFUSED.\n"

    query = """{ me { dataRequests(first: 1) { nodes { number state events { state by refusal text } } }
        accessLog(first: 5) { nodes { text } } } }"""
    me = ask_hub(serve_process, query)["me"]
    (request,) = me["dataRequests"]["nodes"]
    assert (request["number"], request["state"]) == (number, "REFUSED")
    assert [list(each.values()) for each in request["events"]] == [
        ["RECEIVED", "You", None, None],
        ["IN_PROGRESS", "Ani", None, None],
        ["REFUSED", "Ani", "DATA_IS_RIGHT", "Sudah benar"],
    ]
    looked = [each["text"] for each in me["accessLog"]["nodes"] if "data-protection officer" in each["text"]]
    (entry,) = looked
    assert entry == (
        f"The data-protection officer of the city read your data requests. Purpose: SUBJECT_REQUEST, case {number}."
        " Legal basis: a duty by law (UU PDP, article 20 (2) c)."
    )

    again = run_simpul(serve_process.state, "data-requests", "answer", number, "done", "--by", "Ani")
    assert again.returncode == 1
    assert again.stderr == "simpul: The request is REFUSED already; it was answered or withdrawn.\n"
    assert number in run_simpul(serve_process.state, "data-requests", "list", "--state", "refused").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("show", "HAK-2026-ZZZZZZZZ", "--by", "Ani"), "there is no request 'HAK-2026-ZZZZZZZZ'"),
        (("answer", "HAK-2026-ZZZZZZZZ", "done", "--by", "Ani"), "is not a request that you answer"),
        (("answer", "HAK-1", "received", "--by", "Ani"), "RECEIVED is not an answer"),
        (("answer", "HAK-1", "refused", "--by", "Ani"), "REFUSED requires a reason"),
        (("answer", "HAK-1", "done", "--by", "Ani", "--reason", "statistics"), "REFUSED requires a reason"),
        (("answer", "HAK-1", "refused", "--by", "Ani", "--reason", "busy"), "'busy' is not a reason in the law"),
        (("answer", "HAK-1", "done", "--by", " "), "--by must be your name"),
        (("answer", "HAK-1", "done", "--by", "Ani", "--text", " "), "the text must hold 1 to 2000 characters"),
        (("list", "--state", "lost"), "'lost' is not a state"),
    ],
)
def test_an_invalid_call_is_refused_in_one_line(
    serve_process: ServeProcess, arguments: tuple[str, ...], message: str
) -> None:
    outcome = run_simpul(serve_process.state, "data-requests", *arguments)
    assert outcome.returncode == 1
    assert message in outcome.stderr
    assert outcome.stderr.count("\n") == 1


def test_the_reasons_are_those_in_the_law() -> None:
    assert [each.name for each in DataRequestRefusal] == [
        "ENDANGERS_PEOPLE",
        "REVEALS_OTHERS",
        "NATIONAL_SECURITY",
        "LAW_ENFORCEMENT",
        "PUBLIC_INTEREST",
        "FINANCIAL_SUPERVISION",
        "STATISTICS",
        "DATA_IS_RIGHT",
    ]
