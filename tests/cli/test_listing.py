"""Listing commands print a table, or the same rows as JSON."""

import json
from datetime import UTC, date, datetime

import pytest

from cli.listing import print_rows
from tests.cli.command_line import ServeProcess, run_simpul

BY = ("--by", "Ani", "--case", "PDP/1")
KEYS = {
    ("sandbox",): ["agency", "state", "port", "control_port", "pid", "calls"],
    ("sandbox", "calls"): ["agency", "operation", "calls"],
    ("people",): ["name", "what", "who"],
    ("clients",): ["client", "what", "gets_tokens_by", "scopes"],
    ("agencies", "check"): ["agency", "protocol", "outcome", "seconds"],
    ("data-contracts", "check"): ["agency", "data", "assessment", "risk", "holds_until", "notes", "fault"],
    ("settings", "list"): ["name", "value", "is_default"],
    ("settings", "check"): ["level", "name", "value", "says"],
    ("retention", "list"): ["what", "days"],
}
"""The commands whose list is never empty, and the keys of a row."""


@pytest.mark.parametrize("command", KEYS, ids=" ".join)
def test_the_rows_of_a_listing_are_json_with_the_same_keys(
    serve_process: ServeProcess, command: tuple[str, ...]
) -> None:
    outcome = run_simpul(serve_process.state, *command, "--json")
    rows = json.loads(outcome.stdout)
    assert rows
    assert [list(row) for row in rows] == [KEYS[command]] * len(rows)


@pytest.mark.parametrize(
    "command",
    [
        ("breach", "list"),
        ("consents", "outbox"),
        ("data-requests", "list"),
        ("commands", "list"),
        ("retention", "receipts"),
        ("access", "unusual", *BY),
        ("access", "refusals", *BY),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_a_list_that_may_be_empty_is_an_array(serve_process: ServeProcess, command: tuple[str, ...]) -> None:
    outcome = run_simpul(serve_process.state, *command, "--json")
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert isinstance(json.loads(outcome.stdout), list)


def test_operations_are_listed_with_the_contracts_of_their_clients(serve_process: ServeProcess) -> None:
    listed = json.loads(run_simpul(serve_process.state, "operations", "list", "sandbox/pantau-kota", "--json").stdout)
    assert listed["contracts"] == [
        {
            "client": "sandbox/pantau-kota",
            "name": "Pantau Kota",
            "mode": "ids-only",
            "cost_a_day": 100000,
            "consent_days": None,
        }
    ]
    assert [(each["operation"], each["state"], each["scopes"]) for each in listed["operations"]] == [
        ("LatestComplaints", "published", ["complaints:read"]),
        ("RicePrice", "published", ["prices:read"]),
    ]


def test_cells_are_readable_and_cannot_control_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    row = {
        "a_day": date(2026, 11, 1),
        "a_time": datetime(2026, 11, 1, 8, 30, 15, tzinfo=UTC),
        "share": 0.5,
        "is_late": True,
        "scopes": ["a", "b"],
        "text": "[bold]x[/]\x1b[2J",
        "none": None,
    }
    print_rows([row], as_json=False)
    header, cells = capsys.readouterr().out.splitlines()
    assert " ".join(header.split()) == "a day a time share is late scopes text none"
    assert (
        " ".join(cells.split())
        == "2026-11-01 2026-11-01T08:30:15+00:00 0.5 yes a, b [bold]x[/]\N{REPLACEMENT CHARACTER}[2J -"
    )
    print_rows([row], as_json=True)
    assert json.loads(capsys.readouterr().out) == [row | {"a_day": "2026-11-01", "a_time": "2026-11-01T08:30:15+00:00"}]


def test_an_empty_list_is_a_sentence_or_an_empty_array(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([], as_json=False, nothing="There are no breaches.")
    print_rows([], as_json=True, nothing="There are no breaches.")
    assert capsys.readouterr().out == "There are no breaches.\n[]\n"
