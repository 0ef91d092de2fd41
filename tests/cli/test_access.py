"""`simpul access`: unusual reading and refusals, for the data-protection officer; each use is recorded."""

from __future__ import annotations

import json

from tests.cli.command_line import ServeProcess, run_simpul

BY = ("--by", "Surya", "--case", "PDP/2026/1")


def test_unusual_reading_and_refusals_are_listed_as_json_and_as_text(serve_process: ServeProcess) -> None:
    unusual = run_simpul(serve_process.state, "access", "unusual", *BY, "--json")
    assert (unusual.returncode, json.loads(unusual.stdout)) == (0, [])
    assert (
        run_simpul(serve_process.state, "access", "unusual", *BY).stdout
        == "No reader read an unusual number of people.\n"
    )
    refusals = run_simpul(serve_process.state, "access", "refusals", *BY, "--json")
    assert (refusals.returncode, type(json.loads(refusals.stdout))) == (0, list)


def test_missing_name_or_case_is_refused(serve_process: ServeProcess) -> None:
    assert run_simpul(serve_process.state, "access", "unusual", "--by", "Surya").returncode == 2
    nameless = run_simpul(serve_process.state, "access", "refusals", "--by", " ", "--case", "PDP/1")
    assert (nameless.returncode, nameless.stdout) == (1, "")
    assert nameless.stderr == "simpul: --by must have 1 to 255 characters on one line\n"
