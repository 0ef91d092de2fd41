"""`simpul access`: unusual reading and refusals, for the data-protection officer, each look recorded."""

from __future__ import annotations

import json

from tests.cli.running import Serve, simpul

BY = ("--by", "Surya", "--case", "PDP/2026/1")


def test_it_lists_unusual_reading_and_refusals_as_json_and_in_words(running: Serve) -> None:
    unusual = simpul(running.state, "access", "unusual", *BY, "--json")
    assert (unusual.returncode, json.loads(unusual.stdout)) == (0, [])
    assert simpul(running.state, "access", "unusual", *BY).stdout == "No reader read an unusual number of people.\n"
    refusals = simpul(running.state, "access", "refusals", *BY, "--json")
    assert (refusals.returncode, type(json.loads(refusals.stdout))) == (0, list)


def test_who_does_not_say_who_looks_and_why_is_refused(running: Serve) -> None:
    assert simpul(running.state, "access", "unusual", "--by", "Surya").returncode == 2
    nameless = simpul(running.state, "access", "refusals", "--by", " ", "--case", "PDP/1")
    assert (nameless.returncode, nameless.stdout) == (1, "")
    assert nameless.stderr == "simpul: --by must have 1 to 255 characters on one line\n"
