"""The commands on the page about consent, run line by line in a shell against a running city."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from itertools import takewhile
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from cli.operations.contract_file import read_contract
from tests.cli.command_line import ServeProcess, build_environment, run_simpul
from tests.sandbox_agencies import ROOT

PAGE = (ROOT / "docs" / "partners" / "consent.md").read_text(encoding="utf-8")
STEPS = re.findall(r"<!-- run: consent -->\n +```sh\n(.*?) +```\n\n +```json\n(.*?) +```", PAGE, re.DOTALL)
END = "-- end of the step --"
"""The shell prints it after each step."""
GIVEN = re.compile(r"^ *(REQUEST|CONSENT)=\.\.\..*\n", re.MULTILINE)


def matches_example(shown: Any, got: Any) -> bool:  # noqa: ANN401 - JSON
    """Whether an answer matches the example; `...` matches anything, and at the end of a text its rest."""
    if isinstance(shown, str) and shown.endswith("..."):
        return shown == "..." or (isinstance(got, str) and got.startswith(shown[:-3]))
    if isinstance(shown, dict):
        return (
            isinstance(got, dict)
            and shown.keys() == got.keys()
            and all(matches_example(shown[k], got[k]) for k in shown)
        )
    if isinstance(shown, list):
        return isinstance(got, list) and len(shown) == len(got) and all(map(matches_example, shown, got))
    return bool(shown == got)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_page_leads_from_the_first_question_to_the_end_of_the_consent(serve_process: ServeProcess) -> None:
    assert len(STEPS) == 8
    known = {"REQUEST": "", "CONSENT": ""}
    shell = subprocess.Popen(
        ["/bin/sh", "-e"],
        env=build_environment(serve_process.state),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with shell:
        assert shell.stdin is not None
        assert shell.stdout is not None
        for number, (lines, shown) in enumerate(STEPS):
            typed = GIVEN.sub(lambda match: f"{match[1]}={known[match[1]]}\n", dedent(lines))
            typed = typed.replace("127.0.0.1:8000", f"127.0.0.1:{serve_process.port}")
            shell.stdin.write(f"{typed}\necho; echo {END}\n")
            shell.stdin.flush()
            got = json.loads("".join(takewhile(lambda line: line != f"{END}\n", shell.stdout)))
            expected = json.loads(shown.replace("127.0.0.1:8000", f"127.0.0.1:{serve_process.port}"))
            assert matches_example(expected, got), json.dumps(got, indent=1)
            if number == 0:
                known["REQUEST"] = got["id"]
            if number == 3:
                known["CONSENT"] = got["consent"]["id"]
    assert shell.returncode == 0


def test_the_sandbox_gets_a_webhook_as_the_page_says(serve_process: ServeProcess, tmp_path: Path) -> None:
    [lines] = re.findall(r"<!-- run: receiver -->\n```sh\n(.*?)^SECRET=", PAGE, re.DOTALL | re.MULTILINE)
    outcome = subprocess.run(  # noqa: S603 - the documentation's own lines
        ["/bin/sh", "-c", lines.replace("/tmp/kredit.toml", str(tmp_path / "kredit.toml"))],  # noqa: S108 - as on the page
        env=build_environment(serve_process.state),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    try:
        assert outcome.stdout == (
            "The contract of sandbox/kredit-nusantara is in force, with 3 operations. Hubs apply it in seconds.\n"
        )
        terms = read_contract(tmp_path / "kredit.toml").consent
        assert terms is not None
        assert terms.webhook == "http://127.0.0.1:9010/webhooks"
    finally:
        before = str(ROOT / "sandbox" / "contracts" / "kredit-nusantara" / "contract.toml")
        back = run_simpul(
            serve_process.state, "operations", "publish", "sandbox/kredit-nusantara", "--contract", before
        )
    assert back.returncode == 0, back.stderr


def test_an_example_matches_only_what_it_leaves_open() -> None:
    assert matches_example({"a": "...", "b": ["x..."]}, {"a": {"any": 1}, "b": ["xyz"]})
    for got in ({"a": 1}, {"a": 1, "b": ["y"]}, {"a": 1, "b": []}, {"a": 1, "b": ["x"], "c": 1}):
        assert not matches_example({"a": "...", "b": ["x..."]}, got)
